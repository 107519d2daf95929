"""Lambda functions: execution environments that hold the real handlers, and invocations of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.names import METRICS_NAMESPACE
from countagg.core.settings import FunctionSettings
from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS, FunctionClients
from tests.fakes.unfaithful import Unfaithful
from tools.simulation.faults import Fault
from tools.simulation.invocations import Context, Invocation, Outcome, Setting

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_LITTLE_SECONDS: Final = 1.0

Event = Mapping[str, Any]


class Handler(Protocol):
    """What the functions' modules offer."""

    def handle(self, event: Any, context: LambdaContext, /) -> Any:
        """Handle an event."""


class CountedMetrics(EphemeralMetrics):
    """Counts metrics instead of writing them out."""

    def __init__(self) -> None:
        super().__init__(namespace=METRICS_NAMESPACE, service="simulation")
        self.counted: Counter[str] = Counter()

    def add_metric(self, name: str, unit: Any, value: float, resolution: Any = 60) -> None:
        """Count."""
        del unit, resolution
        self.counted[name] += int(value)

    def flush_metrics(self, raise_on_empty_metrics: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is there
        """Write nothing."""


@cache
def quiet_logger() -> Logger:
    """Return a logger that writes nothing."""
    return Logger(service="simulation", level="CRITICAL")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a handler is made of."""

    settings: FunctionSettings
    clients: FunctionClients
    logger: Logger
    metrics: EphemeralMetrics
    now: Callable[[], datetime]
    sns: SNSClient | None = None
    """None where no alerts are sent."""


MakeHandler = Callable[[Runtime], Handler]


class Environment:
    """An execution environment: one handler for its life, one invocation at a time."""

    def __init__(self, make: Callable[[Callable[[], Invocation]], Handler]) -> None:
        self.invocation: Invocation | None = None
        self.handler = make(self._running)

    def _running(self) -> Invocation:
        if self.invocation is None:
            raise Unfaithful("a call outside of an invocation")
        return self.invocation


class Function:
    """One function.

    Args:
        setting: of the world.
        name: for the trace.
        timeout: in seconds.
        make: makes the handler of a new environment; takes how to find its running invocation.

    Attributes:
        broken_until: the moment up to which some operations fail.
        denied: these.
    """

    def __init__(
        self,
        setting: Setting,
        name: str,
        timeout: float,
        make: Callable[[Callable[[], Invocation]], Handler],
    ) -> None:
        self.name = name
        self.broken_until = 0.0
        self.denied: Container[str] = ()
        self.invocations = 0
        self._setting = setting
        self._timeout = timeout
        self._make = make
        self._idle: list[Environment] = []
        self._running = 0

    def begin_anew(self) -> None:
        """Forget the environments: days have passed."""
        self._idle.clear()

    def _time_for_it(self) -> float:
        """Return how long an invocation may take: now and then only for some calls until what a slow one takes."""
        setting = self._setting
        if self.name != "publisher" or not setting.faults.strikes(Fault.SHORT_OF_TIME):
            return self._timeout
        return SLOWEST_CALL_MILLISECONDS / 1_000 + _LITTLE_SECONDS * setting.random.random()

    def invoke(self, event: Event, done: Callable[[Outcome], None]) -> None:
        """Begin an invocation; `done` is told how it ended."""
        setting = self._setting
        self.invocations += 1
        if self._running:
            setting.faults.note(Fault.OVERLAPPED)
        self._running += 1
        if self._idle and setting.faults.strikes(Fault.ENVIRONMENT_LOST):
            self._idle.pop()
        environment = self._idle.pop() if self._idle else Environment(self._make)
        denied = self.denied if setting.timeline.now < self.broken_until else ()
        invocation = Invocation(setting, f"{self.name}#{self.invocations}", self._time_for_it(), denied)
        environment.invocation = invocation
        setting.trace.tell(invocation.name, f"invoked with {len(event['Records'])} records")

        def ended(outcome: Outcome) -> None:
            self._running -= 1
            setting.trace.tell(invocation.name, f"fails: {outcome.failure}" if outcome.failure else "ends")
            if not outcome.killed:
                self._idle.append(environment)
            done(outcome)

        context = Context(invocation, f"request-{self.name}-{self.invocations}")
        invocation.start(lambda: environment.handler.handle(event, context), ended)
