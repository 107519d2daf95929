"""How long calls wait: the time-outs as the clients have them, by what is sent."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.aws.pipeline import Pipeline
from countagg.aws.time_outs import SLOWEST_LINE, TimeOuts, time_outs_of
from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.settings import FunctionSettings
from countagg.data.calls import in_base64
from countagg.data.store import Store
from countagg.provision.bundle import build_bundle
from tests.aws.by_hand import PARTS
from tests.aws.world import BUCKET, Calls, World, account, make_clients, make_zip
from tests.core.test_settings import SETTINGS

USUAL: Final = TimeOuts(connect=3, read=10, attempts=5)
"""Said again here: Ctrl-C and what stalls are waited for no longer than this."""
BUNDLE: Final = build_bundle()
SLOW_LINE: Final = 60_000
"""Bytes a second."""


Waits = dict[str, set[TimeOuts]]
"""The time-outs of every call, by its operation."""


@pytest.fixture
def watched() -> Iterator[tuple[World, Waits]]:
    """Give an account whose calls tell how long they would wait."""
    found: Waits = {}

    def keep(model: Any, context: dict[str, Any], **_: object) -> None:
        config = context["client_config"]
        time_outs = TimeOuts(config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"])
        found.setdefault(model.name, set()).add(time_outs)

    calls = Calls()
    clients = make_clients(calls)
    clients.session.events.register("before-call", keep)
    with account():
        yield World(clients, calls), found


def settings(world: World) -> FunctionSettings:
    return replace(SETTINGS, bucket_owner=world.place.account)


def test_a_small_request_is_not_waited_for_longer() -> None:
    assert time_outs_of(0) == time_outs_of(10 * SLOWEST_LINE) == USUAL


@given(st.integers(10 * SLOWEST_LINE + 1, 4 * MAX_FILE_BYTES))
def test_a_large_request_gets_the_time_that_the_slowest_line_needs(size: int) -> None:
    time_outs = time_outs_of(size)
    needed = USUAL.read + size / SLOWEST_LINE
    assert time_outs.connect == time_outs.read
    assert needed <= time_outs.read < 2 * needed
    assert time_outs.attempts == 3


def test_files_of_all_sizes_need_few_clients() -> None:
    assert len({time_outs_of(size) for size in range(0, MAX_FILE_BYTES + 1, 1_000)}) <= 6


@given(st.binary(max_size=9))
def test_base64_makes_four_bytes_of_three(content: bytes) -> None:
    assert in_base64(content) == len(base64.b64encode(content))


def test_the_zip_has_the_time_that_a_slow_line_needs_and_nothing_else_is_waited_for_longer(
    watched: tuple[World, Waits],
) -> None:
    world, waits = watched
    world.code = BUNDLE
    world.focus(*PARTS["function"]).set_up()
    world.code = make_zip("other")
    world.set_up()
    world.code = BUNDLE
    world.set_up()

    (created,) = waits.pop("CreateFunction")
    small, large = sorted(waits.pop("UpdateFunctionCode"), key=lambda each: each.read)
    assert created == large
    assert created.read > USUAL.read + in_base64(BUNDLE.content) / SLOW_LINE
    assert set().union(*waits.values(), {small}) == {USUAL}


def test_a_file_has_the_time_that_its_size_needs(watched: tuple[World, Waits]) -> None:
    world, waits = watched
    configuration: Any = {"LocationConstraint": world.place.region}
    world.clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=configuration)
    pipeline = Pipeline(world.clients, settings(world))

    pipeline.put_counter_file("counters/2026-11-20/values_a", b"A 1\n")
    assert waits.pop("PutObject") == {USUAL}
    pipeline.put_counter_file("counters/2026-11-20/values_a", bytes(MAX_FILE_BYTES))
    assert waits.pop("PutObject") == {time_outs_of(MAX_FILE_BYTES)}

    totals = {f"COUNTER{number:0200}": number for number in range(3_000)}
    assert Store(settings(world), world.clients).published.write("2026-11-20", 1, "then", totals, "")
    (published,) = waits.pop("PutObject")
    assert published.read > USUAL.read


def test_clients_are_shared_by_requests_of_one_size_whatever_thread_asks_first(world: World) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: id(world.clients.sending(MAX_FILE_BYTES)), range(64)))
    assert len(found) == 1
    assert world.clients.sending(1) is world.clients
    assert world.clients.sending(MAX_FILE_BYTES).session is world.clients.session
