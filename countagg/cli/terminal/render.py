"""Results as JSON, CSV and tables. What comes from outside is made printable first."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeAlias

from countagg.cli.terminal.columns import GAP, column_widths, longest_word, redrawn_widths, widest
from countagg.cli.terminal.streams import encodable
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable, without_controls
from countagg.core.values import to_number
from countagg.redaction import SENT

# Imported where something is drawn: it takes 0.03 s of CPU, which JSON and CSV do without.
if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table
    from rich.text import Text

Marks: TypeAlias = Mapping[str, Mapping[str, str]]
"""The styles of texts that are set off in a table, by column and text."""
_NO_MARKS: Final[Marks] = MappingProxyType({})


def write_json(file: TextIO, document: Mapping[str, Any]) -> None:
    """Write a document; decimals as exact numbers, names as they are.

    What the encoding lacks, and what a terminal might obey, reorder or not show, is escaped as JSON has it: the
    document stays the same.
    """
    write_json_value(file, with_schema(document))


def with_schema(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with the number of its form."""
    return {"schema": 1, **document}


def write_json_value(file: TextIO, value: object) -> None:
    """Write any JSON, as `write_json` does."""
    import simplejson

    text = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, indent=2)
    if encodable(text, file.encoding) != text:
        text = simplejson.dumps(value, use_decimal=True, indent=2)
    file.write("".join(f"{printable(line, _json_escape)}\n" for line in text.split("\n")))


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1]


def write_json_line(file: TextIO, value: object) -> None:
    """Write JSON on one line, in ASCII: one of many, which may end on a terminal."""
    import simplejson

    file.write(simplejson.dumps(value, use_decimal=True, separators=(",", ":")) + "\n")


def write_plain(file: TextIO, value: Any) -> None:  # noqa: ANN401 - any JSON
    """Write JSON as text: a list or an object on one line, with tabs, and a list of these a line each."""
    nested = isinstance(value, list) and any(isinstance(each, list | dict) for each in value)
    for line in value if nested else [value]:
        cells = line.values() if isinstance(line, dict) else line if isinstance(line, list) else [line]
        file.write("\t".join(_plain(file, cell) for cell in cells) + "\n")


