"""README names every command, exit code and setting there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from countagg.cli.main import make_app
from countagg.cli.options import GLOBAL_NAMES
from countagg.cli.preferences import SWITCHES, TEXTS
from countagg.core import errors

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
APP: Any = typer.main.get_command(make_app())


def commands() -> list[str]:
    found = []
    for name, command in APP.commands.items():
        found += [f"{name} {each}" for each in getattr(command, "commands", {})] or [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_readme(command: str) -> None:
    group, _, name = command.partition(" ")
    if name and f"`countagg {command}`" not in README:
        [listed] = re.findall(rf"`countagg {group} ([^`]*\|[^`]*)`", README)
        assert name in listed.replace("\\", "").split("|")
    else:
        assert f"`countagg {command}`" in README


@pytest.mark.parametrize("option", sorted(set(GLOBAL_NAMES) - {"version"}))
def test_every_global_option_is_in_readme(option: str) -> None:
    assert f"`--{option.replace('_', '-')}`" in README


@pytest.mark.parametrize("setting", sorted(set(TEXTS) - set(GLOBAL_NAMES)))
def test_every_setting_of_a_file_is_in_readme(setting: str) -> None:
    assert f"`{setting}`" in README
    assert setting not in SWITCHES


def exit_codes() -> set[int]:
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    return {each.exit_code for each in classes if issubclass(each, errors.CountaggError)}


@pytest.mark.parametrize("code", sorted(exit_codes() | {0, 6, 130}))
def test_every_exit_code_is_in_readme(code: int) -> None:
    assert re.search(rf"^\| {code} \| \w", README, re.MULTILINE)


def test_the_version_has_a_place_in_the_changelog() -> None:
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
