from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from countagg.core.errors import CountaggError
from countagg.provision import bundle
from countagg.provision.bundle import build_bundle, make_code
from countagg.provision.code import Code

# What Lambda's runtime brings along; jmespath and typing_extensions must come out of the bundle.
RUNTIME = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six")
LIMIT = 5 * 2**20
SELDOM_IMPORTED = {
    Path(f"aws_lambda_powertools/{folder}")
    for folder in (
        "logging/buffer",
        "logging/formatters",
        "metrics/provider/datadog",
        "utilities/data_classes/appsync",
    )
}
"""Folders of which nothing is imported when the functions start."""

IMPORT_ALL = """
import sys, json
sys.path[:0] = sys.argv[1:]
from importlib import import_module
for name in ("processor", "aggregator", "publisher"):
    assert callable(import_module(f"countagg.functions.{name}").handler)
print(json.dumps({name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}))
"""


@pytest.fixture(scope="module")
def code() -> Code:
    return build_bundle()


@pytest.fixture(scope="module")
def archive(code: Code) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(code.content))


def test_two_builds_are_identical(code: Code) -> None:
    again = build_bundle()
    assert again.content == code.content
    assert again.sha256 == code.sha256


def test_the_hash_is_the_one_that_lambda_tells(code: Code) -> None:
    assert base64.b64decode(code.sha256) == hashlib.sha256(code.content).digest()
    assert make_code(b"").sha256 == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_code_is_compared_by_its_hash() -> None:
    assert Code("x", b"ours") == Code("x")
    assert Code("x") != Code("y")
    assert "zip bytes" not in repr(Code("x", b"zip bytes"))


def test_every_entry_has_the_same_date_and_mode_and_is_not_compressed(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr for entry in entries} == {0o100644 << 16}
    assert {entry.create_system for entry in entries} == {3}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_names_are_sorted_and_each_occurs_once(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    assert names == sorted(set(names))


def test_it_holds_only_what_the_functions_need(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    assert [name for name in names if not name.endswith(".py")] == [
        "licences/aws-lambda-powertools/LICENSE",
        "licences/jmespath/LICENSE",
        "licences/typing-extensions/LICENSE",
    ]
    assert {name.split("/")[0] for name in names} == {
        "countagg",
        "licences",
        "aws_lambda_powertools",
        "jmespath",
        "typing_extensions.py",
    }
    ours = {name.split("/")[1] for name in names if name.startswith("countagg/")}
    assert ours == {"__init__.py", "core", "data", "functions"}


def test_it_holds_our_code_as_it_is(archive: zipfile.ZipFile) -> None:
    package = Path(bundle.__file__).parent.parent
    files = [
        package / "__init__.py",
        *(file for room in ("core", "data", "functions") for file in package.glob(f"{room}/*.py")),
    ]
    assert len(files) > 10
    files.remove(package / "core" / "polling.py")  # no function waits
    for path in files:
        assert archive.read(f"countagg/{path.relative_to(package)}") == path.read_bytes()


def test_it_is_far_below_the_limit_of_a_direct_upload(code: Code) -> None:
    assert len(code.content) < LIMIT


def test_the_handlers_import_with_nothing_but_the_bundle_and_the_runtime(
    archive: zipfile.ZipFile, tmp_path: Path
) -> None:
    task, runtime = tmp_path / "task", tmp_path / "runtime"
    archive.extractall(task)
    runtime.mkdir()
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        source = found.parent if found.name == "__init__.py" else found
        (runtime / source.name).symlink_to(source)
    done = subprocess.run(
        (sys.executable, "-I", "-S", "-W", "error", "-c", IMPORT_ALL, str(task), str(runtime)),
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"},
    )
    assert done.returncode == 0, done.stderr
    files: dict[str, str] = json.loads(done.stdout)
    for name in ("jmespath", "typing_extensions", "aws_lambda_powertools", "countagg.core.ledger"):
        assert Path(files[name]).is_relative_to(task), name
    assert Path(files["boto3"]).is_relative_to(runtime)
    imported = {Path(file).relative_to(task) for file in files.values() if Path(file).is_relative_to(task)}
    only_held = {path.relative_to(task) for path in task.rglob("*.py")} - imported
    # A few modules of the libraries are imported when they are used, or stand beside those that are.
    assert {path.parts[0] for path in only_held} == {"aws_lambda_powertools"}
    assert len(only_held) < len(imported) / 3
    assert {path.parent for path in only_held} - {path.parent for path in imported} <= SELDOM_IMPORTED


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LIBRARIES", {"no-such-library": ("x.py",)})
    with pytest.raises(CountaggError, match="no-such-library") as caught:
        build_bundle()
    assert caught.value.hint
