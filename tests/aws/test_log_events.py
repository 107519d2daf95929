from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from countagg.aws.log_events import MAX_PAGE, SECONDS_BETWEEN_REQUESTS, LogEvent, LogReader, Period
from countagg.aws.waiting import Patience
from countagg.core.errors import AccessDenied, ConnectionProblem, TimedOut
from countagg.core.polling import Polling
from tests.aws.world import Clock, World, answer
from tests.fakes.clients import FakeClients

FUNCTION = "countagg-processor"
GROUP = f"/aws/lambda/{FUNCTION}"
NOW = 1_795_209_500_000


@dataclass
class FakeLogs:
    """Answers a request with what stands next; an error is raised.

    Attributes:
        answers: what it answers with, in this order.
        requests: what it was asked.
        took: told the request, before it is answered.
    """

    answers: list[dict[str, Any] | ClientError]
    requests: list[dict[str, Any]] = field(default_factory=list)
    took: Callable[[], None] = lambda: None

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        self.took()
        found = self.answers.pop(0)
        if isinstance(found, ClientError):
            raise found
        return found


class Reading:
    """A reader on a fake, with a clock of its own."""

    def __init__(self, *answers: dict[str, Any] | ClientError) -> None:
        self.clock = Clock()
        self.waited_for: list[str] = []
        self.missing: list[str] = []
        self.logs = FakeLogs(list(answers))
        patience = Patience(self.waited_for.append, Polling(100, self.clock.sleep, lambda: self.clock.now))
        self.reader = LogReader(FakeClients(logs=self.logs), patience, self.missing.append)

    def read(self, period: Period = Period(NOW)) -> list[str]:  # noqa: B008 - frozen
        return [event.message for event in self.reader.read(FUNCTION, period)]


def page(*messages: str, token: str | None = None, at: int = 0) -> dict[str, Any]:
    events = [
        {"logStreamName": "s", "timestamp": NOW + at, "ingestionTime": NOW + at + 5, "eventId": m, "message": m}
        for m in messages
    ]
    return {"events": events, **({"nextToken": token} if token else {})}


def full_page(first: int, at: Callable[[int], int] = lambda index: index) -> dict[str, Any]:
    """Return a page as the embedded engine gives it: without a token, whatever may follow."""
    numbers = range(first, first + MAX_PAGE)
    return {"events": [{"timestamp": NOW + at(index), "message": str(index)} for index in numbers]}


def test_events_have_what_the_service_tells_of_them(world: World) -> None:
    logs = world.clients.logs
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="2026/11/20/[$LATEST]1")
    told = [{"timestamp": NOW + at, "message": f"line {at}"} for at in range(3)]
    logs.put_log_events(logGroupName=GROUP, logStreamName="2026/11/20/[$LATEST]1", logEvents=cast("Any", told))
    reader = LogReader(world.clients, world.patience, pytest.fail)

    first, last = reader.read(FUNCTION, Period(NOW + 1, NOW + 2))

    assert (first.message, last.message) == ("line 1", "line 2")
    assert (first.function, first.stream, first.timestamp) == (FUNCTION, "2026/11/20/[$LATEST]1", NOW + 1)
    assert first.id
    assert first.id != last.id
    assert first.ingested > 0


def test_a_function_without_a_log_has_no_events(world: World) -> None:
    missing: list[str] = []

    assert list(LogReader(world.clients, world.patience, missing.append).read(FUNCTION, Period(NOW))) == []
    assert missing == [FUNCTION]


def test_a_request_names_group_and_period() -> None:
    reading = Reading(page(), page())

    reading.read(Period(NOW, NOW + 9))
    reading.read(Period(NOW))

    assert reading.logs.requests == [
        {"logGroupName": GROUP, "startTime": NOW, "endTime": NOW + 9},
        {"logGroupName": GROUP, "startTime": NOW},
    ]


def test_an_empty_page_with_a_token_ends_nothing() -> None:
    reading = Reading(page(token="1"), page("a", token="2"), page(token="3"), page("b"))

    assert reading.read() == ["a", "b"]
    assert [request.get("nextToken") for request in reading.logs.requests] == [None, "1", "2", "3"]
    assert {request["startTime"] for request in reading.logs.requests} == {NOW}


