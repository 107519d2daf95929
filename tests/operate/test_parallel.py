"""Calls side by side: their order, how many at once, and how they end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

import pytest

from countagg.operate.parallel import Workers, in_parallel
from tests.cli.running import process_environment

STALLS: Final = """
import os, signal, sys, threading, time
from countagg.operate.parallel import in_parallel

def stall(item):
    if item == 1:
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
        time.sleep(600)
    return item

try:
    for item, _ in in_parallel(stall, range(100), 4):
        print(item)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Give what is waited for in vain, as an answer of an endpoint that stalls, until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_results_come_in_the_order_of_the_items() -> None:
    def slowest_first(item: int) -> int:
        time.sleep(0.02 / (item + 1))
        return item * item

    assert list(in_parallel(slowest_first, range(50), 8)) == [(item, item * item) for item in range(50)]
    assert list(in_parallel(slowest_first, [], 8)) == []


def test_as_many_calls_as_workers_are_made_at_once() -> None:
    all_there = threading.Barrier(6, timeout=300)

    assert len(list(in_parallel(lambda _: all_there.wait(), range(12), 6))) == 12


def test_no_more_items_are_taken_than_may_wait() -> None:
    taken = count()
    results = in_parallel(lambda item: item, (next(taken) for _ in range(1_000)), 4)
    next(results)

    assert next(taken) == 2 * 4 + 1
    results.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_call_that_fails_fails_where_its_result_is_taken_and_begins_no_others() -> None:
    begun: list[int] = []

    def fail(item: int) -> int:
        begun.append(item)
        time.sleep(0.01)
        if item == 3:
            raise ZeroDivisionError
        return item

    taken: list[int] = []
    with pytest.raises(ZeroDivisionError):
        taken.extend(item for item, _ in in_parallel(fail, range(1_000), 2))

    known = len(begun)
    assert known < 20
    time.sleep(0.05)
    assert len(begun) == known


def test_a_failure_waits_for_the_calls_under_way() -> None:
    begun, ended = threading.Event(), list[str]()

    def write() -> None:
        begun.set()
        time.sleep(0.8)
        ended.append("write")

    with pytest.raises(ZeroDivisionError), Workers(2) as pool:  # noqa: PT012 - what it is about
        pool.submit(write)
        begun.wait()
        raise ZeroDivisionError

    assert ended == ["write"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, GeneratorExit])
def test_an_interruption_waits_no_longer_than_a_moment(end: type[BaseException], never: threading.Event) -> None:
    begun, began = threading.Semaphore(0), time.monotonic()

    def stall() -> None:
        begun.release()
        never.wait(600)

    with pytest.raises(end), Workers(2) as pool:  # noqa: PT012 - what it is about
        calls = [pool.submit(stall) for _ in range(5)]
        for _ in range(2):
            begun.acquire()
        raise end

    assert time.monotonic() - began < 300
    never.set()
    assert [call.exception(300) for call in calls[:2]] == [None, None]
    assert all(call.cancelled() for call in calls[2:])


def test_what_ends_within_that_moment_is_waited_for() -> None:
    begun, ended = threading.Event(), list[str]()

    def write() -> None:
        begun.set()
        time.sleep(0.1)
        ended.append("write")

    with pytest.raises(KeyboardInterrupt), Workers(1) as pool:  # noqa: PT012 - what it is about
        pool.submit(write)
        begun.wait()
        raise KeyboardInterrupt

    assert ended == ["write"]


def test_a_process_whose_calls_stall_ends_at_ctrl_c() -> None:
    began = time.monotonic()
    ran = subprocess.run(
        (sys.executable, "-c", STALLS),
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "0\n", "")
    assert time.monotonic() - began < 300
