"""The documents on the subjects of countagg, as `countagg help` shows them; docs/ has the same text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TextIO

from countagg.cli.app.catalogue import CATALOGUE
from countagg.core.errors import UsageError
from countagg.provision.packaged import packaged_folder

# Only a document is drawn.
if TYPE_CHECKING:
    from rich.console import Console

SUBJECTS: Final = (
    "demonstration",
    "setting-up",
    "choices",
    "permissions",
    "uploading",
    "reading",
    "operating",
    "commands",
    "large-fleets",
    "exactness",
    "figures",
    "cost",
    "security",
    "decisions",
)
"""In the order in which one reads them."""
_FOLDER: Final = "docs/"
_WIDEST: Final = 100
"""Columns of a text that is easy to read."""
_PICTURE: Final = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK: Final = re.compile(r"\[([^\]]*)\]\(([^):]*)\)")
"""A link to another document, or to a place in one; not to a site."""
_FENCE: Final = "```"
_BAR: Final = re.compile(r"(?<!\\)\|")


class _Kind(Enum):
    """What a line of a document belongs to."""

    TEXT = auto()
    TABLE = auto()
    CODE = auto()


def typed(subject: str) -> str:
    """Return how a subject is asked for: by its name, or where a command has that, by its document."""
    return f"{_FOLDER}{subject}" if subject in CATALOGUE else subject


def subject_of(word: str) -> str | None:
    """Return the subject that is asked for; None if it is a command.

    Raises:
        UsageError: it is neither.
    """
    name = word.removeprefix(_FOLDER).removesuffix(".md")
    if word in CATALOGUE:
        return None
    if name in SUBJECTS:
        return name
    from difflib import get_close_matches

    near = get_close_matches(name, [*CATALOGUE, *SUBJECTS])
    lists = f"`countagg help` lists the commands; subjects are {', '.join(map(typed, SUBJECTS))}"
    shown = word if word.strip() else repr(word)
    hint = "; ".join(filter(None, (", ".join(near), lists)))
    raise UsageError(f"{shown}: there is no such command or subject", hint=hint)


def write_subject(subject: str, file: TextIO, *, no_color: bool) -> None:
    """Write a document: laid out on a terminal, elsewhere the text as it is."""
    text = (packaged_folder("docs") / f"{subject}.md").read_text(encoding="utf-8")
    if not file.isatty():
        file.write(text)
        return
    from countagg.cli.terminal.console import make_console

    console = make_console(file, no_color=no_color)
    console.width = min(console.width, _WIDEST)
    for kind, marked in groupby(_marked(text.splitlines()), key=itemgetter(0)):
        _draw(console, kind, [line for _, line in marked])


def _marked(lines: Iterable[str]) -> Iterator[tuple[_Kind, str]]:
    fenced = False
    for line in lines:
        if line.startswith(_FENCE):
            fenced = not fenced
        elif fenced:
            yield _Kind.CODE, line
        else:
            yield _Kind.TABLE if line.startswith("|") else _Kind.TEXT, line


def _draw(console: Console, kind: _Kind, lines: Sequence[str]) -> None:
    from rich.markdown import Markdown
    from rich.text import Text

    from countagg.cli.terminal.render import write_table

    match kind:
        case _Kind.TEXT:
            console.print(Markdown(_for_terminal("\n".join(lines)), hyperlinks=False))
        case _Kind.TABLE:
            header, _, *rows = map(_cells, lines)
            console.print()
            write_table(console, header, rows)
            console.print()
        case _Kind.CODE:
            # As it is, to be copied, with the blanks of a chart's braille: the console makes strings printable.
            console.print()
            for line in lines:
                console.print(Text(f"    {line}", style="cyan"), soft_wrap=True)
            console.print()


def _cells(line: str) -> list[str]:
    _, *cells, _ = _BAR.split(line.strip())
    return [_for_terminal(cell).replace("`", "").replace("**", "").replace("\\|", "|").strip() for cell in cells]


def _for_terminal(text: str) -> str:
    """Return a text without its pictures' files, and with its links as one can follow them here."""
    return _LINK.sub(_followed, _PICTURE.sub(r"(Picture: \1)", text))


def _followed(link: re.Match[str]) -> str:
    text, target = link.groups()
    name = target.partition("#")[0].removesuffix(".md")
    return f"{text} (`countagg help {typed(name)}`)" if name in SUBJECTS else text
