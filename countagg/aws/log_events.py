"""Events of the functions' log groups, read by one client, one request after the other.

What the service does: docs/aws-facts.md#logs-metrics-and-alarms.

FilterLogEvents allows 5 to 10 requests a second for a whole account and Region. So requests keep a distance, and
an answer that there were too many is waited out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.aws.waiting import Patience, Transient
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

THROTTLED: Final = (
    Transient("ThrottlingException"),
    Transient("Throttling"),
    Transient("ServiceUnavailableException"),
)
SECONDS_BETWEEN_REQUESTS: Final = 0.2
MAX_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event of a log.

    Attributes:
        function: full name of the function that wrote it.
        stream: the log stream; one an execution environment.
        timestamp: when it happened, in milliseconds since 1970.
        ingested: when the service took it in, in milliseconds since 1970.
        id: the service's id for it; empty on an engine that gives none.
        message: as it was written.
    """

    function: str
    stream: str
    timestamp: int
    ingested: int
    id: str
    message: str


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: its first and last millisecond since 1970; None for one without an end."""

    start: int
    end: int | None = None


def milliseconds(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


class LogReader:
    """Reads the events of functions.

    Args:
        clients: to work with.
        patience: how throttling is waited out; its clock and its sleep also keep requests apart.
        on_missing: told the name of a function that has no log group, each time it is asked for.
    """

    def __init__(self, clients: Clients, patience: Patience, on_missing: Callable[[str], None]) -> None:
        self._clients = clients
        self._patience = patience
        self._on_missing = on_missing
        self._next_request = patience.polling.clock()

    def read(self, function: str, period: Period) -> Iterator[LogEvent]:
        """Yield a function's events, oldest first, page by page as they are asked for.

        Raises:
            CountaggError: AWS refused a call.
            TimedOut: it was throttled until patience ended.
        """
        request: dict[str, Any] = {"logGroupName": Names.log_group(function), "startTime": period.start}
        if period.end is not None:
            request["endTime"] = period.end
        known = 0
        while True:
            page: list[FilteredLogEventTypeDef] = []
            for page in self._pages(function, request):
                yield from (_event(function, event) for event in page[known:])
                known -= min(known, len(page))
            if len(page) < MAX_PAGE or page[-1]["timestamp"] <= request["startTime"]:
                return
            # The embedded engine ends at a full page and gives no token. What has the millisecond of the last
            # one comes again, first.
            request["startTime"] = page[-1]["timestamp"]
            known = sum(event["timestamp"] == request["startTime"] for event in page)

    def _pages(self, function: str, request: dict[str, Any]) -> Iterator[list[FilteredLogEventTypeDef]]:
        """Yield pages; an empty one ends nothing as long as it comes with a token."""
        more = True
        while more:
            with aws_errors(f"log of {function}"):
                try:
                    answer = self._patience.call(
                        partial(self._request, request), THROTTLED, "CloudWatch Logs, which throttles requests"
                    )
                except ClientError as error:
                    if code_of(error) != "ResourceNotFoundException":
                        raise
                    self._on_missing(function)
                    return
            yield answer.get("events", [])
            more = "nextToken" in answer
            request = request | {"nextToken": answer.get("nextToken")}

    def _request(self, request: dict[str, Any]) -> Any:  # noqa: ANN401 - an answer of boto3
        now = self._patience.polling.clock()
        if now < self._next_request:
            self._patience.polling.sleep(self._next_request - now)
        self._next_request = self._patience.polling.clock() + SECONDS_BETWEEN_REQUESTS
        return self._clients.logs.filter_log_events(**request)


def _event(function: str, event: FilteredLogEventTypeDef) -> LogEvent:
    return LogEvent(
        function=function,
        stream=event.get("logStreamName", ""),
        timestamp=event["timestamp"],
        ingested=event.get("ingestionTime", event["timestamp"]),
        id=event.get("eventId", ""),
        message=event.get("message", ""),
    )
