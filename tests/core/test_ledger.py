"""The ledger against a plain model: whatever the stream does, sums are those of the snapshots included."""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from countagg.core.errors import CorruptDocument
from countagg.core.ledger import (
    GapInChain,
    Image,
    Ledger,
    Link,
    changed_counters,
    decode_ledger,
    encode_ledger,
    fold,
    rebuild,
)
from countagg.core.sequencer import normalise_sequencer
from countagg.core.snapshot import MAX_PACKED_BYTES, pack_counters
from countagg.core.values import SCALE
from tests.core.strategies import (
    DAY,
    LARGEST_VALUE,
    Delivery,
    Upload,
    chain,
    counter_sets,
    histories,
    image,
    names,
    raw_sequencers,
    values,
)


def added_up(contents: Mapping[str, Mapping[str, int]]) -> tuple[dict[str, int], dict[str, int]]:
    """Return sums and contributors of instances' contents, the plain way."""
    sums: Counter[str] = Counter()
    contributors: Counter[str] = Counter()
    for counters in contents.values():
        for name, value in counters.items():
            sums[name] += value
            contributors[name] += 1
    return dict(sums), dict(contributors)


@dataclass
class Day:
    """One day of a fleet: its snapshots, what its stream emitted, and its stored ledger."""

    snapshots: dict[str, Image] = field(default_factory=dict)
    contents: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    stored: bytes = field(default_factory=lambda: encode_ledger(Ledger()))

    def upload(self, upload: Upload) -> None:
        old = self.snapshots.get(upload.instance)
        new = image(len(self.links) + 1, upload.counters)
        self.snapshots[upload.instance] = new
        self.contents[upload.instance, new.sequencer] = upload.counters
        self.links.append(Link(DAY, upload.instance, old, new))

    def deliver(self, links: list[Link], *, lost_answer: bool = False) -> None:
        """Do what the aggregator does, and check the invariant at every point on the way."""
        ledger = decode_ledger(self.stored)
        before = dict(ledger.seen)
        try:
            for link in links:
                fold(ledger, [link])
                self.check_invariant(ledger)
        except GapInChain:
            self.check_invariant(ledger)
            ledger = rebuild(self.snapshots.items())
            self.check_invariant(ledger)
        assert all(ledger.seen[instance] >= sequencer for instance, sequencer in before.items())
        whole = decode_ledger(self.stored)
        try:
            fold(whole, links)
        except GapInChain:
            whole = rebuild(self.snapshots.items())
        assert whole == ledger  # Folding a batch is folding its links one by one.
        if not lost_answer:
            self.stored = encode_ledger(ledger)

    def check_invariant(self, ledger: Ledger) -> None:
        included = {instance: self.contents[instance, sequencer] for instance, sequencer in ledger.seen.items()}
        assert (ledger.sums, ledger.contributors) == added_up(included)

    def check_exact(self) -> None:
        ledger = decode_ledger(self.stored)
        latest = {
            instance: self.contents[instance, snapshot.sequencer] for instance, snapshot in self.snapshots.items()
        }
        assert (ledger.sums, ledger.contributors) == added_up(latest)
        assert ledger.seen == {instance: snapshot.sequencer for instance, snapshot in self.snapshots.items()}
        assert ledger == rebuild(self.snapshots.items())


@given(histories(), st.data())
@settings(max_examples=300, deadline=None)
def test_sums_are_exact_once_quiet_whatever_the_stream_does(
    history: list[Upload | Delivery], data: st.DataObject
) -> None:
    day = lived_through(history)
    last_links = list({link.instance: link for link in day.links}.values())
    order = data.draw(st.permutations(last_links), label="last links")
    cut = data.draw(st.integers(0, len(order)), label="cut")
    for batch in (order[:cut], order[cut:]):
        day.deliver(batch)
    day.check_exact()


@given(histories(), st.integers(1, 5))
@settings(deadline=None)
def test_sums_are_exact_after_a_replay_of_the_whole_stream(history: list[Upload | Delivery], size: int) -> None:
    day = lived_through(history)
    for start in range(0, len(day.links), size):
        day.deliver(day.links[start : start + size])
    day.check_exact()


@given(histories(), st.integers(1, 5))
@settings(deadline=None)
def test_a_stream_in_order_and_whole_never_needs_a_rebuild(history: list[Upload | Delivery], size: int) -> None:
    day = Day()
    for step in history:
        if isinstance(step, Upload):
            day.upload(step)
    ledger = Ledger()
    batches = [day.links[start : start + size] for start in range(0, len(day.links), size)]
    assert sum(fold(ledger, batch) for batch in batches) == len(day.links)
    assert ledger == rebuild(day.snapshots.items())


@given(histories())
@settings(deadline=None)
def test_links_that_are_included_change_nothing(history: list[Upload | Delivery]) -> None:
    day = lived_through(history)
    ledger = rebuild(day.snapshots.items())
    before = encode_ledger(ledger)
    assert fold(ledger, [*day.links, *reversed(day.links)]) == 0
    assert encode_ledger(ledger) == before


