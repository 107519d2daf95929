"""What is given empty, as by a shell whose variable is not set, or in bytes that are no text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.cli.app.preferences import SETTINGS
from countagg.core.errors import UsageError
from countagg.provision.setting_types import Text
from tests.cli.running import CommandLine, whole_app

HINT: Final = "  try: give a value or leave it out; maybe a shell variable is not set\n"
APP: Final = whole_app()
BYTES: Final = os.fsdecode(b"\xff")


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command, and the group itself, with the words that call it."""
    yield names, group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


def places() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the words up to each place where something is given, and the name of that place."""
    for names, command in commands(APP):
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        for number, argument in enumerate(arguments):
            yield (*names, *["1"] * number), str(argument.metavar or argument.name.upper())
        for option in command.params:
            if option.param_type_name == "option" and not option.is_flag:
                title = max(option.opts, key=len)
                yield (*names, title), title


PLACES: Final = tuple(places())


def test_places_of_every_kind_are_tried() -> None:
    tried = [(" ".join(words), title) for words, title in PLACES]

    assert len(tried) > 200
    assert {
        ("--stack", "--stack"),
        ("teardown --stack", "--stack"),
        ("teardown --expect-account", "--expect-account"),
        ("query --counter", "--counter"),
        ("query --save", "--save"),
        ("plan --tag", "--tag"),
        ("limits set", "COUNTER"),
        ("limits set 1", "VALUE"),
        ("dead-letters show --stack", "--stack"),
    } <= set(tried)


def test_every_option_and_argument_that_is_given_empty_is_refused_by_its_name() -> None:
    for words, title in PLACES:
        with pytest.raises(UsageError, match=f"^{re.escape(title)} is empty$"):
            APP([*words, ""])


@pytest.mark.parametrize(
    "words",
    [
        ("--stack=", "status"),
        ("teardown", "--yes", "--stack="),
        ("--stack", "one", "teardown", "--yes", "--stack", ""),
        ("query", "--counter", "a", "--counter", "", "--date", "today"),
    ],
    ids=" ".join,
)
def test_it_is_refused_however_it_is_written(words: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*words)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(f" is empty\n{HINT}")


def test_help_is_shown_whatever_else_is_given(countagg: CommandLine) -> None:
    assert countagg("query", "--date", "", "--help").code == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_that_is_set_and_empty_is_refused_by_its_name(
    name: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"COUNTAGG_{name.upper()}", "")

    ran = countagg("status")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"countagg: COUNTAGG_{name.upper()} is empty\n  try: give it a value, or unset it\n"


@pytest.mark.parametrize("name", [name for name, each in SETTINGS.items() if isinstance(each, Text)])
def test_every_empty_text_of_a_settings_file_is_refused_by_its_name(name: str, countagg: CommandLine) -> None:
    Path("countagg.toml").write_text(f'{name} = ""\n')

    ran = countagg("status")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"countagg: countagg.toml: {name} is empty\n  try: give it a value, or remove the line\n"


def test_the_profile_is_looked_for_as_the_aws_command_line_does(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # botocore takes a variable that is set for said, even if it is empty.
    monkeypatch.setenv("AWS_PROFILE", "")

    ran = countagg("status")

    assert ran.code == 3
    assert "The config profile () could not be found" in ran.err


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (("--stack", BYTES, "status"), "--stack"),
        (("query", "--date", "today", "--counter", "a", "--counter", BYTES), "--counter"),
        (("explain", BYTES), "COUNTER|FILE"),
        (("limits", "set", BYTES, "1"), "COUNTER"),
        (("plan", "--tag", f"a={BYTES}"), "--tag"),
    ],
    ids=repr,
)
def test_bytes_that_are_no_text_are_refused_by_the_name_of_their_option(
    words: tuple[str, ...], title: str, countagg: CommandLine
) -> None:
    ran = countagg(*words)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"countagg: {title} is not UTF-8\n  try: check the encoding of the terminal\n"


def test_a_variable_of_bytes_that_are_no_text_is_refused_by_its_name(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_BUCKET", BYTES)

    assert countagg("status").err.startswith("countagg: COUNTAGG_BUCKET is not UTF-8\n")


def test_a_file_may_have_any_name(countagg: CommandLine) -> None:
    Path(f"{BYTES}.toml").write_text("colour = 1\n")

    ran = countagg("status", "--config", f"{BYTES}.toml")

    assert ran.err.startswith("countagg: \\udcff.toml: unknown setting 'colour'")
