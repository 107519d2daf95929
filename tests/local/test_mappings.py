"""Each mapping of a stream is polled by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from countagg.local.mappings import Mapping, StreamPollers

STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/now"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
WAIT = 30.0


class Engine:
    """Mappings, and batches that take as long as a test wants."""

    def __init__(self, **sources: str) -> None:
        self.sources = sources
        self.begun: dict[str, threading.Event] = {name: threading.Event() for name in sources}
        self.go_on = threading.Event()
        self.pollers = StreamPollers(self._mappings, self._poll)

    def _mappings(self) -> Iterator[Mapping]:
        for name, source in list(self.sources.items()):
            described: dict[str, Any] = {"UUID": name, "EventSourceArn": source}
            yield "account", "region", described

    def _poll(self) -> bool:
        for *_, found in self.pollers.mappings():
            self.begun[found["UUID"]].set()
            self.go_on.wait(WAIT)
        return False


def test_a_slow_function_of_one_mapping_holds_no_other_up() -> None:
    engine = Engine(aggregator=STREAM, publisher=STREAM, processor=QUEUE)
    try:
        assert not engine.pollers.start()
        assert not engine.pollers.start()
        assert engine.begun["aggregator"].wait(WAIT)
        assert engine.begun["publisher"].wait(WAIT)
        assert not engine.begun["processor"].is_set()
    finally:
        engine.sources.clear()
        engine.go_on.set()


def test_whoever_polls_no_stream_goes_through_all_mappings() -> None:
    engine = Engine(other=STREAM, queue=QUEUE)
    assert [found["UUID"] for *_, found in engine.pollers.mappings()] == ["other", "queue"]
