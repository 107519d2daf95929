"""Progress bars: their places stay, whatever they count and are about."""

from __future__ import annotations

import re
from typing import Final

import pytest
from rich.console import Console
from rich.progress import Progress

from countagg.cli.terminal.progress import bar_columns
from tests.cli.running import Terminal

STEPS: Final = (
    ("files", 0, None),
    ("files", 5, 9),
    ("waiting for it to settle", 0, 9),
    ("2026-11-29 counters of the table, which has very many of them, all read exactly", 31, 10_000),
    ("[bold]x[/bold]", 9_999, 10_000),
)


def drawn(width: int, *, label: str, done: int, total: int | None) -> list[str]:
    file = Terminal()
    console = Console(file=file, width=width, no_color=True, force_terminal=True, legacy_windows=False)
    progress = Progress(*bar_columns(), console=console, auto_refresh=False)
    progress.add_task("files", total=1, completed=1)
    progress.add_task(label, total=total, completed=done)
    console.print(progress.get_renderable())
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 140])
def test_bars_keep_their_width_and_their_place(width: int) -> None:
    for label, done, total in STEPS:
        lines = drawn(width, label=label, done=done, total=total)
        assert len(lines) == 2
        assert max(map(len, lines)) <= width
        assert lines[0].startswith(f"{'━' * 20}         1/1 0:00:00 files")
        assert re.match(r".{20} [ \d]{5,9}/[ \d?]{1,5} [-0]:(--|00):(--|00) ", lines[1])
        told = lines[1][41:].rstrip()
        assert told == label or (told.endswith("…") and label.startswith(told[:-1]))


def test_a_label_is_text() -> None:
    assert drawn(80, label="[bold]x[/bold]", done=1, total=2)[1].rstrip().endswith(" [bold]x[/bold]")
