"""What commands show stands in README as it is printed."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from countagg.aws.log_events import LogEvent
from countagg.aws.pipeline import MappingHealth, QueueDepth
from countagg.cli.explain_view import write_counter, write_file
from countagg.cli.history_view import write_history
from countagg.cli.logs_command import render_line
from countagg.cli.preferences import Preferences
from countagg.cli.session import Session
from countagg.cli.status_view import write_hops
from countagg.cli.watch_view import show_looks
from countagg.core.settings import FunctionSettings
from countagg.core.values import SCALE
from countagg.operate.evidence import Observer
from countagg.operate.explain import explain_counter
from countagg.operate.file_lineage import follow_file
from countagg.operate.file_log import FileLog
from countagg.operate.history import History
from countagg.operate.log_lines import read_line
from countagg.operate.query import TotalsOfDay
from countagg.operate.watching import compare
from countagg.provision import metrics
from tests.cli.running import REPOSITORY, Terminal
from tests.cli.test_options import DEFAULTS
from tests.operate.fake_day import NOW, UPLOADED_AT, FakeDay
from tests.operate.fake_health import NAMES, healthy_stack
from tests.operate.log_events import HeldLogs

BLOCKS: Final[dict[str, list[str]]] = {
    block.splitlines()[0]: block.splitlines()[1:]
    for block in re.findall(
        r"^```\n(\$ countagg .*?)^```", (REPOSITORY / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
}
VALUES: Final = (18120, 20544, 19877, 26310, 24985)
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


DAY: Final = "2026-11-20"
CALLS: Final = (1_204.0, 3_377.0, 358.0)


def plain(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


def test_lines_of_logs() -> None:
    shown = []
    for clock, function, message in EVENTS:
        time = datetime.fromisoformat(f"2026-11-20T{clock}").replace(tzinfo=UTC)
        stamp = round(time.timestamp() * 1000)
        event = LogEvent(f"countagg-{function}", "s", stamp, stamp, "", json.dumps(message))
        shown += plain(render_line(read_line(event), function, verbose=False).plain)

    assert BLOCKS["$ countagg logs --since 2h --level warning"] == shown


def test_a_history_with_its_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    days = tuple(
        TotalsOfDay(f"2026-11-{16 + index}", 1, "", {"http_get": value * SCALE})
        for index, value in enumerate(VALUES)
    )
    terminal = Terminal()

    write_history(Session(DEFAULTS, Preferences({}), stdout=terminal), History(days))

    assert BLOCKS["$ countagg query --since 4d --counter http_get"] == plain(terminal.getvalue())


def test_totals_as_they_change() -> None:
    before = TotalsOfDay("2026-11-20", 7, "", {"COUNTER1": 191122 * SCALE, "COUNTER2": 54321 * SCALE})
    after = TotalsOfDay("2026-11-20", 8, "", {"COUNTER1": 191243 * SCALE, "COUNTER2": 54321 * SCALE})
    clock = iter([datetime(2026, 11, 20, 10, 15, second, tzinfo=UTC) for second in (2, 8)])
    out = io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stdout=out, now=lambda: next(clock))

    show_looks(session, iter([compare(None, before), compare(before, before), compare(before, after)]))

    assert BLOCKS["$ countagg query --date today --watch | cat"] == plain(out.getvalue())


def test_the_hops_of_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stack = healthy_stack()
    stack.pipeline.queues = {NAMES.uploads: QueueDepth(3, 10), NAMES.dead_letters: QueueDepth(1, 0)}
    stack.pipeline.mappings[NAMES.aggregator] = stack.pipeline.mappings[NAMES.publisher] = MappingHealth(
        "Enabled", "No records processed"
    )
    stack.health.states["countagg-files-refused"] = "ALARM"
    stack.health.values = {
        metrics.oldest_age(NAMES.uploads): 1.0,
        **{metrics.invocations(name): calls for name, calls in zip(NAMES.functions.values(), CALLS, strict=True)},
        **dict.fromkeys(map(metrics.errors, NAMES.functions.values()), 0.0),
        **dict.fromkeys(map(metrics.throttles, NAMES.functions.values()), 0.0),
        metrics.files_refused(NAMES.processor): 1.0,
        metrics.iterator_age(NAMES.aggregator): 1_180.0,
        metrics.iterator_age(NAMES.publisher): 10_310.0,
    }
    terminal = Terminal()

    write_hops(Session(DEFAULTS, Preferences({}), stdout=terminal), stack.look())

    assert BLOCKS["$ countagg status"] == plain(terminal.getvalue())


@pytest.fixture
def day() -> FakeDay:
    """Give the day of the sample files, and a file that is refused."""
    day = FakeDay()
    for instance, content in (
        ("i-beefdead", "COUNTER1 12345\n"),
        ("i-deadbeef", "COUNTER1 123456\n"),
        ("i-flub", "COUNTER1 1000\n"),
        ("i-foobazzled", "COUNTER1 54321\nCOUNTER2 54321\n"),
    ):
        day.upload(instance, content)
        day.settle()
    day.upload("i-flub", "COUNTER1 1000\nCOUNTER2\n")
    day.process()
    day.stored = replace(day.stored, updated_at=f"{DAY}T10:00:02+00:00")
    day.held = {name: replace(held, uploaded_at=f"{DAY}T10:00:01Z") for name, held in day.held.items()}
    return day


class ExplainedStack:
    """A pipeline as far as a view needs it."""

    settings = FunctionSettings("countagg", "my-counters", "1", "counters/", "totals/", "url", 35, 400, "arn")


def explaining(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> Session:
    monkeypatch.setenv("COLUMNS", "150")
    session = Session(DEFAULTS, Preferences({}), stdout=terminal)
    session.__dict__["pipeline"] = ExplainedStack()
    return session


def test_a_total_and_its_files(monkeypatch: pytest.MonkeyPatch, day: FakeDay) -> None:
    terminal = Terminal()
    found = explain_counter(Observer(day.reader, DAY, day.today), "COUNTER1")

    write_counter(explaining(monkeypatch, terminal), found)

    assert BLOCKS[f"$ countagg explain COUNTER1 --date {DAY}"] == plain(terminal.getvalue())


def test_a_file_and_its_totals(monkeypatch: pytest.MonkeyPatch, day: FakeDay) -> None:
    terminal, key = Terminal(), f"counters/{DAY}/values_i-flub"
    reason = "'COUNTER2' is not COUNTER VALUE"
    refusal = {"level": "WARNING", "message": "file refused", "key": key, "reason": reason, "line": 2}
    stamp = round(UPLOADED_AT.timestamp() * 1000) + 1_117
    logs = HeldLogs([LogEvent(NAMES.processor, "s", stamp, stamp, "", json.dumps(refusal))])
    found = follow_file(day.reader, FileLog(logs.reader, NAMES, NOW), key, NOW)

    write_file(explaining(monkeypatch, terminal), found)

    assert BLOCKS[f"$ countagg explain {key}"] == plain(terminal.getvalue())
