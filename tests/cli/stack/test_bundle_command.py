"""`bundle`: what runs in AWS, without asking AWS."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

from countagg.provision.bundle import build_bundle
from tests.cli.running import CommandLine
from tests.readme import assert_shown, transcript_of


def test_it_lists_components_with_versions_and_licences(countagg: CommandLine) -> None:
    ran = countagg("bundle")

    assert ran.code == 0
    header, *rows = (line.split() for line in ran.out.splitlines())
    assert header == ["COMPONENT", "VERSION", "LICENCE", "FILES", "BYTES"]
    assert [row[0] for row in rows] == ["countagg", "aws-lambda-powertools", "jmespath", "typing-extensions"]
    assert {row[2] for row in rows} == {"MIT", "PSF-2.0"}
    assert all(re.fullmatch(r"\d{1,3}(,\d{3})*", number) for row in rows for number in row[3:])
    assert f"CodeSha256 {build_bundle().sha256}\n" in ran.err


def test_files_are_listed_with_their_hashes(countagg: CommandLine) -> None:
    ran = countagg("bundle", "--files", "--output", "csv")

    header, *rows = csv.reader(io.StringIO(ran.out))
    assert header == ["FILE", "COMPONENT", "BYTES", "SHA256"]
    content = zipfile.ZipFile(io.BytesIO(build_bundle().content))
    assert {row[0]: row[3] for row in rows} == {
        name: hashlib.sha256(content.read(name)).hexdigest() for name in content.namelist()
    }


def test_json_has_components_and_files(countagg: CommandLine) -> None:
    document = countagg("bundle", "--output", "json").document

    assert list(document) == ["schema", "code_sha256", "bytes", "components"]
    assert document["code_sha256"] == build_bundle().sha256
    assert {tuple(each) for each in document["components"]} == {("name", "version", "licence", "bytes", "files")}
    for each in document["components"]:
        assert each["bytes"] == sum(file["bytes"] for file in each["files"])


def test_the_zip_and_its_bill_of_materials_are_written(countagg: CommandLine, tmp_path: Path) -> None:
    archive, bill = tmp_path / "code.zip", tmp_path / "code.cdx.json"

    ran = countagg("bundle", "--save", str(archive), "--sbom", str(bill), "--quiet")

    assert (ran.code, ran.err) == (0, "")
    digest = hashlib.sha256(archive.read_bytes()).digest()
    assert base64.b64encode(digest).decode() == build_bundle().sha256
    document = json.loads(bill.read_text())
    assert document["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": digest.hex()}]


def test_readme_shows_what_is_printed(countagg: CommandLine) -> None:
    _, *shown = transcript_of("countagg bundle")
    assert_shown(shown, countagg("bundle").out)


def test_a_file_that_cannot_be_written_is_named(countagg: CommandLine, tmp_path: Path) -> None:
    ran = countagg("bundle", "--save", str(tmp_path / "no" / "code.zip"))

    assert (ran.code, ran.out) == (2, "")
    assert "code.zip: it cannot be written: No such file or directory\n" in ran.err


def test_a_hyphen_is_no_file_to_save_to(countagg: CommandLine) -> None:
    for option in ("--save", "--sbom"):
        ran = countagg("bundle", option, "-")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("countagg: -: stdout is no file to save to\n  try: ")
    assert not Path("-").exists()
