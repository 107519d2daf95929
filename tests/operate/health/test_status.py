"""The hops of a pipeline, when each counts as healthy, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from countagg.aws.health import FunctionHealth, LastChange
from countagg.aws.pipeline import MappingHealth, QueueDepth
from countagg.core.polling import Polling
from countagg.operate.health.status import HopHealth
from countagg.operate.health.status_watch import watch_hops
from countagg.provision import metrics
from tests.fakes.health import CODE, HOPS, NAMES, NOW, FakeStack, healthy_stack

DAY = "2026-11-20"


@pytest.fixture
def fake() -> FakeStack:
    return healthy_stack()


def unhealthy(fake: FakeStack) -> list[tuple[str, str, str]]:
    return [(hop.name, hop.state, hop.detail) for hop in fake.look() if hop.healthy is False]


def test_the_hops_stand_in_the_order_of_the_data(fake: FakeStack) -> None:
    hops = fake.look()

    assert [hop.name for hop in hops] == HOPS
    assert {hop.healthy for hop in hops} == {True}
    assert {hop.not_allowed for hop in hops} == {()}


def test_what_a_healthy_hop_tells(fake: FakeStack) -> None:
    fake.health.values = {
        metrics.oldest_age(NAMES.uploads): 12.0,
        metrics.invocations(NAMES.processor): 1200.0,
        metrics.errors(NAMES.processor): 2.0,
        metrics.throttles(NAMES.processor): 0.0,
        metrics.files_refused(NAMES.processor): 1.0,
        metrics.iterator_age(NAMES.aggregator): 250.0,
        metrics.ledgers_nearly_full(NAMES.aggregator): 7.0,
        metrics.days_beyond_max_counters(NAMES.publisher): 2.0,
    }

    assert fake.hop("queue/uploads") == HopHealth(
        "queue/uploads",
        healthy=True,
        state="present",
        detail="3 waiting, 2 in flight; oldest: 12 s",
        metrics={"waiting": 3, "in_flight": 2, "oldest_seconds": 12},
    )
    assert fake.hop("function/processor") == HopHealth(
        "function/processor",
        healthy=True,
        state="Active",
        detail="last hour: 1,200 calls, 2 errors, 0 throttles, 1 refused",
        metrics={"invocations": 1200, "errors": 2, "throttles": 0, "files_refused": 1, "files_skipped": None},
        facts={"code_current": True},
    )
    aggregator = fake.hop("function/aggregator")
    assert aggregator.metrics == {
        "invocations": None,
        "errors": None,
        "throttles": None,
        "iterator_age_seconds": 0.25,
        "ledgers_nearly_full": 7.0,
    }
    assert aggregator.detail == "last hour: 7 ledgers nearly full; iterator age 0.2 s"
    assert fake.hop("function/publisher").metrics["days_beyond_max_counters"] == 2.0
    assert fake.hop("function/publisher").detail == "last hour: 2 days beyond --max-counters"
    assert fake.hop("alarms").detail == "13 alarms"


def test_where_the_service_has_nothing_no_number_is_made_up(fake: FakeStack) -> None:
    assert fake.hop("queue/uploads").metrics["oldest_seconds"] is None
    assert fake.hop("queue/uploads").detail == "3 waiting, 2 in flight; oldest: no data"
    for short in NAMES.functions:
        assert set(fake.hop(f"function/{short}").metrics.values()) == {None}
        assert fake.hop(f"function/{short}").detail == "last hour: no data"


def test_of_a_stack_that_is_gone_every_part_is_absent_and_unhealthy() -> None:
    *parts, upload, published = FakeStack().look()

    assert len(parts) == 14
    assert {(hop.state, hop.healthy) for hop in parts} == {("absent", False)}
    assert [(hop.state, hop.healthy, hop.facts) for hop in (upload, published)] == [
        ("none", True, {"date": None})
    ] * 2


def set_function(name: str, found: FunctionHealth) -> Callable[[FakeStack], None]:
    return lambda fake: fake.health.functions.update({name: found})


def set_mapping(name: str, found: MappingHealth) -> Callable[[FakeStack], None]:
    return lambda fake: fake.pipeline.mappings.update({name: found})


def set_queue(name: str, waiting: int, in_flight: int) -> Callable[[FakeStack], None]:
    return lambda fake: fake.pipeline.queues.update({name: QueueDepth(waiting, in_flight)})


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda fake: setattr(fake.pipeline, "notified", False), ("notification/uploads", "absent", "")),
        (lambda fake: fake.pipeline.topics.clear(), ("topic/uploads", "absent", "")),
        (lambda fake: fake.pipeline.queues.pop(NAMES.uploads), ("queue/uploads", "absent", "")),
        (lambda fake: fake.health.functions.pop(NAMES.publisher), ("function/publisher", "absent", "")),
        (
            set_function(NAMES.aggregator, FunctionHealth("Failed", CODE)),
            ("function/aggregator", "Failed", "last hour: no data"),
        ),
        (
            set_function(NAMES.aggregator, FunctionHealth("Active", CODE, "no role")),
            ("function/aggregator", "Active", "last hour: no data; last update failed: no role"),
        ),
        (
            lambda fake: fake.health.grants.update({NAMES.aggregator: "its role r is gone"}),
            ("function/aggregator", "Active", "last hour: no data; its role r is gone; run `countagg setup`"),
        ),
        (
            set_mapping(NAMES.processor, MappingHealth("Disabled", "OK")),
            ("mapping/processor", "Disabled", "OK"),
        ),
        (
            set_mapping(NAMES.publisher, MappingHealth("Enabled", "PROBLEM: no")),
            ("mapping/publisher", "Enabled", "PROBLEM: no"),
        ),
        (
            set_mapping(NAMES.publisher, MappingHealth("Enabled", "Failed")),
            ("mapping/publisher", "Enabled", "Failed"),
        ),
        (
            lambda fake: fake.pipeline.tables.update({NAMES.totals: "DELETING"}),
            ("table/totals", "DELETING", ""),
        ),
        (set_queue(NAMES.dead_letters, 2, 1), ("queue/dead-letters", "present", "3 held")),
        (set_queue(NAMES.dead_letters, 0, 1), ("queue/dead-letters", "present", "1 held")),
        (
            lambda fake: fake.health.states.update({"countagg-uploads-age": "ALARM"}),
            ("alarms", "ALARM", "in alarm: uploads-age"),
        ),
        (
            lambda fake: fake.health.states.pop("countagg-dead-letters"),
            ("alarms", "absent", "missing: dead-letters"),
        ),
    ],
)
def test_what_is_wrong_with_one_hop_shows_on_it_alone(
    harm: Callable[[FakeStack], object], expected: tuple[str, str, str], fake: FakeStack
) -> None:
    harm(fake)

    assert unhealthy(fake) == [expected]


@pytest.mark.parametrize(
    "change",
    [
        set_function(NAMES.processor, FunctionHealth("Inactive", CODE)),
        set_function(NAMES.processor, FunctionHealth("Active", "another hash")),
        lambda fake: fake.pipeline.tables.update({NAMES.counters: "UPDATING"}),
        set_mapping(NAMES.processor, MappingHealth("Enabled", "")),
        set_mapping(NAMES.processor, MappingHealth("Enabled", "No records processed")),
        set_queue(NAMES.uploads, 100_000, 1_000),
        lambda fake: fake.health.values.update({metrics.errors(NAMES.processor): 9.0}),
        lambda fake: fake.health.states.update({"countagg-uploads-age": "INSUFFICIENT_DATA"}),
        lambda fake: (fake.health.ledgers.clear(), fake.health.objects.clear()),
    ],
)
def test_what_passes_by_itself_is_healthy(change: Callable[[FakeStack], object], fake: FakeStack) -> None:
    change(fake)

    assert unhealthy(fake) == []


def test_raised_and_missing_alarms_are_named(fake: FakeStack) -> None:
    fake.health.states["countagg-uploads-age"] = fake.health.states["countagg-files-refused"] = "ALARM"
    del fake.health.states["countagg-dead-letters"]

    found = fake.hop("alarms")

    assert found.detail == "in alarm: files-refused, uploads-age; missing: dead-letters"
    assert found.metrics == {"in_alarm": 2, "missing": 1}
    assert found.facts == {"in_alarm": ["files-refused", "uploads-age"], "missing": ["dead-letters"]}


def test_code_of_another_version_is_told(fake: FakeStack) -> None:
    fake.health.functions[NAMES.publisher] = FunctionHealth("Active", "another hash")

    assert fake.hop("function/publisher").facts == {"code_current": False}
    assert fake.hop("function/publisher").detail == "last hour: no data; code of another version"
    assert fake.hop("function/processor").facts == {"code_current": True}


# The data


def test_the_last_upload_and_what_was_published_last(fake: FakeStack) -> None:
    upload, published = fake.look()[-2:]

    assert (upload.state, upload.detail) == ("2026-11-20T11:59:50Z", "version 9 of 2026-11-20")
    assert upload.metrics == {"age_seconds": 9, "version": 9}
    assert upload.facts == {"date": "2026-11-20"}
    assert published.metrics == {"age_seconds": 120, "version": 8}


@pytest.mark.parametrize("day", ["2026-11-19", "2026-11-21"])
def test_the_last_upload_may_be_of_another_day(fake: FakeStack, day: str) -> None:
    fake.health.ledgers[day] = LastChange(day, 3, "2026-11-20T11:59:59+00:00")

    upload, published = fake.look()[-2:]

    assert upload.detail == f"version 3 of {day}"
    # Nothing of that day is published yet.
    assert published.state == ("2026-11-20T11:58:00Z" if day > "2026-11-20" else "none")


@pytest.mark.parametrize("at", [None, "just now", "2026-11-20T11:59:50"])
def test_a_time_that_a_hand_wrote_has_no_age(fake: FakeStack, at: str | None) -> None:
    fake.health.ledgers["2026-11-20"] = LastChange("2026-11-20", 9, at)

    assert fake.hop("last-upload").state == (at or "")
    assert fake.hop("last-upload").metrics["age_seconds"] is None


# What is published


@pytest.mark.parametrize("ledgers", [{}, {DAY: LastChange(DAY, 7, "2026-11-20T11:59:50.250+00:00")}])
def test_what_is_newer_than_its_ledger_is_not_healthy(fake: FakeStack, ledgers: dict[str, LastChange]) -> None:
    fake.health.ledgers = ledgers

    hop = fake.hop("last-published")

    assert hop.healthy is False
    assert hop.detail == f"version 8 of {DAY}, which is newer than its ledger: `countagg repair --date {DAY}`"


def test_a_ledger_that_was_read_a_moment_too_early_is_read_again(fake: FakeStack) -> None:
    fake.health.arriving = {DAY: fake.health.ledgers[DAY]}
    fake.health.ledgers = {DAY: LastChange(DAY, 7, "2026-11-20T11:59:50.250+00:00")}

    assert fake.hop("last-published").healthy


# Objects that are skipped


SKIPPED_KEY = "counters/2026/11/20/values_x"


def test_objects_that_are_skipped_are_counted_with_one_as_an_example(fake: FakeStack) -> None:
    fake.health.values = {metrics.files_skipped(NAMES.processor): 3.0}
    fake.health.skipped = SKIPPED_KEY

    hop = fake.hop("function/processor")

    assert (hop.healthy, hop.metrics["files_skipped"]) == (True, 3)
    assert hop.detail == f"last hour: 3 skipped, such as {SKIPPED_KEY}"
    assert "skipped" not in fake.hop("function/aggregator").detail


@pytest.mark.parametrize("value", [None, 0.0])
def test_where_none_is_skipped_the_log_is_not_read(fake: FakeStack, value: float | None) -> None:
    fake.health.values = {} if value is None else {metrics.files_skipped(NAMES.processor): value}
    fake.look()
    assert fake.health.skipped_asked == 0


def test_a_log_that_tells_no_example_leaves_the_number(fake: FakeStack) -> None:
    fake.health.values = {metrics.files_skipped(NAMES.processor): 3.0}
    hop = fake.hop("function/processor")
    assert (hop.detail, hop.not_allowed) == ("last hour: 3 skipped", ())


def test_a_log_that_may_not_be_read_leaves_the_number_too(fake: FakeStack) -> None:
    fake.health.values = {metrics.files_skipped(NAMES.processor): 3.0}
    fake.health.denied["skipped_key"] = ""
    hop = fake.hop("function/processor")
    assert (hop.healthy, hop.detail) == (True, "last hour: 3 skipped")
    assert hop.not_allowed == ("logs:FilterLogEvents",)


def test_a_long_key_is_shortened(fake: FakeStack) -> None:
    fake.health.values = {metrics.files_skipped(NAMES.processor): 1.0}
    fake.health.skipped = "k" * 1024
    assert fake.hop("function/processor").detail == f"last hour: 1 skipped, such as {'k' * 100}..."


def test_the_example_is_read_as_often_as_the_metrics_and_no_oftener(fake: FakeStack) -> None:
    fake.health.values = {metrics.files_skipped(NAMES.processor): 3.0}
    inspector = fake.inspector()
    inspector.look()
    inspector.look()
    assert fake.health.skipped_asked == 1

    fake.health.values = {}
    fake.now = NOW + timedelta(seconds=60)
    hops = {hop.name: hop for hop in inspector.look()}
    assert (fake.health.skipped_asked, hops["function/processor"].detail) == (1, "last hour: no data")


# Permissions


@pytest.mark.parametrize(
    ("method", "action", "unknown", "known"),
    [
        ("function", "lambda:GetFunctionConfiguration", [f"function/{short}" for short in NAMES.functions], []),
        (
            "metrics",
            "cloudwatch:GetMetricData",
            [],
            ["queue/uploads", *(f"function/{s}" for s in NAMES.functions)],
        ),
        ("alarms", "cloudwatch:DescribeAlarms", ["alarms"], []),
        ("counted", "dynamodb:GetItem", ["last-upload", "last-published"], []),
        ("published", "s3:GetObject", ["last-published"], []),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_may_not_be_read_is_told_and_ends_nothing(
    fake: FakeStack, method: str, action: str, unknown: list[str], known: list[str], *, named: bool
) -> None:
    fake.health.denied[method] = action if named else ""

    hops = {hop.name: hop for hop in fake.look()}

    assert [name for name, hop in hops.items() if hop.healthy is None] == sorted(unknown, key=HOPS.index)
    assert {name for name, hop in hops.items() if hop.not_allowed == (action,)} == {*unknown, *known}
    assert all(f"not allowed: {action}" in hops[name].detail for name in (*unknown, *known))
    assert {hops[name].state for name in unknown} <= {"unknown"}
    assert all(hops[name].healthy for name in hops.keys() - set(unknown))


def test_an_action_that_aws_names_is_told_as_aws_names_it(fake: FakeStack) -> None:
    fake.health.denied["published"] = "kms:Decrypt"

    assert fake.hop("last-published").not_allowed == ("kms:Decrypt",)


# Again and again


def test_metrics_are_read_once_a_minute_and_everything_else_at_each_look(fake: FakeStack) -> None:
    inspector = fake.inspector()
    inspector.look()
    fake.now = NOW + timedelta(seconds=59)
    fake.pipeline.notified = False
    assert inspector.look()[0].healthy is False
    assert fake.health.asked == [NOW]

    fake.now = NOW + timedelta(seconds=60)
    inspector.look()

    assert fake.health.asked == [NOW, fake.now]


def test_watching_tells_what_changed_and_not_that_time_passed(fake: FakeStack) -> None:
    inspector = fake.inspector()
    first = inspector.look()
    fake.now += timedelta(seconds=10)
    older = inspector.look()
    paused = (replace(older[0], healthy=False, state="absent"), *older[1:])
    looks = iter([first, older, paused, paused])
    pauses: list[float] = []

    told = list(islice(watch_hops(lambda: next(looks), Polling(sleep=pauses.append).looks(1)), 4))

    assert first != older
    assert [[hop.name for hop in look.changed] for look in told] == [HOPS, [], [HOPS[0]], []]
    assert [look.hops for look in told] == [first, older, paused, paused]
    assert len(pauses) == 3
