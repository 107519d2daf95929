from __future__ import annotations

from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from countagg.aws.waiting import Patience, Transient
from countagg.core.errors import TimedOut
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
    return Waiter(clock, announced, Patience(announced.append, 100, clock.sleep, lambda: clock.now))


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
    assert 100 <= waiter.clock.now <= 110
    assert action.calls == len(waiter.clock.pauses) + 1


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
    assert patience.deadline >= 330  # a fresh role once took that long
    before = patience.clock()
    patience.sleep(0.001)
    assert patience.clock() > before