def _plain(file: TextIO, value: object) -> str:
    if isinstance(value, str):
        return for_reader(file, value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    import simplejson

    return simplejson.dumps(value, use_decimal=True)


def write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as RFC 4180 has them, but with the line ends of this system.

    Names stay as they are, but for control characters: programs compare them. So one that begins with `=`, `+`,
    `-` or `@` is a formula to a spreadsheet that is not told to take the column for text.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([for_reader(file, name) for name in header])
    for row in rows:
        writer.writerow([for_reader(file, cell) if isinstance(cell, str) else cell for cell in row])


def write_table(
    console: Console,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: frozenset[str] = frozenset(),
    marks: Marks = _NO_MARKS,
    titles: int = 1,
) -> None:
    """Write rows as a table without frames, or where that is too wide as a record each; of no rows nothing.

    Lines are broken between words alone: an ARN, an address, a key or a number can be copied from any terminal. A
    record has a line with its first columns, and below it what the others say.

    Args:
        console: where to.
        header: names of the columns.
        rows: their texts.
        numeric: names of the columns that are aligned to the right.
        marks: texts that are set off, by the names of their columns.
        titles: number of columns that are a record's first line.
    """
    shown = [[_as_shown(cell, console) for cell in row] for row in rows]
    if not shown:
        return
    widths = column_widths([header, *shown], console.width)
    if widths is None:
        _write_records(console, header, shown, marks, titles)
        return
    table = make_table(header, shown, numeric, marks)
    _set_widths(table, widths)
    console.print(_WithoutTrailingBlanks(table), soft_wrap=False)


def _as_shown(cell: str, console: Console) -> str:
    # Escapes of the stream's own would come after the columns have their widths.
    return printable(SENT.hide(encodable(cell, console.encoding)))


@dataclass(frozen=True, slots=True)
class _WithoutTrailingBlanks:
    """A table whose lines are not filled up: what is compared or kept in a log has no blanks at its end."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        for line in console.render_lines(self.table, options, pad=False):
            while line and not line[-1].text.rstrip(" "):
                line.pop()
            if line:
                line[-1] = Segment(line[-1].text.rstrip(" "), line[-1].style)
            yield from line
            yield Segment.line()


def fits(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table has a line for each row on this console."""
    whole = widest([header, *([_as_shown(cell, console) for cell in row] for row in rows)])
    return sum(whole) + GAP * (len(whole) - 1) <= console.width


def _write_records(
    console: Console, header: Sequence[str], rows: Iterable[Sequence[str]], marks: Marks, titles: int
) -> None:
    from rich.text import Text

    names = header[titles:]
    records = [
        (
            Text("  ".join(filter(None, row[:titles])), style="bold"),
            [
                (name, Text(cell, style=marks.get(name, {}).get(cell, "")))
                for name, cell in zip(names, row[titles:], strict=True)
                if cell
            ],
        )
        for row in rows
    ]
    if len(names) == 1:
        _write_pairs(console, [(title, text) for title, texts in records for _, text in texts or [("", Text())]])
        return
    width = max(map(len, names), default=0)
    for title, texts in records:
        _print_hanging(console, "", title)
        for name, text in texts:
            _print_hanging(console, f"    {name:<{width}}  ", text)


def _print_hanging(console: Console, label: str, text: Text) -> None:
    """Print a text behind a label. Its lines are broken between words, or where one has no room not at all."""
    from rich.text import Text

    room = console.width - len(label)
    lines = text.wrap(console, room) if longest_word(text.plain) <= room else [text]
    for number, line in enumerate(lines):
        line.rstrip()
        console.print(Text.assemble(" " * len(label) if number else label, line), soft_wrap=True)


def _write_pairs(console: Console, pairs: Sequence[tuple[Text, Text]]) -> None:
    """Write titles with one text each, whose name says nothing that they do not: beside them where it has room."""
    from rich.text import Text

    # One long title takes no room from all texts.
    lengths = [title.cell_len for title, _ in pairs if title.cell_len <= console.width // 2]
    width = max(lengths, default=0) + GAP
    for title, text in pairs:
        if title.cell_len < width and width + text.cell_len <= console.width:
            line = Text.assemble(title, " " * (width - title.cell_len), text)
            line.rstrip()
            console.print(line)
        else:
            _print_hanging(console, "", title)
            _print_hanging(console, "    ", text)


def make_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: frozenset[str],
    marks: Marks = _NO_MARKS,
    width: int | None = None,
    one_line: Collection[int] = (),
) -> Table:
    """Return a table without frames, for what is redrawn; the parameters are those of `write_table`.

    With the `width` of the terminal, within which it has to stay, words are broken only where they have no room.
    Rows of these numbers, from 0, take one line: what has no room there is cut.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP // 2), header_style="bold")
    for name in header:
        table.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
    lines = [
        [make_cell(cell, marks.get(name, {}).get(cell, "")) for name, cell in zip(header, row, strict=True)]
        for row in rows
    ]
    for number, cells in enumerate(lines):
        if number in one_line:
            for cell in cells:
                cell.no_wrap, cell.overflow = True, "ellipsis"
        table.add_row(*cells)
    whole = [header, *([cell.plain for cell in cells] for cells in lines)]
    numbers = {number for number, name in enumerate(header) if name in numeric}
    widths = None if width is None else redrawn_widths(whole, width, numbers)
    if widths is not None:
        _set_widths(table, widths)
    return table


def _set_widths(table: Table, widths: Sequence[int]) -> None:
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width


def make_cell(text: str, style: str = "") -> Text:
    """Return a cell of a table."""
    from rich.text import Text

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
