"""What commands show of fixed data, at a fixed time: README has it as text and in pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from countagg.aws.log_events import LogEvent
from countagg.aws.pipeline import MappingHealth, QueueDepth
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.health.status_view import write_hops
from countagg.cli.integrity.explain_view import write_counter, write_file
from countagg.cli.load.loadtest_view import write_report
from countagg.cli.stack.plan_view import print_plan
from countagg.cli.totals.history_view import write_history
from countagg.core.settings import FunctionSettings
from countagg.core.values import SCALE
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.explain import explain_counter
from countagg.operate.integrity.file_lineage import follow_file
from countagg.operate.integrity.file_log import FileLog
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay
from countagg.provision import metrics
from countagg.provision.differences import FieldChange
from countagg.provision.reconcile import Action, Change
from tests.cli.app.test_options import DEFAULTS
from tests.cli.load.test_loadtest import report
from tests.cli.running import Terminal
from tests.fakes.day import NOW, UPLOADED_AT, FakeDay
from tests.fakes.health import NAMES, healthy_stack
from tests.operate.log_events import HeldLogs

DAY: Final = "2026-11-20"
FLUB: Final = f"counters/{DAY}/values_i-flub"
_CALLS: Final = (1_204.0, 3_377.0, 358.0)
_HTTP_GET: Final = (18_120, 20_544, 19_877, 26_310, 24_985)
_HTTP_PUT: Final = (4_210, 6_105, 9_950, 8_400, 12_660)
_EVERYTHING: Final = {"Sid": "Everything", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Scene:
    """A command and what it shows.

    Attributes:
        command: as it is typed.
        columns: how wide the terminal is.
        show: writes what it shows.
    """

    command: str
    columns: int
    show: Callable[[Session], None]

    def shown(self) -> str:
        """Return what a terminal of that width gets, colours included; the size is read from the environment."""
        terminal = Terminal()
        self.show(Session(DEFAULTS, Preferences({}), stdout=terminal, stderr=terminal, now=lambda: NOW))
        return terminal.getvalue()


def plain(text: str) -> list[str]:
    """Return the lines of what is shown, without colours."""
    return [line.rstrip() for line in _COLOURS.sub("", text).splitlines()]


# The health of a stack


def _show_hops(session: Session) -> None:
    stack = healthy_stack()
    stack.pipeline.queues = {NAMES.uploads: QueueDepth(3, 10), NAMES.dead_letters: QueueDepth(1, 0)}
    stack.pipeline.mappings[NAMES.aggregator] = stack.pipeline.mappings[NAMES.publisher] = MappingHealth(
        "Enabled", "No records processed"
    )
    stack.health.states["countagg-files-refused"] = "ALARM"
    stack.health.values = {
        metrics.oldest_age(NAMES.uploads): 1.0,
        **{metrics.invocations(name): calls for name, calls in zip(NAMES.functions.values(), _CALLS, strict=True)},
        **dict.fromkeys(map(metrics.errors, NAMES.functions.values()), 0.0),
        **dict.fromkeys(map(metrics.throttles, NAMES.functions.values()), 0.0),
        metrics.files_refused(NAMES.processor): 1.0,
        metrics.iterator_age(NAMES.aggregator): 1_180.0,
        metrics.iterator_age(NAMES.publisher): 10_310.0,
    }
    write_hops(session, stack.look())


# Totals of many days


def history(**counters: tuple[int, ...]) -> History:
    """Return the history of counters, which ends today."""
    days = zip(*counters.values(), strict=True)
    return History(
        tuple(
            TotalsOfDay(
                f"2026-11-{16 + index}", 1, "", dict(zip(counters, (each * SCALE for each in values), strict=True))
            )
            for index, values in enumerate(days)
        )
    )


# Lineages


class _ExplainedStack:
    """A pipeline as far as a view needs it."""

    settings = FunctionSettings("countagg", "my-counters", "1", "counters/", "totals/", "url", 35, 400, "arn")


def sample_day() -> FakeDay:
    """Return the day of the sample files, and a file that is refused."""
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


def _explain_counter(session: Session) -> None:
    day = sample_day()
    session.__dict__["pipeline"] = _ExplainedStack()
    write_counter(session, explain_counter(Observer(day, DAY, day.today), "COUNTER1"))


def _explain_file(session: Session) -> None:
    reason = "'COUNTER2' is not COUNTER VALUE"
    refusal = {"level": "WARNING", "message": "file refused", "key": FLUB, "reason": reason, "line": 2}
    stamp = round(UPLOADED_AT.timestamp() * 1000) + 1_117
    logs = HeldLogs([LogEvent(NAMES.processor, "s", stamp, stamp, "", json.dumps(refusal))])
    session.__dict__["pipeline"] = _ExplainedStack()
    write_file(session, follow_file(sample_day(), FileLog(logs, NAMES, NOW), FLUB, NOW))


# A plan


def _show_plan(session: Session) -> None:
    everything = json.dumps({"Version": "2012-10-17", "Statement": [_EVERYTHING]})
    print_plan(
        session.result_console,
        [
            Change(
                "logs/processor",
                Action.UPDATE,
                "/aws/lambda/countagg-processor",
                (FieldChange("retention", 30, 90),),
            ),
            Change("function/aggregator", Action.UPDATE, NAMES.aggregator, (FieldChange("memory", 128, 512),)),
            Change(
                "alarm/dead-letters",
                Action.CREATE,
                NAMES.dead_letters,
                (
                    FieldChange("namespace", None, "AWS/SQS"),
                    FieldChange("metric", None, "ApproximateNumberOfMessagesVisible"),
                    FieldChange("threshold", None, 0),
                ),
            ),
            Change(
                "role/processor",
                Action.UPDATE,
                "countagg-processor-us-east-1",
                (FieldChange("policies", {"by-hand": everything}, {}),),
            ),
            Change("bucket", Action.KEEP, "my-counters", note="not ours, used as it is"),
        ],
    )


STATUS: Final = Scene("countagg status", 108, _show_hops)
HISTORY: Final = Scene(
    "countagg query --since 4d --counter http_get",
    80,
    lambda session: write_history(session, history(http_get=_HTTP_GET)),
)
TWO_COUNTERS: Final = Scene(
    "countagg query --since 4d --counter 'http_*'",
    80,
    lambda session: write_history(session, history(http_get=_HTTP_GET, http_put=_HTTP_PUT)),
)
COUNTER: Final = Scene(f"countagg explain COUNTER1 --date {DAY}", 100, _explain_counter)
FILE: Final = Scene(f"countagg explain {FLUB}", 100, _explain_file)
PLAN: Final = Scene("countagg plan --retention logs=90", 80, _show_plan)
LOADTEST: Final = Scene(
    "countagg loadtest --ramp --step 6 --factor 2 --cleanup", 80, lambda session: write_report(session, report())
)
