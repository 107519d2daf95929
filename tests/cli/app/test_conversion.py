"""Values of options: what countagg makes of them is what typer makes of them, without loading pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import pytest
import typer
from typer.core import TyperCommand

from countagg.cli.app.given import Command
from tests.cli.app.test_given import APP, commands
from tests.cli.app.test_start import modules


class Colour(StrEnum):
    RED = "red"
    BLUE = "dark blue"


def declared(
    *,
    words: Annotated[list[str] | None, typer.Argument()] = None,
    text: Annotated[str | None, typer.Option()] = None,
    number: Annotated[int, typer.Option()] = 3,
    few: Annotated[int | None, typer.Option(min=1, max=5)] = None,
    share: Annotated[float, typer.Option(min=0.1)] = 2.0,
    colour: Annotated[Colour | None, typer.Option()] = None,
    each: Annotated[list[int] | None, typer.Option()] = None,
    path: Annotated[Path | None, typer.Option()] = None,
    there: Annotated[Path | None, typer.Option(exists=True)] = None,
    on: Annotated[bool, typer.Option("--on/--off")] = False,
    said: Annotated[str | None, typer.Option(callback=lambda value: value and f"<{value}>")] = None,
) -> list[object]:
    return [words, text, number, few, share, colour, each, path, there, on, said]


def outcome(kind: type[TyperCommand], line: list[str]) -> tuple[str, ...]:
    """Return what a command gets out of its arguments, or what is said of them."""
    app = typer.Typer(rich_markup_mode=None)
    app.command(cls=kind)(declared)
    try:
        values = typer.main.get_command(app)(line, standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - of the click in typer
        return type(error).__name__, getattr(error, "message", "")
    return tuple(map(repr, values))


PLAIN: Final[Sequence[list[str]]] = (
    [],
    ["one", "two"],
    ["--text", "a b"],
    ["--number", "-12", "--few", "5", "--each", "1", "--each", "2"],
    ["--share", "0.25"],
    ["--share", "7"],
    ["--colour", "dark blue"],
    ["--path", "."],
    ["--path", "absent/file"],
    ["--on", "--said", "x"],
)
NOT_PLAIN: Final[Sequence[list[str]]] = (
    ["--number", " 12 "],
    ["--number", "1_000"],
    ["--number", "1.0"],
    ["--number", "1.5"],
    ["--number", "\N{ARABIC-INDIC DIGIT ONE}"],
    ["--number", "9" * 30],
    ["--number", "x"],
    ["--few", "0"],
    ["--few", "6"],
    ["--share", "0.05"],
    ["--share", "1e3"],
    ["--share", ".5"],
    ["--share", "nan"],
    ["--share", "inf"],
    ["--colour", "RED"],
    ["--colour", "green"],
    ["--each", "1", "--each", "x"],
    ["--there", "absent"],
    ["--there", "."],
)


@pytest.mark.parametrize("line", [*PLAIN, *NOT_PLAIN], ids=" ".join)
def test_a_value_becomes_what_typer_makes_of_it(line: list[str]) -> None:
    assert outcome(Command, line) == outcome(TyperCommand, line)


def convert_all_that_is_plain() -> None:
    """Read plain command lines, and of every command the defaults."""
    for line in PLAIN:
        outcome(Command, line)
    for _, command in commands(APP):
        command.parse_args(typer.Context(command, resilient_parsing=True), [])


def test_what_is_plain_does_not_take_pydantic() -> None:
    loaded = modules(f"from {__name__} import convert_all_that_is_plain as convert\nconvert()")

    assert "countagg.cli.load.loadtest_command" in loaded
    assert not {"pydantic", "pydantic_core"} & loaded
