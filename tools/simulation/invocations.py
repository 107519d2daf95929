"""Invocations: handlers that are stepped at each service call, so that any number of them interleave.

Each runs in a greenlet of its own. A call pauses it, lets its effect happen at some moment, and resumes it at a
later one; between them other handlers run. Here is also what can happen to a single call: AWS's SDK guide on
retries, and `countagg.functions.clients` for how often and how long the client tries.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import getcurrent, greenlet

from countagg.functions.clients import CONFIG
from tests.fakes.unfaithful import Unfaithful
from tools.simulation.faults import Fault, Faults
from tools.simulation.timeline import Timeline
from tools.simulation.trace import Trace

Effect = Callable[[], Any]

_TRIES: Final[int] = CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]  # set by botocore at run time
_LATE_SECONDS: Final = 60.0


class Killed(BaseException):
    """The execution environment dies at this point. No `Exception`: no handler can catch its own death."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: with an answer, or with the failure that Lambda saw."""

    answer: Any = None
    failure: str = ""
    killed: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What all invocations of a world share.

    Attributes:
        timeline: when things happen.
        faults: what goes wrong.
        random: of the run.
        trace: what is told about it.
        latency_spread: calls take 2 ms times 10 to the power of up to this.
    """

    timeline: Timeline
    faults: Faults
    random: Random
    trace: Trace
    latency_spread: float


class Invocation:
    """One run of a handler.

    Args:
        setting: of the world.
        name: for the trace.
        timeout: the function's, in seconds.
        denied: the operations that fail, whoever calls them.
    """

    def __init__(self, setting: Setting, name: str, timeout: float, denied: Container[str]) -> None:
        self.name = name
        self._setting = setting
        self._deadline = setting.timeline.now + timeout
        self._denied = denied
        self._greenlet: greenlet | None = None

    def start(self, body: Callable[[], Any], done: Callable[[Outcome], None]) -> None:
        """Run until the first pause; `done` is told how it ended."""
        self._greenlet = greenlet(partial(self._run, body, done))
        self._greenlet.switch()

    def _run(self, body: Callable[[], Any], done: Callable[[Outcome], None]) -> None:
        try:
            outcome = Outcome(body())
        except Killed as death:
            outcome = Outcome(failure=str(death), killed=True)
        except Exception as error:  # noqa: BLE001 - as Lambda does
            outcome = Outcome(failure=f"{type(error).__name__}: {error}")
        self._setting.timeline.after(0, partial(done, outcome))

    def milliseconds_left(self) -> int:
        """Return the time until the function's time-out."""
        return int((self._deadline - self._setting.timeline.now) * 1000)

    def pause(self, seconds: float) -> None:
        """Let others run meanwhile.

        Raises:
            Killed: by the function's time-out.
        """
        timeline, running = self._setting.timeline, self._greenlet
        if running is None or running.parent is None:
            raise Unfaithful("a call outside of an invocation")
        if getcurrent() is not running:
            # One of several threads, as the operator's side has them: it cannot be stepped, nor need it be.
            return
        timeline.at(min(timeline.now + seconds, self._deadline), running.switch)
        running.parent.switch()
        if timeline.now >= self._deadline:
            self._setting.faults.note(Fault.KILLED_BY_TIMEOUT)
            self.die("killed by the time-out")

    def die(self, how: str) -> None:
        """End the handler here."""
        self._setting.trace.tell(self.name, how)
        raise Killed(how)

    def latency(self) -> float:
        """Return how long one way of a call takes."""
        setting = self._setting
        if setting.faults.strikes(Fault.SLOW_CALL):
            return setting.random.choice((2.0, 8.0, 8.0, 90.0)) * setting.random.random()
        return float(0.002 * 10 ** (setting.random.random() * setting.latency_spread))

    def call(self, operation: str, steps: Sequence[Effect], *, throttle: str) -> list[Any]:
        """Make a service call.

        Args:
            operation: its name.
            steps: what it does; several for a batch, each of which stands alone and happens at any moment.
            throttle: the service's error code for too many requests.

        Returns:
            What each step returned, in their order.

        Raises:
            ClientError: the service refused.
            ReadTimeoutError: the client gave up.
        """
        if getcurrent() is not self._greenlet:
            return [_given(_attempt(step)) for step in steps]
        faults, error, landed_unseen = self._setting.faults, None, False
        for _ in range(_TRIES):
            self.pause(self.latency())
            if operation in self._denied:
                raise _client_error(operation, "AccessDeniedException")
            if faults.strikes(Fault.KILLED_BEFORE):
                self.die(f"killed before {operation}")
            error = self._refused(operation, steps, throttle)
            if error is None:
                answers = self._land(operation, steps, landed_unseen=landed_unseen)
                if faults.strikes(Fault.KILLED_AFTER):
                    self.die(f"killed after {operation}")
                if not faults.strikes(Fault.ANSWER_LOST):
                    self.pause(self.latency())
                    return [_given(answer) for answer in answers]
                error, landed_unseen = _timed_out(operation), True
            self._setting.trace.tell(self.name, f"{operation}: the client sees {_short(error)}")
            if faults.strikes(Fault.CLIENT_GAVE_UP):
                break
        raise error or Unfaithful(operation)

    def _refused(self, operation: str, steps: Sequence[Effect], throttle: str) -> Exception | None:
        """Return the error of a request that has no effect, or not yet."""
        faults, timeline = self._setting.faults, self._setting.timeline
        if faults.strikes(Fault.THROTTLED):
            return _client_error(operation, throttle)
        if faults.strikes(Fault.REQUEST_LOST):
            return _timed_out(operation)
        if faults.strikes(Fault.LANDED_LATE):
            for step in steps:
                timeline.after(
                    self._setting.random.random() ** 3 * _LATE_SECONDS, partial(self._late, operation, step)
                )
            return _timed_out(operation)
        return None

    def _late(self, operation: str, step: Effect) -> None:
        answer = _attempt(step)
        self._setting.trace.tell(self.name, f"{operation} lands late: {_short(answer)}")

    def _land(self, operation: str, steps: Sequence[Effect], *, landed_unseen: bool) -> list[Any]:
        order = list(range(len(steps)))
        answers: list[Any] = [None] * len(steps)
        if len(order) > 1:
            self._setting.random.shuffle(order)
        for done, position in enumerate(order):
            if done and self._setting.random.random() < 0.2:
                self.pause(self.latency())
            answers[position] = answer = _attempt(steps[position])
            if landed_unseen and _condition_failed(answer):
                self._setting.faults.note(Fault.OWN_WRITE_MET)
        self._setting.trace.tell(self.name, f"{operation}: {', '.join(map(_short, answers))}")
        return answers


