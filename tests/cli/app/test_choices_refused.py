"""Choices that cannot be: refused by the name of the flag, the variable or the file that says them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from countagg.provision.choices import MEMORY_VARIABLE, Remembered
from tests.cli.account import BUCKET
from tests.cli.choice_ways import settings_of
from tests.cli.running import CommandLine


@dataclass(frozen=True)
class Bad:
    """Something wrong, said by a flag, a variable or a file, and what the complaint must hold."""

    flags: tuple[str, ...]
    name: str
    variable: str
    file: str
    complaint: str


BAD: Final = (
    Bad(("--tag", "team"), "tags", "team", "", "'team' is not of the form KEY=VALUE"),
    Bad(("--tag", "=x"), "tags", "=x", "", "'=x' is not of the form KEY=VALUE"),
    Bad(("--tag", "aws:x=1"), "tags", "aws:x=1", '[tags]\n"aws:x" = 1\n', "cannot be a tag"),
    Bad(("--memory", "512"), "memory", "512", "", "'512' is not of the form KEY=VALUE"),
    Bad(
        ("--memory", "processor=big"),
        "memory",
        "processor=big",
        '[memory]\nprocessor = "big"\n',
        "processor=big is not a whole number",
    ),
    Bad(
        ("--memory", f"processor={'9' * 5000}"),
        "memory",
        f"processor={'9' * 5000}",
        f'[memory]\nprocessor = "{"9" * 5000}"\n',
        "is not a whole number",
    ),
    Bad(
        ("--memory", "procesor=512"),
        "memory",
        "procesor=512",
        "[memory]\nprocesor = 512\n",
        "there is no 'procesor' to set",
    ),
    Bad(
        ("--memory", "processor=64"),
        "memory",
        "processor=64",
        "[memory]\nprocessor = 64\n",
        "processor=64 is out of range",
    ),
    Bad(
        ("--window", "publisher=301"),
        "window",
        "publisher=301",
        "[window]\npublisher = 301\n",
        "publisher=301 is out of range",
    ),
    Bad(
        ("--alarm-uploads", "0"),
        "alarm_uploads",
        "0",
        "alarm_uploads = 0\n",
        "alarm_uploads=0 is out of range",
    ),
    Bad(
        ("--max-concurrency", "1"),
        "max_concurrency",
        "1",
        "max_concurrency = 1\n",
        "max_concurrency=1 is out of range",
    ),
    Bad(
        ("--retention", "logs=8"),
        "retention",
        "logs=8",
        "[retention]\nlogs = 8\n",
        "CloudWatch Logs has no 8-day retention",
    ),
    Bad(("--kms-key", "alias/x"), "kms_key", "alias/x", 'kms_key = "alias/x"\n', "'alias/x' cannot be used"),
    Bad(("--role-path", "ops"), "role_path", "ops", 'role_path = "ops"\n', "'ops' cannot be used"),
    Bad(
        ("--permissions-boundary", "x"),
        "permissions_boundary",
        "x",
        'permissions_boundary = "x"\n',
        "'x' cannot be used",
    ),
    Bad(("--alarm-email", "ops"), "alarm_email", "ops", 'alarm_email = "ops"\n', "'ops' cannot be used"),
    Bad(
        ("--architecture", "arm"),
        "architecture",
        "arm",
        'architecture = "arm"\n',
        "'arm' cannot be used",
    ),
    Bad(("--lanes", "0"), "lanes", "0", "lanes = 0\n", "0 lanes and 1 counter shards"),
    Bad(
        ("--counter-shards", "101"),
        "counter_shards",
        "101",
        "counter_shards = 101\n",
        "1 lanes with 101 counter shards are 101 partitions a day",
    ),
    Bad(
        ("--max-counters", "0"),
        "max_counters",
        "0",
        "max_counters = 0\n",
        "max_counters=0 is out of range",
    ),
    Bad(
        ("--prefix", "it's/"),
        "prefix",
        "it's/",
        'prefix = "it\'s/"\n',
        "cannot be a prefix: S3's notification filters",
    ),
    Bad(
        ("--output-prefix", "a*/"),
        "output_prefix",
        "a*/",
        'output_prefix = "a*/"\n',
        "cannot be a prefix: S3's notification filters",
    ),
    Bad(("--bucket", "B"), "bucket", "B", 'bucket = "B"\n', "'B' cannot be used"),
)


@pytest.mark.parametrize(
    ("bad", "source"),
    # Some mistakes cannot be made in the tables of a file.
    [(bad, source) for bad in BAD for source in ("flag", "variable", "file") if source != "file" or bad.file],
    ids=lambda each: each if isinstance(each, str) else f"{each.name}: {each.complaint[:30]}",
)
def test_what_cannot_be_is_refused_by_the_name_of_its_source(
    bad: Bad, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if source == "file":
        Path("countagg.toml").write_text(bad.file)
    elif source == "variable":
        monkeypatch.setenv(f"COUNTAGG_{bad.name.upper()}", bad.variable)

    with pytest.raises(SystemExit, match="2"):
        settings_of(*(bad.flags if source == "flag" else ()))

    named = {"flag": bad.flags[:1], "variable": (f"COUNTAGG_{bad.name.upper()}",), "file": ("countagg.toml",)}
    err = capsys.readouterr().err
    where = err.removeprefix("countagg: ").partition(": ")[0].split(", ")
    assert named[source][0] in where
    assert len(where) == 1 or bad.name in {"lanes", "counter_shards"}
    assert bad.complaint in err


@pytest.mark.parametrize(("text", "source"), [("many", "variable"), ("9" * 10, "variable"), ('"3"', "file")])
def test_a_number_that_is_none_is_refused_by_the_name_of_its_source(
    text: str, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if source == "file":
        Path("countagg.toml").write_text(f"lanes = {text}\n")
    else:
        monkeypatch.setenv("COUNTAGG_LANES", text)

    with pytest.raises(SystemExit, match="2"):
        settings_of()

    err = capsys.readouterr().err
    assert err.startswith(f"countagg: {'countagg.toml' if source == 'file' else 'COUNTAGG_LANES'}: ")
    assert "whole number" in err


def test_of_merged_numbers_every_source_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("countagg.toml").write_text("[memory]\npublisher = 1\n")
    monkeypatch.setenv("COUNTAGG_MEMORY", "aggregator=512")

    with pytest.raises(SystemExit, match="2"):
        settings_of("--memory", "processor=512")

    assert capsys.readouterr().err.startswith(
        "countagg: --memory, COUNTAGG_MEMORY, countagg.toml: publisher=1 is out"
    )


def test_prefixes_that_overlap_are_named_each_by_its_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNTAGG_PREFIX", "a/")

    with pytest.raises(SystemExit, match="2"):
        settings_of("--output-prefix", "a/b/")

    assert capsys.readouterr().err.startswith("countagg: COUNTAGG_PREFIX, --output-prefix: input prefix 'a/'")


def test_what_the_stack_remembers_is_named_by_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    choices = json.dumps({"memory": {"processor": 1}})
    deployed = Remembered.from_environment({MEMORY_VARIABLE: choices})

    with pytest.raises(SystemExit, match="2"):
        settings_of(deployed=deployed)

    assert capsys.readouterr().err.startswith("countagg: --memory: processor=1 is out of range")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["plan", "setup"])
def test_the_commands_name_the_source_too(name: str, countagg: CommandLine) -> None:
    Path("countagg.toml").write_text(f'bucket = "{BUCKET}"\nkms_key = "alias/x"\n')

    ran = countagg(name)

    assert (ran.code, ran.out) == (2, "")
    assert "countagg: countagg.toml: 'alias/x' cannot be used\n  try: give the ARN of a KMS key" in ran.err


@pytest.mark.usefixtures("account")
def test_a_stack_whose_name_cannot_be_is_not_blamed_on_a_choice(countagg: CommandLine) -> None:
    ran = countagg("plan", "--stack", "Bad", "--bucket", BUCKET)

    assert ran.code == 2
    assert "countagg: --stack: 'Bad' cannot be the name of a stack" in ran.err
