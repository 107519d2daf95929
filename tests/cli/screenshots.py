"""README's pictures: what commands show, as SVG. `python -m tests.cli.screenshots` draws them anew.

A report is shown as chromium shows it, where there is one: as PNG, and with the fonts of this machine.

They name no host and bring no font: whoever looks at them uses a monospaced one of his own.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.sax.saxutils import escape

from rich.console import Console
from rich.text import Text

from countagg.cli.report.page import render_page
from tests.cli.report.browser import browsing, find_browser
from tests.cli.report.reports import make_report
from tests.cli.running import REPOSITORY
from tests.cli.scenes import COUNTER, LOADTEST, PLAN, STATUS, TWO_COUNTERS, Scene

FOLDER: Final = REPOSITORY / "docs" / "screenshots"
SCREENSHOTS: Final[Mapping[str, Scene]] = {
    "plan": PLAN,
    "status": STATUS,
    "query": TWO_COUNTERS,
    "explain": COUNTER,
    "loadtest": LOADTEST,
}
"""What is shown, by the name of its file."""

REPORT: Final = "report.png"
_UPPER_PART: Final = 1020
"""Pixels of a report: its head, what moved most and the totals."""
_SWITCHES: Final = ("COLORTERM", "NO_COLOR", "TTY_COMPATIBLE")
"""Variables by which a user tells what his terminal can do, and which shall have no say."""

_FRAME: Final = """\
<svg viewBox="0 0 {width} {height}" width="{width}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>TITLE</title>
<style>
.{unique_id}-matrix, .{unique_id}-title {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}}
.{unique_id}-matrix {{ font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
.{unique_id}-title {{ font-size: 16px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw(name: str, scene: Scene) -> str:
    """Return a command and what it shows, as SVG; width and colours are read from the environment."""
    recorder = Console(
        file=io.StringIO(),
        record=True,
        width=scene.columns,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    recorder.print(Text.assemble(("$ ", "bold green"), (scene.command, "bold")), soft_wrap=True)
    recorder.print(Text.from_ansi(scene.shown().rstrip("\n")))
    frame = _FRAME.replace("TITLE", escape(scene.command))
    drawn = recorder.export_svg(title="countagg", unique_id=name, code_format=frame)
    # Line ends are texts to rich; a line for each text that is one.
    lines = re.sub("<text [^>]*>\\n</text>", "", drawn).replace("</text><text", "</text>\n<text").splitlines()
    text = "".join(f"{line.strip()}\n" for line in lines if line.strip())
    return re.sub(r"\d+\.\d{9,}", lambda found: f"{float(found[0]):g}", text)


def main() -> None:
    """Draw all pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in _SWITCHES:
        os.environ.pop(name, None)
    for name, scene in SCREENSHOTS.items():
        os.environ.update(TERM="xterm-256color", FORCE_COLOR="1", COLUMNS=str(scene.columns))
        (FOLDER / f"{name}.svg").write_text(draw(name, scene))
        sys.stdout.write(f"{(FOLDER / name).relative_to(REPOSITORY)}.svg\n")
    if program := find_browser():
        (FOLDER / REPORT).write_bytes(photograph(program))
        sys.stdout.write(f"{(FOLDER / REPORT).relative_to(REPOSITORY)}\n")


def photograph(program: str) -> bytes:
    """Return the upper part of a report as a browser shows it."""
    with TemporaryDirectory() as folder, browsing(program, Path(folder)) as browser:
        page = Path(folder) / "report.html"
        page.write_text(render_page(make_report(), 100), encoding="utf-8")
        browser.open(page, 860, 640, "light")
        return browser.picture(_UPPER_PART)


if __name__ == "__main__":
    main()
