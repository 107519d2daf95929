"""Consoles: what a command draws on, and what moves on it while something is being done."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from countagg.cli.terminal.streams import printable_lines

_PIPE_WIDTH: Final = 1_000_000
"""Wider than any line: what goes to a program is neither folded nor cut, whatever COLUMNS says."""
_WORD: Final = re.compile(r"^ *\S+|\S+", re.MULTILINE)
"""A word of a text, which at the beginning of a line is indented."""


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


def spinner(console: Console) -> str:
    """Return the name of a spinner that the console's encoding has the characters of."""
    return "line" if console.options.ascii_only else "dots"


class _PrintableConsole(Console):
    """A console that shows text as text, wherever it came from: of all that a terminal obeys, line ends stay.

    What has a word that is wider than the terminal, as an ARN or a key may be, is left to the terminal to break:
    it can be copied as it is.
    """

    def print(self, *objects: Any, **how: Any) -> None:  # noqa: ANN401 - as Console has them
        """Print texts, and what else can be printed."""
        words = (word for each in objects if isinstance(each, str | Text) for word in _WORD.findall(str(each)))
        super().print(*objects, **{"soft_wrap": any(cell_len(word) > self.width for word in words) or None, **how})

    def render_str(self, text: str, **style: Any) -> Text:  # noqa: ANN401 - as Console has them
        return super().render_str(printable_lines(text), **style)


def show_busy(console: Console, what: str) -> AbstractContextManager[object]:
    """Show on a terminal that something is being done, for as long as the block takes."""
    return console.status(Text(what), spinner=spinner(console))
