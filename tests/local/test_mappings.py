"""Each mapping of a stream is polled by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ministack.services import lambda_svc

from countagg.local.mappings import Mapping, StreamPollers, poll_apart

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


def test_an_engine_that_goes_through_its_mappings_in_another_way_keeps_it() -> None:
    other = SimpleNamespace(_iter_all_esms=iter)

    assert not poll_apart(other, 0.0)
    assert other == SimpleNamespace(_iter_all_esms=iter)


def test_the_engine_that_is_installed_has_the_place() -> None:
    # A copy: the tests' own process keeps the module as it is.
    place = SimpleNamespace(**vars(lambda_svc))

    assert poll_apart(place, 0.0)
    assert vars(place).keys() == vars(lambda_svc).keys()
    assert vars(place) != vars(lambda_svc)
