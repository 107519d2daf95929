from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.aws.waiting import Patience, Transient
from countagg.core.errors import TimedOut
from countagg.core.polling import Polling
from tests.aws.world import Clock, answer

BUSY = (Transient("Busy", "come back"),)


@dataclass
class Slow:
    """An action that is answered with errors before it succeeds."""

    errors: list[ClientError]
    calls: int = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@dataclass
class Waiter:
    """Patience with a clock that only sleeping moves."""

    clock: Clock
    announced: list[str]
    patience: Patience


@pytest.fixture
def waiter() -> Waiter:
    clock, announced = Clock(), list[str]()
    return Waiter(clock, announced, Patience(announced.append, Polling(100, clock.sleep, lambda: clock.now)))


def test_what_succeeds_at_once_is_neither_waited_for_nor_announced(waiter: Waiter) -> None:
    assert waiter.patience.call(Slow([]), BUSY, "x") == "done"
    assert (waiter.clock.pauses, waiter.announced) == ([], [])


def test_a_listed_answer_is_waited_out_and_announced_once(waiter: Waiter) -> None:
    action = Slow([answer("Busy", "please come back later")] * 4)
    assert waiter.patience.call(action, BUSY, "the thing") == "done"
    assert action.calls == 5
    assert len(waiter.clock.pauses) == 4
    assert waiter.announced == ["the thing"]


@pytest.mark.parametrize("error", [answer("Busy", "never"), answer("Other", "come back"), answer("", "")])
def test_every_other_answer_rises_before_any_sleep(waiter: Waiter, error: ClientError) -> None:
    with pytest.raises(ClientError) as caught:
        waiter.patience.call(Slow([error]), BUSY, "x")
    assert caught.value is error
    assert (waiter.clock.pauses, waiter.announced) == ([], [])


def test_another_answer_after_a_listed_one_rises_at_once(waiter: Waiter) -> None:
    with pytest.raises(ClientError, match="Other"):
        waiter.patience.call(Slow([answer("Busy", "come back"), answer("Other")]), BUSY, "x")
    assert len(waiter.clock.pauses) == 1


def test_an_error_that_is_no_answer_rises(waiter: Waiter) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        waiter.patience.call(fail, BUSY, "x")


def test_pauses_grow_up_to_a_limit(waiter: Waiter) -> None:
    waiter.patience.call(Slow([answer("Busy", "come back")] * 12), BUSY, "x")
    pauses = waiter.clock.pauses
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[1] > pauses[0]
    assert pauses[-1] == pauses[-2] == 10


def test_the_deadline_ends_a_wait(waiter: Waiter) -> None:
    action = Slow([answer("Busy", "come back")] * 1000)
    with pytest.raises(TimedOut) as caught:
        waiter.patience.call(action, BUSY, "the thing")
    assert caught.value.where == "the thing"
    assert caught.value.hint
    assert waiter.clock.now == 100
    assert action.calls == len(waiter.clock.pauses) + 1


def test_what_ends_a_wait_is_aws_s_last_answer_with_its_arguments(waiter: Waiter) -> None:
    error = answer("Busy", "come back, or never", "PutNotification")
    details: Any = error.response["Error"]
    details |= {"ArgumentName1": "arn:topic", "ArgumentValue1": "not valid"}
    with pytest.raises(TimedOut) as caught:
        waiter.patience.call(Slow([error] * 1000), BUSY, "the thing")
    told = "PutNotification, Busy: come back, or never (ArgumentName1=arn:topic, ArgumentValue1=not valid)"
    assert str(caught.value) == f"the thing: still waiting after 100 s; AWS's last answer: {told}"


def test_an_answer_is_believed_after_the_time_that_it_lasts(waiter: Waiter) -> None:
    missing = (Transient("Missing", lasts=10), *BUSY)
    action = Slow([answer("Missing", "nothing there")] * 1000)
    with pytest.raises(TimedOut, match=r"after 10 s.*Missing: nothing there") as caught:
        waiter.patience.call(action, missing, "the thing")
    assert isinstance(caught.value.__cause__, ClientError)
    assert waiter.clock.now < 20
    assert waiter.patience.call(Slow([answer("Missing"), answer("Busy", "come back")]), missing, "it") == "done"


def test_what_does_not_settle_is_told_in_its_own_words(waiter: Waiter) -> None:
    with pytest.raises(TimedOut, match="AWS's last answer: State Pending"):
        waiter.patience.settled(lambda: "Pending", lambda state: f"State {state}", "it")
    states = ["Pending", "Pending", "Active"]
    assert (
        waiter.patience.settled(lambda: states.pop(0), lambda s: s if s == "Pending" else None, "it") == "Active"
    )


def test_a_client_is_waited_for_at_each_call(waiter: Waiter) -> None:
    class Client:
        def __init__(self) -> None:
            self.slow = Slow([answer("Busy", "come back")])

        def act(self, *, name: str) -> str:
            return f"{name} {self.slow()}"

    assert waiter.patience.over(Client(), BUSY, "it").act(name="x") == "x done"
    assert waiter.announced == ["it"]
    with pytest.raises(TimedOut):
        waiter.patience.within(0).over(Client(), BUSY, "it").act(name="x")


def test_a_condition_is_asked_until_it_holds(waiter: Waiter) -> None:
    answers = [False, False, True]
    waiter.patience.until(lambda: answers.pop(0), "it")
    assert answers == []
    assert len(waiter.clock.pauses) == 2
    assert waiter.announced == ["it"]


def test_a_condition_that_holds_is_asked_once(waiter: Waiter) -> None:
    answers = [True, False]
    waiter.patience.until(lambda: answers.pop(0), "it")
    assert answers == [False]


def test_each_wait_is_announced_and_has_its_own_deadline(waiter: Waiter) -> None:
    for _ in range(3):
        waiter.patience.call(Slow([answer("Busy", "come back")] * 10), BUSY, "it")
    assert waiter.announced == ["it"] * 3
    assert waiter.clock.now > 100


def test_by_default_time_is_real() -> None:
    patience = Patience(lambda _: None)
    assert patience.polling.timeout >= 330  # a fresh role once took that long
    before = patience.polling.clock()
    patience.polling.sleep(0.001)
    assert patience.polling.clock() > before
