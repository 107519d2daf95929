"""What commands show stands in README as it is printed."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from countagg.aws.log_events import LogEvent
from countagg.cli.logs_command import render_line
from countagg.cli.preferences import Preferences
from countagg.cli.session import Session
from countagg.cli.watch_view import show_looks
from countagg.core.values import SCALE
from countagg.operate.log_lines import read_line
from countagg.operate.query import TotalsOfDay
from countagg.operate.watching import compare
from tests.cli.running import REPOSITORY
from tests.cli.scenes import COUNTER, FILE, HISTORY, STATUS, Scene, plain
from tests.cli.test_options import DEFAULTS

BLOCKS: Final[dict[str, list[str]]] = {
    block.splitlines()[0]: block.splitlines()[1:]
    for block in re.findall(
        r"^```\n(\$ countagg .*?)^```", (REPOSITORY / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
}
EVENTS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    (
        "10:15:02.117",
        "processor",
        {
            "level": "WARNING",
            "location": "_refuse:146",
            "message": "file refused",
            "timestamp": "2026-11-20T10:15:02.117+00:00",
            "service": "countagg-processor",
            "bucket": "my-counters",
            "key": "counters/2026-11-20/values_i-flub",
            "reason": "'COUNTER1' is not COUNTER VALUE",
            "line": 3,
        },
    ),
    (
        "10:15:09.481",
        "processor",
        {
            "level": "ERROR",
            "location": "handle_record:112",
            "message": "message left for another try",
            "service": "countagg-processor",
            "message_id": "6f0d7c1e",
            "exception": (
                "Traceback (most recent call last):\n"
                '  File "/var/task/countagg/functions/processor.py", line 108, in handle_record\n'
                "    _require_time(context)\n"
                "OutOfTime: 21034 ms left; a slow call may take 15000"
            ),
        },
    ),
)


def test_lines_of_logs() -> None:
    shown = []
    for clock, function, message in EVENTS:
        time = datetime.fromisoformat(f"2026-11-20T{clock}").replace(tzinfo=UTC)
        stamp = round(time.timestamp() * 1000)
        event = LogEvent(f"countagg-{function}", "s", stamp, stamp, "", json.dumps(message))
        shown += plain(render_line(read_line(event), function, verbose=False).plain)

    assert BLOCKS["$ countagg logs --since 2h --level warning"] == shown


@pytest.mark.parametrize("scene", [HISTORY, STATUS, COUNTER, FILE], ids=lambda scene: scene.command)
def test_what_a_terminal_shows(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(scene.columns))

    assert BLOCKS[f"$ {scene.command}"] == plain(scene.shown())


def test_totals_as_they_change() -> None:
    before = TotalsOfDay("2026-11-20", 7, "", {"COUNTER1": 191122 * SCALE, "COUNTER2": 54321 * SCALE})
    after = TotalsOfDay("2026-11-20", 8, "", {"COUNTER1": 191243 * SCALE, "COUNTER2": 54321 * SCALE})
    clock = iter([datetime(2026, 11, 20, 10, 15, second, tzinfo=UTC) for second in (2, 8)])
    out = io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stdout=out, now=lambda: next(clock))

    show_looks(session, iter([compare(None, before), compare(before, before), compare(before, after)]))

    assert BLOCKS["$ countagg query --date today --watch | cat"] == plain(out.getvalue())
