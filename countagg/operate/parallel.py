"""Calls side by side, with few results waiting, and an end at Ctrl-C that waits for none of them.

The threads are daemons: `concurrent.futures` joins its own before the process may end, and a call to an endpoint
that stalls returns only when it has timed out, and was tried again, several times.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import field
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from countagg.core.lazy_dataclass import dataclass

A = TypeVar("A")
R = TypeVar("R")

WORKERS: Final = 16
_MOMENT: Final = 0.5
"""Seconds: enough for a call that is answered."""


@dataclass(frozen=True, slots=True)
class _Call(Generic[R]):
    function: Callable[..., R]
    arguments: tuple[Any, ...]
    future: Future[R] = field(default_factory=Future)

    def carry_out(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.function(*self.arguments)
        except BaseException as error:  # noqa: BLE001 - it rises where the result is taken
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Workers:
    """Threads that make calls, which are begun in the order in which they were handed in.

    As a context it waits for all of them in the end. If the block fails, it begins no further ones; if it is left
    off or interrupted, such as by Ctrl-C, it waits no longer than a moment for those under way.

    Args:
        count: at most so many threads.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._given_up = threading.Event()

    def submit(self, function: Callable[..., R], *arguments: object) -> Future[R]:
        """Hand a call in.

        Returns:
            What its result will stand in.
        """
        call = _Call(function, arguments)
        self._calls.put(call)
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()
        return call.future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._given_up.set()
        for _ in self._threads:
            self._calls.put(None)
        interrupted = kind is not None and not issubclass(kind, Exception)
        end = time.monotonic() + _MOMENT if interrupted else math.inf
        for thread in self._threads:
            thread.join(None if end == math.inf else max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self._given_up.is_set():
                call.future.cancel()
            call.carry_out()
            del call  # a thread that waits holds no result


def in_parallel(function: Callable[[A], R], items: Iterable[A], workers: int = WORKERS) -> Iterator[tuple[A, R]]:
    """Yield each item with its result, in the order of the items.

    At most twice as many items as workers are under way or wait to be taken, so that memory stays bounded
    however many there are. A caller that leaves off waits no longer than a moment for those under way.
    """
    remaining = iter(items)
    with Workers(workers) as pool:
        begun: deque[tuple[A, Future[R]]] = deque(
            (item, pool.submit(function, item)) for item in islice(remaining, 2 * workers)
        )
        while begun:
            item, future = begun.popleft()
            result = future.result()
            begun.extend((item, pool.submit(function, item)) for item in islice(remaining, 1))
            yield item, result