def lived_through(history: list[Upload | Delivery]) -> Day:
    day = Day()
    for step in history:
        if isinstance(step, Upload):
            day.upload(step)
        elif day.links:
            day.deliver(
                [day.links[position % len(day.links)] for position in step.positions], lost_answer=step.lost_answer
            )
    return day


FIRST, SECOND, THIRD = {"a": 5 * SCALE, "b": SCALE}, {"a": 7 * SCALE}, {"c": SCALE // 2}


def seen(number: int) -> str:
    return image(number, {}).sequencer


def test_a_first_link_adds_everything() -> None:
    ledger = Ledger()
    assert fold(ledger, chain("i-1", [FIRST])) == 1
    assert ledger == Ledger(sums=FIRST, contributors={"a": 1, "b": 1}, seen={"i-1": seen(1)})


def test_the_next_link_adds_the_difference_and_drops_what_is_named_no_more() -> None:
    ledger = Ledger()
    assert fold(ledger, chain("i-1", [FIRST, SECOND])) == 2
    assert ledger == Ledger(sums=SECOND, contributors={"a": 1}, seen={"i-1": seen(2)})


def test_instances_add_up() -> None:
    ledger = Ledger()
    assert fold(ledger, chain("i-1", [FIRST]) + chain("i-2", [SECOND])) == 2
    assert ledger.sums == {"a": 12 * SCALE, "b": SCALE}
    assert ledger.contributors == {"a": 2, "b": 1}
    assert ledger.seen == {"i-1": seen(1), "i-2": seen(1)}


def test_a_counter_leaves_only_with_its_last_instance() -> None:
    ledger = Ledger()
    ones, others = chain("i-1", [SECOND, {}]), chain("i-2", [SECOND, {}])
    fold(ledger, [ones[0], others[0], ones[1]])
    assert (ledger.sums, ledger.contributors) == (SECOND, {"a": 1})
    fold(ledger, [others[1]])
    assert (ledger.sums, ledger.contributors) == ({}, {})


def test_a_counter_of_value_zero_stays_as_long_as_an_instance_names_it() -> None:
    ledger = Ledger()
    fold(ledger, chain("i-1", [{"a": SCALE}]) + chain("i-2", [{"a": -SCALE}]))
    assert (ledger.sums, ledger.contributors) == ({"a": 0}, {"a": 2})


def test_a_tombstone_withdraws_the_instance_and_is_remembered() -> None:
    ledger = Ledger()
    assert fold(ledger, chain("i-1", [FIRST, {}])) == 2
    assert ledger == Ledger(seen={"i-1": seen(2)})


def test_the_same_link_again_is_skipped() -> None:
    ledger = Ledger()
    first, second = chain("i-1", [FIRST, SECOND])
    assert fold(ledger, [first, first, second, second, first]) == 2
    assert ledger.sums == SECOND
    assert fold(ledger, [first]) == 0
    assert fold(ledger, [second]) == 0
    assert ledger == Ledger(sums=SECOND, contributors={"a": 1}, seen={"i-1": seen(2)})


def test_the_same_content_again_only_moves_what_is_seen() -> None:
    ledger = Ledger()
    fold(ledger, chain("i-1", [FIRST]))
    _, again = chain("i-1", [FIRST, FIRST])
    assert fold(ledger, [again]) == 1
    assert ledger == Ledger(sums=FIRST, contributors={"a": 1, "b": 1}, seen={"i-1": seen(2)})


def test_a_lost_record_is_a_gap() -> None:
    ledger = Ledger()
    first, _, third = chain("i-1", [FIRST, SECOND, THIRD])
    (other,) = chain("i-2", [SECOND])
    with pytest.raises(GapInChain) as gap:
        fold(ledger, [first, third, other])
    assert gap.value.link is third
    assert str(gap.value) == "2026-11-20/i-1"
    assert ledger == Ledger(sums=FIRST, contributors={"a": 1, "b": 1}, seen={"i-1": seen(1)})


def test_a_lost_first_record_is_a_gap() -> None:
    _, second = chain("i-1", [FIRST, SECOND])
    with pytest.raises(GapInChain):
        fold(Ledger(), [second])


def test_a_second_first_record_is_a_gap() -> None:
    ledger = Ledger()
    fold(ledger, chain("i-1", [FIRST]))
    # The snapshot was removed by hand and made anew.
    with pytest.raises(GapInChain):
        fold(ledger, [Link(DAY, "i-1", None, image(2, SECOND))])


def test_a_link_from_before_what_is_included_to_after_it_is_a_gap() -> None:
    ledger = Ledger()
    first, second, _ = chain("i-1", [FIRST, SECOND, THIRD])
    fold(ledger, [first, second])
    with pytest.raises(GapInChain):
        fold(ledger, [Link(DAY, "i-1", image(1, FIRST), image(3, THIRD))])


def test_a_rebuild_is_the_sum_of_the_snapshots() -> None:
    ledger = rebuild([("i-1", image(4, FIRST)), ("i-2", image(2, SECOND)), ("i-3", image(9, {}))])
    assert ledger == Ledger(
        sums={"a": 12 * SCALE, "b": SCALE},
        contributors={"a": 2, "b": 1},
        seen={"i-1": seen(4), "i-2": seen(2), "i-3": seen(9)},
    )


def test_a_corrupt_snapshot_is_not_added_and_not_seen() -> None:
    ledger = Ledger()
    fold(ledger, chain("i-1", [FIRST]))
    damaged = Link(DAY, "i-1", image(1, FIRST), Image(seen(2), b"damaged"))
    with pytest.raises(CorruptDocument):
        fold(ledger, [damaged])
    assert ledger == Ledger(sums=FIRST, contributors={"a": 1, "b": 1}, seen={"i-1": seen(1)})


def ledgers() -> st.SearchStrategy[Ledger]:
    counted = st.dictionaries(names(), st.tuples(values(), st.integers(1, 10**6)), max_size=6)
    instances = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)
    return st.builds(
        lambda counters, seen: Ledger(
            {name: value * count for name, (value, count) in counters.items()},
            {name: count for name, (_, count) in counters.items()},
            seen,
        ),
        counted,
        st.dictionaries(instances, raw_sequencers().map(normalise_sequencer), max_size=4),
    )


