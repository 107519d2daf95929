"""README hangs together: its contents, pictures, command lines, settings and figures."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest

from countagg import __version__
from countagg.cli.app.preferences import load_preferences
from countagg.cli.app.subjects import SUBJECTS, subject_of
from countagg.cli.main import main
from countagg.core.object_keys import parse_object_key
from countagg.core.partitions import INSTANCES_PER_LANE, MAX_PARTITIONS, UPLOADS_PER_LANE
from countagg.provision.settings import DEFAULT_PREFIX, Retention
from tests.readme import BLOCKS, PROSE, README, ROOT, document, section, shell_lines

MAKEFILE = (ROOT / "Makefile").read_text()
HEADINGS = re.findall(r"^##+ (.*)$", PROSE, re.MULTILINE)
PICTURES = re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", PROSE)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


# Contents and pictures


def test_the_contents_are_the_sections_in_their_order() -> None:
    readme = (ROOT / "README.md").read_text()
    sections = re.findall(r"^## (.*)$", readme, re.MULTILINE)

    assert re.findall(r"^- \[(.*)\]\(#.*\)$", readme, re.MULTILINE) == sections
    assert len(set(HEADINGS)) == len(HEADINGS)


def test_readme_is_short_and_leads_to_every_subject() -> None:
    readme = (ROOT / "README.md").read_text()

    assert len(readme.splitlines()) <= 300
    assert len(readme.encode()) <= 20_000
    assert [subject for subject in SUBJECTS if f"](docs/{subject}.md)" not in readme] == []


def test_every_picture_is_described_for_who_cannot_see_it() -> None:
    assert len({Path(path).name for _, path in PICTURES}) == 8
    assert all(len(description.split()) >= 8 for description, _ in PICTURES)


# Command lines


def is_there(line: str) -> bool:
    """Tell whether a line can be tried: some options act by themselves."""
    return not line.endswith(("-completion", "version", "help options"))


@pytest.mark.parametrize("line", [line for line in shell_lines("countagg") if is_there(line)])
def test_countagg_knows_every_command_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` behind it shows that the command is there, and takes these options, without running it."""
    _, *arguments = shlex.split(line)

    code = main([*arguments, "--help"])

    printed = capsys.readouterr()
    assert code == 0, printed.err
    words = arguments[1:] if arguments[0] == "help" else []
    assert printed.out.startswith("# " if words and subject_of(words[0]) else "Usage: countagg ")


def test_command_lines_are_found_in_blocks_and_in_the_text() -> None:
    found = shell_lines("countagg")

    assert "countagg --local query --date today" in found
    assert "countagg status" in found
    assert len(found) > 50


@pytest.mark.parametrize("line", shell_lines("make"))
def test_make_has_every_target(line: str) -> None:
    _, target, *variables = line.split()

    assert re.search(rf"^{target}:.*## ", MAKEFILE, re.MULTILINE)
    assert target in MAKEFILE.partition(".PHONY: ")[2].partition("\n")[0].split()
    assert all(f"$({variable.partition('=')[0]})" in MAKEFILE for variable in variables)


def recipe(target: str) -> str:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    return found[1] if found else ""


def test_make_does_what_readme_says_of_it() -> None:
    assert recipe("demo").strip().endswith("@$(BIN)/countagg demo $(if $(KEEP),--keep)")
    assert "--editable '.[local]'" in recipe(r"\$\(LIGHT\)")
    assert "$(BIN)/python -m pytest" in recipe("test")
    assert "-m tests.cli.screenshots" in recipe("screenshots")


def test_the_wheel_is_called_as_make_build_calls_it() -> None:
    lines = [
        line for block in BLOCKS for line in block.text.splitlines() if " install " in line and "dist/" in line
    ]

    assert [line.partition(" install ")[0] for line in lines] == ["pipx", "uv tool", "pip"]
    assert all(line.endswith(" install dist/countagg-*.whl") for line in lines)
    assert fnmatch(f"countagg-{__version__}-py3-none-any.whl", "countagg-*.whl")


def test_the_key_of_a_file_is_one_that_the_pipeline_takes() -> None:
    (address,) = {block.text.strip() for block in BLOCKS if block.text.startswith("s3://")}

    key = address.removeprefix("s3://BUCKET/").replace("YYYY-MM-DD", "2026-11-20")
    found = parse_object_key(key, DEFAULT_PREFIX)

    assert found is not None
    assert (found.day, found.instance) == ("2026-11-20", "INSTANCE-ID")


# Settings


@pytest.mark.parametrize("text", [block.text for block in BLOCKS if block.language == "toml"])
def test_every_settings_file_is_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(text)

    preferences = load_preferences({}, tmp_path / "settings.toml")

    assert preferences.value("bucket") == "my-counters"


# Figures


def test_figures_of_the_guarantees_are_those_that_were_measured() -> None:
    rows = [row.split(" | ")[-1] for row in section("## Guarantees").splitlines() if row.startswith("| ")]
    told = {number for row in rows for number in NUMBER.findall(row)} - {"2015"}
    measured = document("figures") + section("## Exactness, simulated")

    assert len(told) == 6
    assert told <= set(NUMBER.findall(measured))


def test_bounds_of_a_fleet_are_those_of_the_code() -> None:
    told = section("## Large fleets")

    assert f"enough for about {INSTANCES_PER_LANE:,} instances and {UPLOADS_PER_LANE:,} uploads a second" in told
    assert f"Lanes times counter shards are at most {MAX_PARTITIONS}" in told
    assert f"files are taken for {Retention().snapshots} days back" in section("## What it cannot do")


def test_every_language_of_a_block_is_checked_by_some_test() -> None:
    assert {block.language for block in BLOCKS} == {"", "console", "python", "json", "toml", "ini", "yaml"}
    assert README.count("```") == 2 * len(BLOCKS)
