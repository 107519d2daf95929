from __future__ import annotations

import pytest

from countagg.core.polling import FOREVER, Polling


class Clock:
    """A clock that only its own sleep moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def polling(self, timeout: float) -> Polling:
        return Polling(timeout, self.sleep, lambda: self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_first_look_is_at_once_and_the_last_when_time_is_up(clock: Clock) -> None:
    looks = [clock.now for _ in clock.polling(10).looks(4)]
    assert looks == [1_000, 1_004, 1_008, 1_010]


def test_without_time_there_is_one_look(clock: Clock) -> None:
    assert len(list(clock.polling(0).looks(1))) == 1
    assert clock.pauses == []


def test_the_time_that_a_first_look_takes_does_not_count(clock: Clock) -> None:
    seen = 0
    for _ in clock.polling(1).looks(1):
        seen += 1
        if seen == 1:
            clock.now += 60
    assert seen == 2


def test_pauses_grow_to_the_longest_and_never_shrink(clock: Clock) -> None:
    list(clock.polling(100).looks(1, 5))
    grown = clock.pauses[:-1]
    assert grown == sorted(grown)
    assert (grown[0], grown[-1], clock.pauses.count(5)) == (1, 5, 18)
    clock.pauses.clear()
    list(clock.polling(10).looks(2))
    assert clock.pauses == [2] * 5


def test_a_wait_ends_as_soon_as_something_is_ready(clock: Clock) -> None:
    answers = [False, False, True, False]
    assert clock.polling(10).until(lambda: answers.pop(0), 1)
    assert answers == [False]
    assert not clock.polling(10).until(lambda: False, 1)


def test_forever_has_no_end() -> None:
    looks = Polling(FOREVER.timeout, lambda _: None).looks(0)
    assert all(next(looks) is None for _ in range(100))
