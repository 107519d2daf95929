"""Results as JSON, CSV and tables. What comes from outside is made printable first."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TextIO, TypeAlias

import simplejson
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from countagg.cli.terminal.streams import encodable
from countagg.core.printable import printable, without_controls
from countagg.core.values import to_number
from countagg.redaction import SENT

Marks: TypeAlias = Mapping[str, Mapping[str, str]]
"""The styles of texts that are set off in a table, by column and text."""
_NO_MARKS: Final[Marks] = MappingProxyType({})


def write_json(file: TextIO, document: Mapping[str, Any]) -> None:
    """Write a document; decimals as exact numbers, names as they are.

    What the encoding lacks, and what a terminal might obey, reorder or not show, is escaped as JSON has it: the
    document stays the same.
    """
    text = simplejson.dumps({"schema": 1, **document}, use_decimal=True, ensure_ascii=False, indent=2)
    if encodable(text, file.encoding) != text:
        text = simplejson.dumps({"schema": 1, **document}, use_decimal=True, indent=2)
    file.write("".join(f"{printable(line, _json_escape)}\n" for line in text.split("\n")))


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1]


def write_json_line(file: TextIO, document: Mapping[str, Any]) -> None:
    """Write a document on one line, in ASCII: one of many, which may end on a terminal."""
    file.write(simplejson.dumps({"schema": 1, **document}, use_decimal=True, separators=(",", ":")) + "\n")


def write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as RFC 4180 has them, but with the line ends of this system.

    Names stay as they are, but for control characters: programs compare them. So one that begins with `=`, `+`,
    `-` or `@` is a formula to a spreadsheet that is not told to take the column for text.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([for_reader(file, cell) if isinstance(cell, str) else cell for cell in row])


def write_table(
    console: Console,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: frozenset[str] = frozenset(),
    marks: Marks = _NO_MARKS,
) -> None:
    """Write rows as a table without frames.

    Args:
        console: where to.
        header: names of the columns.
        rows: their texts.
        numeric: names of the columns that are aligned to the right.
        marks: texts that are set off, by the names of their columns.
    """
    # Escapes of the stream's own would come after the columns have their widths.
    shown = [[encodable(cell, console.encoding) for cell in row] for row in rows]
    console.print(_WithoutTrailingBlanks(make_table(header, shown, numeric, marks)), soft_wrap=False)


@dataclass(frozen=True, slots=True)
class _WithoutTrailingBlanks:
    """A table whose lines are not filled up: what is compared or kept in a log has no blanks at its end."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in console.render_lines(self.table, options, pad=False):
            while line and not line[-1].text.rstrip(" "):
                line.pop()
            if line:
                line[-1] = Segment(line[-1].text.rstrip(" "), line[-1].style)
            yield from line
            yield Segment.line()


def fits(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table has a line for each row on this console."""
    return (
        make_table(header, rows, frozenset()).__rich_measure__(console, console.options).maximum <= console.width
    )


def write_records(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> None:
    """Write rows as a table, or where that is too wide as a record each.

    A record has a line with its first columns, and below it what the others say; nothing in it is folded, so that
    it can be copied from a narrow terminal too.
    """
    if fits(console, header, rows):
        write_table(console, header, rows)
        return
    names = header[columns:]
    width = max(map(len, names))
    for row in rows:
        console.print("  ".join(map(printable, row[:columns])), style="bold", soft_wrap=True)
        for name, cell in zip(names, row[columns:], strict=True):
            if cell:
                console.print(f"    {name:<{width}}  {printable(cell)}", soft_wrap=True)


def make_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], numeric: frozenset[str], marks: Marks = _NO_MARKS
) -> Table:
    """Return a table without frames; the parameters are those of `write_table`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(
            *(make_cell(cell, marks.get(name, {}).get(cell, "")) for name, cell in zip(header, row, strict=True))
        )
    return table


def make_cell(text: str, style: str = "") -> Text:
    """Return a cell of a table."""
    return Text(printable(SENT.hide(text)), style=style)


def for_reader(file: TextIO, text: str) -> str:
    """Return text for whoever reads the file: printable for a terminal, without control characters for a program.

    What a program is given is shown on a terminal in the end, by `cat` or `less -R`.
    """
    return printable(text) if file.isatty() else without_controls(text)


def grouped(number: int | Decimal) -> str:
    """Return a number for people, with its thousands apart and never with an exponent."""
    return f"{number:,f}" if isinstance(number, Decimal) else f"{number:,}"


def counted(number: int, what: str) -> str:
    """Return a number of things for people, such as `1 file`, `2 files`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def describe_age(seconds: float) -> str:
    """Return an age for people, in the largest unit of which it has at least one, such as `12 min`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def to_the_second(moment: datetime) -> str:
    """Return a time for people: in UTC, as ISO 8601 has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def show_moment(text: str) -> str:
    """Return a stored time for people, where an age would not stay true; what is no time stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return printable(text)
    return to_the_second(moment) if moment.tzinfo else printable(text)


def describe_moment(text: str, now: datetime) -> str:
    """Return a stored time for people, with its age; what is no time stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
        age = (now - moment).total_seconds()
    except (ValueError, TypeError):  # the second: it has no zone
        return printable(text)
    return f"{to_the_second(moment)}, {describe_age(max(0.0, age))} ago"


def signed(difference: int) -> str:
    """Return a difference, in units of 10^-9, for people: grouped, with its sign."""
    text = grouped(to_number(difference))
    return text if difference < 0 else f"+{text}"
