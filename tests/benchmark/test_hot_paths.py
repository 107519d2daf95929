"""The hot paths of the functions, each on its own: `make hot-paths`. In a test run each is called once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from countagg.core.counter_file import parse_counter_file
from countagg.core.ledger import (
    Image,
    Ledger,
    Link,
    changed_counters,
    decode_ledger,
    encode_ledger,
    fold,
    rebuild,
)
from countagg.core.snapshot import pack_counters
from countagg.operate.totals.uploads import make_fleet

DAY = "2026-11-20"
FIRST, SECOND = "0001", "0002"


def images(instances: int, counters: int, seed: int, sequencer: str) -> dict[str, Image]:
    return {
        each.instance: Image(sequencer, pack_counters(parse_counter_file(each.content)))
        for each in make_fleet(instances, counters, seed)
    }


@pytest.mark.parametrize("counters", [100, 10_000])
def test_a_file_is_parsed_made_canonical_and_compressed(benchmark: BenchmarkFixture, counters: int) -> None:
    (file,) = make_fleet(1, counters, seed=1)

    packed = benchmark(lambda: pack_counters(parse_counter_file(file.content)))

    assert packed


def test_two_images_of_100_counters_are_decoded_and_folded(benchmark: BenchmarkFixture) -> None:
    (old,) = images(1, 100, 1, FIRST).items()
    (new,) = images(1, 100, 2, SECOND).values()

    def prepare() -> tuple[tuple[Ledger, list[Link]], dict[str, object]]:
        return (rebuild([old]), [Link(DAY, old[0], old[1], new)]), {}

    # Folding changes the ledger, so each round has its own.
    added = benchmark.pedantic(fold, setup=prepare, rounds=200)  # type: ignore[no-untyped-call]  # of the plugin

    assert added == 1


def test_a_batch_of_1000_records_is_folded_into_a_stored_ledger(benchmark: BenchmarkFixture) -> None:
    before, after = images(1_000, 100, 1, FIRST), images(1_000, 100, 2, SECOND)
    stored = encode_ledger(rebuild(before.items()))
    links = [Link(DAY, instance, before[instance], after[instance]) for instance in before]

    def include() -> bytes:
        ledger = decode_ledger(stored)
        assert fold(ledger, links) == len(links)
        return encode_ledger(ledger)

    assert decode_ledger(benchmark(include)).sums == rebuild(after.items()).sums


def test_the_publisher_finds_what_changed_in_a_batch_of_versions(benchmark: BenchmarkFixture) -> None:
    base = rebuild(images(10, 1_000, 1, FIRST).items())
    versions = [Ledger({name: value + step for name, value in base.sums.items()}) for step in range(10)]
    steps = [(before.sums, after.sums) for before, after in pairwise(versions)]

    def changed() -> set[str]:
        return {name for step in steps for name in changed_counters(*step)}

    assert len(benchmark(changed)) == 1_000