@given(ledgers())
@example(Ledger({"a": 100_000 * LARGEST_VALUE}, {"a": 100_000}, {}))
@example(Ledger({"a": -2 * LARGEST_VALUE}, {"a": 2}, {}))
def test_an_encoded_ledger_decodes_to_itself(ledger: Ledger) -> None:
    assert decode_ledger(encode_ledger(ledger)) == ledger


@given(ledgers())
def test_encoding_does_not_depend_on_the_order_in_which_things_came(ledger: Ledger) -> None:
    backwards = Ledger(
        dict(reversed(ledger.sums.items())),
        dict(reversed(ledger.contributors.items())),
        dict(reversed(ledger.seen.items())),
    )
    assert encode_ledger(backwards) == encode_ledger(ledger)


def test_sums_beyond_the_range_of_one_value_survive_storage() -> None:
    largest = {"a": LARGEST_VALUE}
    day = Day()
    for instance in ("i-1", "i-2", "i-3"):
        day.upload(Upload(instance, largest))
        day.deliver(day.links[-1:])
    day.check_exact()
    assert decode_ledger(day.stored).sums == {"a": 3 * LARGEST_VALUE}


def document(**changes: object) -> bytes:
    content: dict[str, object] = {"schema": 1, "counters": {}, "seen": {}}
    return zlib.compress(json.dumps(content | changes).encode())


def test_a_hand_made_document_is_read() -> None:
    made = document(counters={"a": ["-0.5", 2]}, seen={"i-1": seen(3)}, added_later=True)
    assert decode_ledger(made) == Ledger({"a": -SCALE // 2}, {"a": 2}, {"i-1": seen(3)})


def test_an_empty_document_is_an_empty_ledger() -> None:
    assert decode_ledger(document()) == Ledger()


def test_another_schema_is_refused_with_its_number() -> None:
    with pytest.raises(CorruptDocument, match=r"^the ledger has schema 2; this version reads schema 1$"):
        decode_ledger(document(schema=2))


def test_the_ledger_of_the_largest_file_that_is_accepted_fits_into_an_item() -> None:
    source = random.Random(1)
    counters = {f"{source.getrandbits(64):016x}": source.randrange(10**6) * SCALE for _ in range(28_000)}
    packed = pack_counters(counters)
    assert len(packed) > 0.9 * MAX_PACKED_BYTES
    assert len(encode_ledger(rebuild([("i-1", Image(seen(1), packed))]))) <= MAX_PACKED_BYTES


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"garbage",
        encode_ledger(Ledger())[:-1],
        zlib.compress(b"not JSON"),
        zlib.compress(b"[]"),
        zlib.compress(b"\xff"),
        zlib.compress(b'{"schema": 1}'),
        zlib.compress(b"[" * 100_000),
        document(counters={"a": [1.5, 1]}),
        document(counters={"a": ["many", 1]}),
        document(counters={"a": ["1"]}),
        document(counters={"a": ["1", "x"]}),
        document(counters=[]),
        document(seen=None),
    ],
)
def test_a_damaged_document_is_corrupt(damaged: bytes) -> None:
    with pytest.raises(CorruptDocument):
        decode_ledger(damaged)


def test_a_counter_is_changed_when_it_is_new_different_or_gone() -> None:
    before, after = {"same": 1, "different": 1, "gone": 0}, {"same": 1, "different": 2, "new": 0}
    assert changed_counters(before, after) == {"different", "gone", "new"}


def test_nothing_changed_without_differences() -> None:
    assert changed_counters({"a": 1}, {"a": 1}) == set()


@given(st.lists(counter_sets(3), min_size=1, max_size=5))
def test_publishing_the_changed_counters_brings_any_version_to_the_last(versions: list[dict[str, int]]) -> None:
    changed = {name for step in pairwise(versions) for name in changed_counters(*step)}
    for version in versions:
        published = {name: value for name, value in version.items() if name not in changed}
        published |= {name: versions[-1][name] for name in changed if name in versions[-1]}
        assert published == versions[-1]
