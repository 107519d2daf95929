"""Terminals that are drawn anew in place, also when their size changes."""

from __future__ import annotations

import io
import itertools
import re
import signal
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import pytest
import typer
from rich.console import Console
from rich.text import Text

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.terminal.live import most_that_fits, show_live
from countagg.core.polling import Polling
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import Terminal

CLEARED: Final = "\x1b[2J\x1b[H"


class ResizedTerminal:
    """A terminal that has another size after so many seconds, and somebody who ends the command at the end."""

    def __init__(self, sizes: dict[float, tuple[int, int]], end: float, goes_on: Collection[float] = ()) -> None:
        self.out = Terminal()
        self.session = Session(DEFAULTS, Preferences({}), stdout=self.out, stderr=io.StringIO())
        self._console = self.session.result_console
        self._sizes, self._end, self._goes_on, self.now = sizes, end, list(goes_on), 0.0
        self._resize()
        self.polling = Polling(sleep=self._sleep, clock=lambda: self.now)

    def _resize(self) -> None:
        for at, size in self._sizes.items():
            if at <= self.now:
                self._console.size = size

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self._resize()
        if self._goes_on and self._goes_on[0] <= self.now:
            self._goes_on.pop(0)
            signal.raise_signal(signal.SIGCONT)
        if self.now >= self._end:
            raise KeyboardInterrupt

    def frames(self, news: Iterable[bool]) -> list[str]:
        """Return what was drawn after each time that the whole terminal was cleared."""

        def follow(moments: Iterable[None]) -> Iterator[tuple[int, bool]]:
            yield from ((number, is_news) for number, is_news, _ in zip(itertools.count(), news, moments))

        def draw(look: tuple[int, bool], console: Console) -> Text | None:
            return Text(f"look {look[0]} on {console.width}x{console.height}") if look[1] else None

        with pytest.raises(typer.Exit):
            show_live(self.session, follow, 10.0, draw, lambda _: None, self.polling)
        return [
            re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", " ", part).strip() for part in self.out.getvalue().split(CLEARED)
        ]


def test_a_terminal_of_another_size_is_drawn_anew_before_the_next_look() -> None:
    terminal = ResizedTerminal({0: (80, 24), 3: (80, 12), 6: (140, 50)}, end=9)

    assert terminal.frames([True] * 9) == ["look 0 on 80x24", "look 0 on 80x12", "look 0 on 140x50"]


def test_what_was_news_is_drawn_anew_although_the_last_look_found_none() -> None:
    terminal = ResizedTerminal({0: (80, 24), 13: (80, 12)}, end=18)

    assert terminal.frames([True, False, False]) == ["look 0 on 80x24", "look 0 on 80x12"]


def test_a_size_that_changed_during_a_look_leaves_no_terminal_empty() -> None:
    terminal = ResizedTerminal({0: (80, 24), 10: (80, 12)}, end=18)

    assert terminal.frames([True, False, False]) == ["look 0 on 80x24", "look 0 on 80x12"]


def test_what_goes_on_after_it_was_stopped_is_drawn_anew_below_nothing_of_the_shells() -> None:
    before = signal.getsignal(signal.SIGCONT)
    terminal = ResizedTerminal({0.0: (80, 24)}, end=12.0, goes_on=[3.0])

    assert terminal.frames([True, False, False]) == ["look 0 on 80x24", "look 0 on 80x24"]
    assert signal.getsignal(signal.SIGCONT) is before


def test_nothing_is_cleared_while_the_size_stays() -> None:
    terminal = ResizedTerminal({0: (80, 24)}, end=25)

    (shown,) = terminal.frames([True] * 9)
    assert shown.split() == ["look", "0", "on", "80x24", "look", "1", "on", "80x24", "look", "2", "on", "80x24"]


@pytest.mark.parametrize(("height", "number"), [(1, 0), (3, 1), (10, 4), (21, 10), (99, 10)])
def test_as_many_rows_are_drawn_as_there_is_room_for(height: int, number: int) -> None:
    console = Console(file=io.StringIO(), width=80, height=height)

    # A row takes two lines, and what stands around them one.
    fitting = most_that_fits(console, 10, lambda rows: Text("row\n" * 2 * rows + "end"))

    assert isinstance(fitting, Text)
    assert fitting.plain.count("row") == 2 * number
