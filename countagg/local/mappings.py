"""The engine's stream mappings, each polled by a thread of its own, as in AWS.

ministack polls all of them one after the other, in the thread that also takes messages from queues: while the
publisher works, no upload is processed and no total is added up.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

WINDOWS: Final = "COUNTAGG_ENGINE_WINDOWS"
"""Variable: the share of its batching window that a mapping pauses after each batch; none if it is not set.

ministack knows no windows. With 0.1, a window of ten seconds takes one."""

_REPLACED: Final = ("_iter_all_esms", "_poll_dynamodb_streams")
_PAUSE: Final = 0.01
_LOOK_AGAIN: Final = 0.5

Mapping = tuple[str, str, dict[str, Any]]
"""Account, region and description, as ministack goes through them."""


class StreamPollers(threading.local):
    """Polls each mapping of a stream in a thread of its own. What a thread sets of it is the thread's own.

    Args:
        mappings: goes through all mappings of the engine.
        poll: polls the streams of those that `mappings` goes through; returns whether any had a batch.
        share: of its window that a mapping pauses after each batch.

    Attributes:
        own: the id of the mapping that the thread polls; None for all of them.
    """

    _polled: Final[set[str]] = set()

    def __init__(
        self, mappings: Callable[[], Iterator[Mapping]], poll: Callable[[], bool], share: float = 0.0
    ) -> None:
        self.own: str | None = None
        self._all, self._poll, self._share = mappings, poll, share

    def mappings(self) -> Iterator[Mapping]:
        """Go through the mappings of the thread."""
        return (found for found in self._all() if self.own in {None, found[2]["UUID"]})

    def start(self) -> bool:
        """Start a thread for each mapping that has none; return that there is nothing else to do."""
        for *_, found in self._all():
            if "/stream/" in found.get("EventSourceArn", "") and found["UUID"] not in self._polled:
                self._polled.add(found["UUID"])
                threading.Thread(target=self._run, args=(found["UUID"],), daemon=True).start()
        return False

    def _run(self, mapping: str) -> None:
        """Poll a mapping as long as there is one."""
        self.own, looked = mapping, time.monotonic()
        while True:
            if self._poll():
                windows = [found.get("MaximumBatchingWindowInSeconds") or 0 for *_, found in self.mappings()]
                time.sleep(self._share * sum(windows))
                continue
            if time.monotonic() - looked > _LOOK_AGAIN:
                looked = time.monotonic()
                if next(self.mappings(), None) is None:
                    self._polled.discard(mapping)
                    return
            time.sleep(_PAUSE)


def poll_streams_apart() -> None:
    """Have each stream mapping of the engine polled by a thread of its own."""
    # Importing it takes by name what the engine's process has put in its place before.
    from ministack.services import lambda_svc  # noqa: PLC0415 - see above

    poll_apart(lambda_svc, float(os.environ.get(WINDOWS, "0")))


def poll_apart(engine: Any, share: float) -> bool:  # noqa: ANN401 - a module that tells no types
    """Put this polling in the place of the engine's own; return whether the engine is one that has such a place.

    Args:
        engine: ministack's module of AWS Lambda. Another version of it may go through its mappings in another way;
            then that stays.
        share: of its window that a mapping pauses after each batch.
    """
    mappings, poll = (getattr(engine, name, None) for name in _REPLACED)
    if mappings is None or poll is None:
        return False
    pollers = StreamPollers(mappings, poll, share)
    for name, replacement in zip(_REPLACED, (pollers.mappings, pollers.start), strict=True):
        setattr(engine, name, replacement)
    return True
