"""Logs as one stream: what is chosen, merged, followed and not shown twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.aws.log_events import LogEvent, Period, milliseconds
from countagg.core.errors import UsageError
from countagg.core.names import Names
from countagg.core.polling import Polling
from countagg.operate.logs.log_lines import Level, LogLine, read_line
from countagg.operate.logs.logs import (
    OVERLAP_MILLISECONDS,
    SECONDS_BETWEEN_LOOKS,
    Seen,
    Wanted,
    choose_functions,
    follow_logs,
    read_logs,
)
from tests.operate.log_events import PROCESSOR, START, HeldLogs, event

AGGREGATOR: Final = "countagg-aggregator"
FUNCTIONS: Final = (PROCESSOR, AGGREGATOR)
BEGIN: Final = datetime.fromtimestamp(START / 1000, UTC)
ALL: Final = Wanted(folded=True)


def messages(lines: list[LogLine]) -> list[str]:
    return [line.message for line in lines]


# What is chosen


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ((), ("s-processor", "s-aggregator", "s-publisher")),
        (("publisher",), ("s-publisher",)),
        (("s-publisher",), ("s-publisher",)),
        (("publisher", "processor", "publisher"), ("s-processor", "s-publisher")),
    ],
)
def test_functions_are_chosen_by_short_or_full_names(chosen: tuple[str, ...], expected: tuple[str, ...]) -> None:
    stack = "s-1"

    assert choose_functions(Names(stack), [name.replace("s-", "s-1-") for name in chosen]) == tuple(
        name.replace("s-", "s-1-") for name in expected
    )


@pytest.mark.parametrize("name", ["", "Processor", "other-processor", "process"])
def test_a_function_that_the_pipeline_lacks_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose_functions(Names("countagg"), ["processor", name])

    assert str(caught.value) == f"--function: the pipeline has no function {name!r}"
    assert caught.value.hint == "use processor, aggregator, publisher"


@pytest.mark.parametrize("level", list(Level))
def test_lines_below_the_level_are_left_out(level: Level) -> None:
    lines = [read_line(event({"level": each.name, "message": "m"})) for each in Level]

    assert [line.level for line in lines if Wanted(level=level).takes(line)] == [e for e in Level if e >= level]


def test_folded_lines_are_left_out_unless_wanted() -> None:
    line = read_line(event("END RequestId: 8f"))

    assert not Wanted().takes(line)
    assert Wanted(folded=True).takes(line)
    assert not Wanted("START", folded=True).takes(line)


# One stream of several logs


def test_lines_of_all_functions_come_in_the_order_of_time() -> None:
    held = HeldLogs(
        [
            event("a1", at=10),
            event("b1", at=20, function=AGGREGATOR),
            event("a2", at=30),
            event("b2", at=5, function=AGGREGATOR),
            event("outside", at=1_000),
        ]
    )

    found = list(read_logs(held, FUNCTIONS, Period(START, START + 999), ALL))

    assert messages(found) == ["b2", "a1", "b1", "a2"]


def test_what_is_not_wanted_is_not_read_into_memory_first() -> None:
    class Endless(HeldLogs):
        def read(self, function: str, period: Period) -> Iterator[LogEvent]:
            at = period.start - START
            while True:
                yield event(function, at=at, function=function)
                at += 1

    lines = read_logs(Endless(), FUNCTIONS, Period(START), ALL)

    assert messages(list(islice(lines, 4))) == [PROCESSOR, AGGREGATOR] * 2


# Following


def follow(held: HeldLogs, looks: int, wanted: Wanted = ALL) -> tuple[list[list[str]], list[float]]:
    pauses: list[float] = []
    stream = follow_logs(held, FUNCTIONS, START, wanted, Polling(sleep=pauses.append))
    return [look(stream) for _ in range(looks)], pauses


def look(stream: Iterator[LogLine | None]) -> list[str]:
    """Return the messages of one look."""
    return [line.message for line in iter(stream.__next__, None)]


def test_each_look_shows_what_is_new_and_nothing_twice() -> None:
    held = HeldLogs([event("first", at=1, id_="1"), event("early", at=-1, id_="0")])

    def more() -> None:
        if len(held.asked) == 3:
            held.events += [event("second", at=2, id_="2"), event("third", at=3, id_="3", function=AGGREGATOR)]

    held.on_look = more

    shown, pauses = follow(held, 4)

    assert shown == [["first"], ["second", "third"], [], []]
    assert pauses == [SECONDS_BETWEEN_LOOKS] * 3


def test_what_comes_late_is_shown_when_it_comes() -> None:
    newest = 10 * OVERLAP_MILLISECONDS
    held = HeldLogs([event("newest", at=newest, id_="1")])

    def more() -> None:
        if len(held.asked) == 3:
            held.events += [
                event("late", at=newest - OVERLAP_MILLISECONDS, id_="2"),
                event("too late", at=newest - OVERLAP_MILLISECONDS - 1, id_="3"),
                event("slow", at=1, id_="4", function=AGGREGATOR),
            ]

    held.on_look = more

    shown, _ = follow(held, 3)

    # Another function that was silent has nothing newer: all of its lines are new.
    assert shown == [["newest"], ["slow", "late"], []]


def test_only_the_overlap_is_read_again() -> None:
    newest = 10 * OVERLAP_MILLISECONDS
    held = HeldLogs([event("old", at=0, id_="0"), event("newest", at=newest, id_="1")])

    follow(held, 2)

    assert held.asked == [
        (PROCESSOR, Period(START)),
        (AGGREGATOR, Period(START)),
        (PROCESSOR, Period(START + newest - OVERLAP_MILLISECONDS)),
        (AGGREGATOR, Period(START)),
    ]


def test_a_long_log_is_shown_while_it_is_read() -> None:
    read: list[int] = []

    class Long(HeldLogs):
        def read(self, function: str, period: Period) -> Iterator[LogEvent]:
            first = period.start - START
            for number in range(first, 5 * OVERLAP_MILLISECONDS, 1_000):
                read.append(number)
                yield event(str(number), at=number, id_=f"{function}{number}", function=function)

    stream = follow_logs(Long(), FUNCTIONS, START, ALL, Polling(sleep=lambda _: None))

    assert next(stream) is not None
    assert len(read) <= len(FUNCTIONS)
    assert len(look(stream)) == 2 * 300 - 1
    assert look(stream) == []


def test_a_clock_that_is_wrong_hides_nothing() -> None:
    held = HeldLogs([event("now", at=0, id_="1")])
    begin = START - 60 * 60 * 1000

    stream = follow_logs(held, FUNCTIONS, begin, ALL, Polling(sleep=lambda _: None))

    assert look(stream) == ["now"]
    held.events.append(event("a minute behind", at=-30_000, id_="2"))
    assert look(stream) == ["a minute behind"]


HOUR: Final = 60 * 60 * 1000


@pytest.mark.parametrize(
    ("ingested", "clock"),
    [
        # The service tells when it took an event in; where it does not, this machine's clock counts.
        (0, HOUR),
        (HOUR, 0),
        (0, -10 * HOUR),
    ],
)
def test_an_event_that_is_dated_ahead_hides_none_of_those_after_it(ingested: int, clock: int) -> None:
    held = HeldLogs([event("ahead", at=HOUR, id_="1", ingested=ingested)])
    stream = follow_logs(
        held, FUNCTIONS, START, ALL, Polling(sleep=lambda _: None), lambda: (START + clock) / 1000
    )

    assert look(stream) == ["ahead"]
    held.events += [event("next", at=1, id_="2"), event("ahead too", at=HOUR + 1, id_="3", ingested=ingested)]
    assert look(stream) == ["next", "ahead too"]
    held.events.append(event("after", at=2, id_="4"))
    assert look(stream) == ["after"]
    assert look(stream) == []


def test_following_shows_only_what_is_wanted() -> None:
    held = HeldLogs([event({"level": "INFO", "message": "i"}), event({"level": "ERROR", "message": "e"}, at=1)])

    assert follow(held, 1, Wanted(level=Level.ERROR))[0] == [["e"]]


# What was seen


def test_events_without_an_id_are_told_apart_by_how_many_are_alike() -> None:
    seen = Seen()
    twice = [event("same"), event("same")]

    assert len(list(seen.new(twice))) == 2
    assert list(seen.new(twice)) == []
    assert len(list(seen.new([*twice, event("same"), event("same", at=1)]))) == 2


def test_what_was_forgotten_is_new_again() -> None:
    seen = Seen()
    events = [event("a", at=1, id_="1"), event("b", at=2, id_="2")]
    list(seen.new(events))

    seen.forget(START + 2)

    assert messages([read_line(each) for each in seen.new(events)]) == ["a"]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.booleans()), max_size=30),
    st.lists(st.integers(0, 30), max_size=6),
)
def test_however_looks_overlap_each_event_is_shown_once(
    written: list[tuple[int, str, bool]], ends: list[int]
) -> None:
    events = [
        event(text, at=at, id_=str(number) if has_id else "")
        for number, (at, text, has_id) in enumerate(sorted(written))
    ]
    seen, shown = Seen(), []
    # A look holds whole milliseconds: all of the last one, or none of it.
    for end in [*sorted(ends), len(events)]:
        last = events[min(end, len(events)) - 1].timestamp if events[:end] else START - 1
        shown += list(seen.new(each for each in events if each.timestamp <= last))

    assert sorted(map(repr, shown)) == sorted(map(repr, events))


def test_moments_become_milliseconds() -> None:
    assert milliseconds(BEGIN) == START
    assert milliseconds(BEGIN + timedelta(milliseconds=7)) == START + 7
