"""What commands show stands in README as it is printed."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from countagg.aws.log_events import LogEvent
from countagg.cli.app.options import OutputForm
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.dead_letters.letters_view import write_letters
from countagg.cli.integrity.repair_command import write_mendings
from countagg.cli.integrity.verify_command import write_verification
from countagg.cli.logs.logs_command import render_line
from countagg.cli.totals.history_view import write_history, write_matrix
from countagg.cli.totals.watch_view import show_looks
from countagg.core.values import SCALE
from countagg.data.queues import HeldMessage
from countagg.operate.dead_letters.dead_letters import DeadLetter, LetterKind
from countagg.operate.integrity.findings import Difference, Hop, Verification
from countagg.operate.integrity.repair_plan import Mending, RepairAction
from countagg.operate.logs.log_lines import read_line
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay
from countagg.operate.totals.watching import compare
from countagg.provision.permissions import COMMANDS_OF, Audience
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import Terminal
from tests.cli.scenes import COUNTER, DAY, FILE, FLUB, HISTORY, STATUS, Scene, plain
from tests.cli.stack.test_permissions import CHECKS
from tests.fakes.day import NOW
from tests.readme import BLOCKS as README_BLOCKS

PLAIN_BLOCKS: Final = [block.text.splitlines() for block in README_BLOCKS if not block.language]
BLOCKS: Final = {lines[0]: lines[1:] for lines in PLAIN_BLOCKS if lines[0].startswith("$ countagg ")}
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
                "    require_time(context.get_remaining_time_in_millis, CALLS_PER_FILE)\n"
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


def shown_to_people(monkeypatch: pytest.MonkeyPatch, write: Callable[[Session], None]) -> list[str]:
    monkeypatch.setenv("COLUMNS", "110")
    terminal = Terminal()
    write(Session(DEFAULTS, Preferences({}), stdout=terminal, stderr=io.StringIO(), now=lambda: NOW))
    return plain(terminal.getvalue())


def document_of(write: Callable[[Session], None]) -> dict[str, Any]:
    out = io.StringIO()
    write(Session(replace(DEFAULTS, output=OutputForm.JSON), Preferences({}), stdout=out))
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def document_that_begins(with_text: str) -> dict[str, Any]:
    """Return a document that README shows, without what it leaves out."""
    [text] = [block.text for block in README_BLOCKS if block.text.startswith(with_text)]
    found: dict[str, Any] = json.loads(text.replace("...,\n", "").replace(", ...]", "]"))
    return found


DIFFERENCES: Final = (
    Difference(Hop.SNAPSHOTS, "the file has no snapshot", "i-deadbeef"),
    Difference(Hop.LEDGER, "an instance is included that has no snapshot", "i-deadbeef"),
    Difference(Hop.COUNTERS, "the item is wrong", "", "COUNTER1", Decimal(191_122), Decimal(191_000)),
)


@pytest.mark.parametrize("differences", [DIFFERENCES, ()], ids=["some", "none"])
def test_differences_and_that_there_are_none(
    differences: tuple[Difference, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Verification(DAY, 4, 4, differences)

    assert shown_to_people(monkeypatch, lambda session: write_verification(session, found)) in PLAIN_BLOCKS


def test_what_a_repair_does(monkeypatch: pytest.MonkeyPatch) -> None:
    mended = (
        Mending(Hop.SNAPSHOTS, RepairAction.REREAD, "i-deadbeef"),
        Mending(Hop.LEDGER, RepairAction.REBUILD),
        Mending(Hop.COUNTERS, RepairAction.WRITE, "", "COUNTER1"),
    )

    lines = shown_to_people(
        monkeypatch, lambda session: write_mendings(session, DAY, {DAY: mended}, dry_run=False)
    )

    assert lines in PLAIN_BLOCKS


def test_dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    message = HeldMessage("2236f3c6-0000", "", "", NOW - timedelta(seconds=12), 1, {})
    reason = "'COUNTER2' is not COUNTER VALUE"
    letter = DeadLetter(message, LetterKind.REFUSAL, "function/processor", reason, key=FLUB, line=2)

    assert shown_to_people(monkeypatch, lambda session: write_letters(session, [letter])) in PLAIN_BLOCKS


def test_the_document_of_a_history() -> None:
    days = (
        TotalsOfDay("2026-11-19", 622_401_190_626_092, "", {"http_get": 26_310 * SCALE}),
        TotalsOfDay("2026-11-20", 0, None, {}),
    )

    found = document_of(lambda session: write_history(session, History(days)))

    assert found == document_that_begins('{"schema": 1, "since": "2026-11-19"')


def totals_of(values: Sequence[int]) -> dict[str, int]:
    return {name: value * SCALE for name, value in zip(("http_get", "http_put"), values, strict=False)}


def test_a_history_as_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [(19_877, 412), (), (24_985, 387)]
    history = History(
        tuple(TotalsOfDay(f"2026-11-{day}", 1, "", totals_of(each)) for day, each in enumerate(values, 18))
    )

    def show(session: Session) -> None:
        write_matrix(session, history, ["http_get", "http_put"])

    lines = shown_to_people(monkeypatch, show)

    (block,) = [block for heading, block in BLOCKS.items() if "--pivot" in heading]
    assert lines[: len(block)] == block
    assert document_of(show) == document_that_begins('{"schema": 1, "since": "2026-11-18"')


def test_the_document_of_a_status() -> None:
    found = document_of(STATUS.show)
    shown = document_that_begins('{"schema": 1, "stack": "countagg", "healthy"')

    [hop] = shown.pop("hops")
    [same] = [each for each in found.pop("hops") if each["hop"] == hop["hop"]]
    told, left_out, rest = hop.pop("detail").partition("...")
    assert (left_out, rest) == ("...", "")
    assert same.pop("detail").startswith(told)
    assert (shown, hop) == (found, same)


def test_a_diagnosis_has_every_check_of_a_role() -> None:
    names = [re.split(r" {2,}", line)[0] for line in BLOCKS["$ countagg doctor --role reader"]]

    assert names == ["CHECK", *CHECKS, *(f"permissions: {command}" for command in COMMANDS_OF[Audience.READER])]


def test_totals_as_they_change() -> None:
    before = TotalsOfDay("2026-11-20", 7, "", {"COUNTER1": 191122 * SCALE, "COUNTER2": 54321 * SCALE})
    after = TotalsOfDay("2026-11-20", 8, "", {"COUNTER1": 191243 * SCALE, "COUNTER2": 54321 * SCALE})
    clock = iter([datetime(2026, 11, 20, 10, 15, second, tzinfo=UTC) for second in (2, 8)])
    out = io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stdout=out, now=lambda: next(clock))

    looks = [compare(None, before), compare(before, before), compare(before, after)]
    show_looks(session, lambda _: iter(looks), 2.0)

    assert BLOCKS["$ countagg query --date today --watch | cat"] == plain(out.getvalue())