class Context(LambdaContext):
    """What Lambda says about an invocation."""

    def __init__(self, invocation: Invocation, request_id: str) -> None:
        self._aws_request_id = request_id
        self._invocation = invocation

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # static in powertools' description
        """Return the time until the function's time-out."""
        return self._invocation.milliseconds_left()


def _attempt(step: Effect) -> Any:
    """Run a step; return what it returned, or the service's error."""
    try:
        return step()
    except ClientError as error:
        return error


def _given(answer: Any) -> Any:
    if isinstance(answer, ClientError):
        raise answer
    return answer


def _condition_failed(answer: Any) -> bool:
    code = answer.response["Error"]["Code"] if isinstance(answer, ClientError) else ""
    return code in {"ConditionalCheckFailedException", "PreconditionFailed"}


def _client_error(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def _timed_out(operation: str) -> Exception:
    return ReadTimeoutError(endpoint_url=f"https://aws.test/{operation}")


def _short(answer: Any) -> str:
    if isinstance(answer, ClientError):
        return str(answer.response["Error"]["Code"])
    if isinstance(answer, ReadTimeoutError):
        return "a time-out"
    if isinstance(answer, dict) and "Error" in answer:
        return str(answer["Error"]["Code"])
    return answer if isinstance(answer, str) else "done"