def test_pages_are_fetched_when_they_are_asked_for() -> None:
    reading = Reading(page("a", "b", token="1"))

    assert len(list(islice(reading.reader.read(FUNCTION, Period(NOW)), 2))) == 2
    assert len(reading.logs.requests) == 1


def test_requests_keep_a_distance() -> None:
    reading = Reading(*(page() for _ in range(3)))

    def takes_a_while() -> None:
        reading.clock.now += 0.05

    reading.logs.took = takes_a_while
    for _ in range(3):
        reading.read()

    assert reading.clock.pauses == pytest.approx([SECONDS_BETWEEN_REQUESTS - 0.05] * 2)


def test_requests_that_come_apart_wait_for_nothing() -> None:
    reading = Reading(page(), page())
    reading.read()
    reading.clock.now += 1

    reading.read()

    assert reading.clock.pauses == []


@pytest.mark.parametrize("code", ["ThrottlingException", "Throttling", "ServiceUnavailableException"])
def test_throttling_is_waited_out_in_the_middle_of_a_log(code: str) -> None:
    throttled = answer(code, "Rate exceeded", "FilterLogEvents")
    reading = Reading(page("a", token="1"), throttled, throttled, page("b", token="2"), throttled, page("c"))

    assert reading.read() == ["a", "b", "c"]
    assert [request.get("nextToken") for request in reading.logs.requests] == [None, "1", "1", "1", "2", "2"]
    assert reading.waited_for == ["CloudWatch Logs, which throttles requests"] * 2
    assert sum(reading.clock.pauses) > 3 * 0.5


def test_throttling_that_does_not_end_ends_with_patience() -> None:
    reading = Reading(*(answer("ThrottlingException", "Rate exceeded") for _ in range(100)))

    with pytest.raises(TimedOut, match="still waiting after 100 s"):
        reading.read()


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDenied), ("ExpiredTokenException", ConnectionProblem)],
)
def test_other_errors_rise_with_the_name_of_the_log(code: str, error: type[Exception]) -> None:
    reading = Reading(answer(code, "no", "FilterLogEvents"))

    with pytest.raises(error, match=f"^log of {FUNCTION}: "):
        reading.read()
    assert reading.clock.pauses == []


def test_a_full_page_without_a_token_is_not_taken_for_the_end() -> None:
    # Its last three have one millisecond, as have the first five of what follows.
    first = full_page(0, lambda index: min(index, MAX_PAGE - 3))
    again = {"events": [{"timestamp": NOW + MAX_PAGE - 3, "message": str(MAX_PAGE - 3 + n)} for n in range(5)]}
    reading = Reading(first, again)

    assert reading.read(Period(NOW, NOW + 10**6)) == [str(index) for index in range(MAX_PAGE + 2)]
    assert reading.logs.requests[1] == {
        "logGroupName": GROUP,
        "startTime": NOW + MAX_PAGE - 3,
        "endTime": NOW + 10**6,
    }


def test_what_comes_again_after_a_full_page_may_come_in_pages() -> None:
    first = full_page(0, lambda index: min(index, MAX_PAGE - 3))
    last = [{"timestamp": NOW + MAX_PAGE - 3, "message": str(MAX_PAGE - 3 + number)} for number in range(5)]
    again = ({"events": [], "nextToken": "1"}, {"events": last[:2], "nextToken": "2"}, {"events": last[2:]})
    reading = Reading(first, *again)

    assert reading.read() == [str(index) for index in range(MAX_PAGE + 2)]


def test_a_full_page_of_one_millisecond_does_not_go_on_for_ever() -> None:
    reading = Reading(full_page(0, lambda _: 0))

    assert len(reading.read()) == MAX_PAGE
    assert len(reading.logs.requests) == 1


def test_what_an_engine_leaves_out_is_made_up_for() -> None:
    reading = Reading({"events": [{"timestamp": NOW}]})

    assert list(reading.reader.read(FUNCTION, Period(NOW))) == [LogEvent(FUNCTION, "", NOW, NOW, "", "")]


def test_a_log_that_vanishes_while_it_is_read_just_ends() -> None:
    reading = Reading(page("a", token="1"), answer("ResourceNotFoundException", "gone"))

    assert reading.read() == ["a"]
    assert reading.missing == [FUNCTION]
