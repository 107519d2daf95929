"""Choices that cannot be: refused by the name of the flag, the variable or the file that says them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.cli.app.preferences import Preferences
from countagg.core.errors import UsageError
from countagg.provision.choices import MEMORY_VARIABLE, Remembered
from countagg.provision.settings import CHOICES
from tests.cli.account import BUCKET
from tests.cli.choice_ways import settings_of, way
from tests.cli.running import CommandLine

OF_FUNCTIONS: Final = "use processor, aggregator, publisher, as in processor=N"
BAD: Final = (
    ("tags", "team", "'team' is not of the form KEY=VALUE"),
    ("tags", "=x", "'=x' is not of the form KEY=VALUE"),
    ("tags", {"aws:x": "1"}, "cannot be a tag"),
    ("memory", "512", f"'512' is not of the form KEY=VALUE\n  try: {OF_FUNCTIONS}\n"),
    ("memory", "none", "'none' is not of the form KEY=VALUE"),
    ("memory", {"processor": "big"}, "processor=big is not a whole number"),
    ("memory", {"processor": "9" * 5000}, "is not a whole number"),
    ("memory", {"procesor": 512}, f"there is no 'procesor' to set\n  try: {OF_FUNCTIONS}\n"),
    ("memory", {"processor": 64}, "processor=64 is out of range"),
    ("window", {"publisher": 301}, "publisher=301 is out of range"),
    ("alarm_uploads", 0, "alarm_uploads=0 is out of range"),
    ("stale_alarm", "90s", "'90s' cannot be used\n  try: give 3m to 12h, in minutes or hours"),
    ("max_concurrency", 1, "max_concurrency=1 is out of range"),
    ("retention", {"logs": 8}, "CloudWatch Logs has no 8-day retention"),
    ("kms_key", "alias/x", "'alias/x' cannot be used"),
    ("role_path", "ops", "'ops' cannot be used"),
    ("permissions_boundary", "x", "'x' cannot be used"),
    ("alarm_email", "ops", "'ops' cannot be used"),
    ("architecture", "arm", "'arm' cannot be used\n  try: give arm64 or x86_64"),
    ("lanes", 0, "0 lanes and 1 counter shards"),
    ("counter_shards", 101, "1 lanes with 101 counter shards are 101 partitions a day"),
    ("max_counters", 0, "max_counters=0 is out of range"),
    ("prefix", "it's/", "cannot be a prefix: S3's notification filters"),
    ("output_prefix", "a*/", "cannot be a prefix: S3's notification filters"),
    ("bucket", "B", "'B' cannot be used"),
)
"""Something wrong, by the name of its choice, and what the complaint must hold."""


@pytest.mark.parametrize("source", ["flag", "variable", "file"])
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad[0]} {bad[2][:30]}")
def test_what_cannot_be_is_refused_by_the_name_of_its_source(
    bad: tuple[str, Any, str], source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, value, complaint = bad
    said = way(name, value)
    if source == "file":
        if not said.file:
            return
        Path("countagg.toml").write_text(said.file)
    elif source == "variable":
        monkeypatch.setenv(f"COUNTAGG_{name.upper()}", said.variable)

    with pytest.raises(SystemExit, match="2"):
        settings_of(*(said.flags if source == "flag" else ()))

    named = {
        "flag": CHOICES[name].option,
        "variable": f"COUNTAGG_{name.upper()}",
        "file": f"{name} in countagg.toml",
    }
    err = capsys.readouterr().err
    where = err.removeprefix("countagg: ").partition(": ")[0].split(", ")
    assert named[source] in where
    assert len(where) == 1 or name in {"lanes", "counter_shards"}
    assert complaint in err
    assert "\n  try: " in err


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
    assert "\n  try: " in err


@pytest.mark.parametrize("text", ["x", "", "1e3", "9" * 10])
def test_a_number_by_its_key_that_is_none_is_refused_with_what_may_be_given(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own.toml").write_text(f'[memory]\nprocessor = "{text}"\n')
    flag, file = ("--memory", f"processor={text}"), ("--config", "own.toml")
    for option, where in ((flag, "--memory"), (file, "memory in own.toml")):
        with pytest.raises(SystemExit, match="2"):
            settings_of(*option)
        assert capsys.readouterr().err == (
            f"countagg: {where}: processor={text} is not a whole number, or too large\n  try: use 128 to 10240\n"
        )


def test_a_global_option_is_named_by_itself_where_nobody_knows_whether_it_was_a_flag() -> None:
    preferences = Preferences({"COUNTAGG_REGION": "eu-west-1", "COUNTAGG_PREFIX": "a/"})
    for option, said in (("--region", "--region"), ("--prefix", "COUNTAGG_PREFIX"), ("--settle", "--settle")):
        with pytest.raises(UsageError) as caught, preferences.sources_named({"prefix": None}):
            raise UsageError("no", where=option)
        assert caught.value.where == said


def test_cost_names_the_source_too(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTAGG_WINDOW", "publisher=301")

    ran = countagg("cost")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("countagg: COUNTAGG_WINDOW: publisher=301 is out of range")


def test_of_merged_numbers_every_source_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("countagg.toml").write_text("[memory]\npublisher = 1\n")
    monkeypatch.setenv("COUNTAGG_MEMORY", "aggregator=512")

    with pytest.raises(SystemExit, match="2"):
        settings_of("--memory", "processor=512")

    assert capsys.readouterr().err.startswith(
        "countagg: --memory, COUNTAGG_MEMORY, memory in countagg.toml: publisher=1 is out"
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
    assert (
        "countagg: kms_key in countagg.toml: 'alias/x' cannot be used\n  try: give the ARN of a KMS key" in ran.err
    )


@pytest.mark.usefixtures("account")
def test_a_stack_whose_name_cannot_be_is_not_blamed_on_a_choice(countagg: CommandLine) -> None:
    ran = countagg("plan", "--stack", "Bad", "--bucket", BUCKET)

    assert ran.code == 2
    assert "countagg: --stack: 'Bad' cannot be the name of a stack" in ran.err
