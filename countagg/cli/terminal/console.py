"""Consoles: what a command draws on, and what moves on it while something is being done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from countagg.cli.terminal.cursor import HiddenCursor
from countagg.cli.terminal.streams import printable_lines

_PIPE_WIDTH: Final = 1_000_000
"""Wider than any line: what goes to a program is neither folded nor cut, whatever COLUMNS says."""
_WORD: Final = re.compile(r" *(?:`[^`\n]*`\S*|\S+)")
"""A word of a line with the blanks before it; a command in backquotes is one."""


def make_console(file: TextIO, *, no_color: bool) -> Console:
    """Return a console that writes to a file."""
    return _PrintableConsole(
        file=file,
        width=None if file.isatty() else _PIPE_WIDTH,
        no_color=True if no_color else None,
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=not file.isatty(),
    )


def is_redrawn(console: Console) -> bool:
    """Tell whether lines that stand there can be written over; a dumb terminal only adds lines, as a file does."""
    return console.is_terminal and not console.is_dumb_terminal


def spinner(console: Console) -> str:
    """Return the name of a spinner that the console's encoding has the characters of."""
    return "line" if console.options.ascii_only else "dots"


class _PrintableConsole(Console):
    """A console that shows text as text, wherever it came from: of all that a terminal obeys, line ends stay.

    No command is broken, and what has a word that is wider than the terminal, as an ARN or a key may be, is left
    to the terminal to break: they can be copied as they are. No signal leaves its cursor hidden.
    """

    def __init__(self, *, file: TextIO, **how: Any) -> None:  # noqa: ANN401 - as Console has them
        super().__init__(file=file, **how)
        self._hidden_cursor = HiddenCursor(file)

    def show_cursor(self, show: bool = True) -> bool:  # noqa: FBT001 - as Console has it
        """Show or hide the cursor, if this is a terminal."""
        if not show and self.is_terminal:
            self._hidden_cursor.begin()
        try:
            return super().show_cursor(show)
        finally:
            if show:
                self._hidden_cursor.end()

    def print(self, *objects: Any, **how: Any) -> None:  # noqa: ANN401 - as Console has them
        """Print texts, and what else can be printed."""
        match objects:
            case [str() as text] if "soft_wrap" not in how:
                # Printable before its lines are broken, which would part a secret.
                super().print(_folded(printable_lines(text), self.width), soft_wrap=True, **how)
            case _:
                super().print(*objects, **how)

    def render_str(self, text: str, **style: Any) -> Text:  # noqa: ANN401 - as Console has them
        return super().render_str(printable_lines(text), **style)


def _folded(text: str, width: int) -> str:
    """Return a text whose lines are broken between words, or where a word has no room left as they are."""
    return "\n".join(line for whole in text.split("\n") for line in _broken(whole, width))


def _broken(line: str, width: int) -> Iterator[str]:
    first, *others = _WORD.findall(line) or [line]
    alone = (first, *(word.lstrip(" ") for word in others))
    if cell_len(line) <= width or any(cell_len(word) > width for word in alone):
        yield line
        return
    begun = first
    for word in others:
        if cell_len(begun + word) > width:
            yield begun
            begun = word.lstrip(" ")
        else:
            begun += word
    # Behind a question the answer is typed.
    question = begun + line[len(line.rstrip(" ")) :]
    yield question if cell_len(question) <= width else begun


def show_busy(console: Console, what: str) -> AbstractContextManager[object]:
    """Show on a terminal that something is being done, for as long as the block takes."""
    return console.status(Text(what), spinner=spinner(console))
