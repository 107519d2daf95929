"""Calls side by side, with few results waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

A = TypeVar("A")
R = TypeVar("R")

WORKERS: Final = 16


def in_parallel(function: Callable[[A], R], items: Iterable[A], workers: int = WORKERS) -> Iterator[tuple[A, R]]:
    """Yield each item with its result, in the order of the items.

    At most twice as many items as workers are under way or wait to be taken, so that memory stays bounded
    however many there are.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        begun: deque[tuple[A, Future[R]]] = deque(
            (item, pool.submit(function, item)) for item in islice(remaining, 2 * workers)
        )
        try:
            while begun:
                item, future = begun.popleft()
                result = future.result()
                begun.extend((item, pool.submit(function, item)) for item in islice(remaining, 1))
                yield item, result
        finally:
            for _, future in begun:
                future.cancel()
