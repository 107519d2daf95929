"""The tree drawn in the docstring of `countagg.core.errors` is the tree in the code."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

import pytest

from countagg.core import errors
from countagg.core.errors import CountaggError, InvalidCounterFile, UsageError

_ROW = re.compile(r"(?P<tree>[|` -]*)(?P<name>[A-Z]\w+)(?:\s+exit\s+(?P<exit>\d+)\s+\S.*)?")


@dataclass(frozen=True)
class Row:
    name: str
    parent: str | None
    exit_code: int


def drawn_tree() -> list[Row]:
    """Read the drawing; a row without an exit code has its parent's."""
    lines = inspect.cleandoc(errors.__doc__ or "").splitlines()[2:]
    rows: list[Row] = []
    above: list[Row] = []
    for line in lines:
        found = _ROW.fullmatch(line)
        assert found is not None, line
        depth = len(found["tree"]) // 3
        del above[depth:]
        parent = above[-1] if above else None
        if found["exit"] is None:
            assert parent is not None
        code = int(found["exit"]) if found["exit"] else above[-1].exit_code
        above.append(Row(found["name"], parent.name if parent else None, code))
        rows.append(above[-1])
    return rows


ROWS = drawn_tree()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_class_has_the_exit_code_and_the_parent_of_the_drawing(row: Row) -> None:
    cls = getattr(errors, row.name)
    assert cls.exit_code == row.exit_code
    assert cls.__base__.__name__ == (row.parent or "Exception")


def test_the_drawing_shows_every_class() -> None:
    defined = {name for name, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, Exception)}
    assert {row.name for row in ROWS} == defined
    assert len(ROWS) == len(defined)


def test_an_error_reads_where_and_what() -> None:
    error = UsageError("no such thing", where="--prefix", hint="try another", detail="request 1")
    assert str(error) == "--prefix: no such thing"
    assert (error.what, error.where, error.hint, error.detail) == (
        "no such thing",
        "--prefix",
        "try another",
        "request 1",
    )


def test_without_a_place_an_error_reads_what_alone() -> None:
    assert str(CountaggError("it broke")) == "it broke"


def test_a_refused_file_names_its_line() -> None:
    assert str(InvalidCounterFile("'x' is not COUNTER VALUE", 7)) == "line 7: 'x' is not COUNTER VALUE"
    assert str(InvalidCounterFile("the file is too large")) == "the file is too large"
    assert InvalidCounterFile("a", 7).line == 7
    assert InvalidCounterFile("a").line is None
