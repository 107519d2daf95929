"""Whatever attribute of whatever is stored of a day is damaged: `verify` says so, `repair` mends it.

The attributes are those that the functions wrote: one that nobody checks fails here.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pytest

from countagg.core.partitions import LAYOUTS_PARTITION, Layout
from countagg.core.published import STACK_KEY, parse_published
from countagg.core.sequencer import sequencer_after
from countagg.core.snapshot import pack_counters
from countagg.core.values import SCALE
from countagg.operate.integrity.findings import Verification
from tools.simulation.damage import DAY, FORMS, OBJECT, TOTALS, Form, Value, damages, form, healthy_world, key_of
from tools.simulation.files import File
from tools.simulation.plans import Step
from tools.simulation.world import SETTINGS, World

pytestmark = pytest.mark.exhaustive

SPLIT: Final = Layout(2, 2)
LAYOUTS: Final = pytest.mark.parametrize("layout", [Layout(), SPLIT], ids=["whole", "split"])
WHOLE: Final = healthy_world(Layout())
CASES: Final = [
    pytest.param(each, name, layout, id=f"{each.name}-{name}-{'split' if layout.is_split else 'whole'}")
    for each in FORMS
    for name in sorted(each.item(WHOLE).keys() - each.keys)
    for layout in (Layout(), SPLIT)
    # What else there is is the same item, whatever the day is spread over.
    if not layout.is_split or each.name in {"snapshot i-2", "record", "ledger"}
]

UNDETERMINED: Final = {
    *("Sequencer", "ContentSequencer", "Change"),
    *("Version", "Document", "UpdatedAt", "content", "countagg-version"),
}
"""What a repair writes anew, in a later version."""
NO_TEXT: Final = {"S": ""}
LOST: Final = {"Counters", "ETag", "UploadedAt"}
"""What nobody knows any more of a snapshot whose file was replaced by one that the rules refuse."""


@pytest.mark.parametrize(("damaged", "attribute", "layout"), CASES)
def test_each_damage_is_found_and_mended(damaged: Form, attribute: str, layout: Layout) -> None:
    world = healthy_world(layout)
    for way, _ in list(damages(damaged, attribute, world)):
        # A repair wrote the item anew.
        item = dict(damages(damaged, attribute, world)).get(way)
        if item is None:
            continue
        if (damaged.name, attribute, way) == ("snapshot i-3", "ETag", "text"):
            # Whatever text it is: of no file that there is.
            continue
        if (attribute, way) == ("ContentSequencer", "past"):
            # Of no effect: the ledger has seen one between it and the upload's.
            continue
        if attribute == STACK_KEY and item.get(attribute, NO_TEXT) != NO_TEXT:
            # It is another stack's then.
            continue
        if attribute == STACK_KEY:
            # So objects of earlier versions are.
            written = damaged.item(world)
            damaged.put(world, item)
            assert verify(world).ok, way
            damaged.put(world, written)
            continue
        lost = damaged.name == "snapshot i-3" and attribute in LOST
        before = everything(world)
        found, left = plant(world, damaged, item)

        assert not found.ok, way
        if lost:
            assert {each.instance for each in left.differences} == {"i-3"}, way
            world = healthy_world(layout)
        else:
            assert left.differences == (), way
            assert everything(world) == before, way
    count_another_upload(world)


def plant(world: World, damaged: Form, item: Value) -> tuple[Verification, Verification]:
    """Damage a day; return what is found then, and what is left after a repair. Nothing else breaks of it."""
    damaged.put(world, item)
    settle(world)
    look_around(world)
    left = repair(world)
    return world.operator.mended[DAY], left


def settle(world: World) -> None:
    # The index shows by then what the table has.
    world.timeline.after(5.0, lambda: None)
    world.timeline.run()


def verify(world: World) -> Verification:
    world.operator.verify(DAY)
    world.timeline.run()
    assert world.operator.failures == []
    return world.operator.found[DAY]


def repair(world: World) -> Verification:
    world.operator.repair(DAY)
    settle(world)
    assert world.operator.failures == []
    return world.operator.found[DAY]


def look_around(world: World) -> None:
    """See that the other commands answer, or say what to do."""
    world.operator.look_around(DAY, "A")
    world.timeline.run()
    for error in world.operator.refused:
        assert "repair" in error.hint or error.what == "no file of 2026-11-20 names the counter 'A'", error
    assert world.operator.failures == []
    world.operator.refused.clear()


def count_another_upload(world: World) -> None:
    """See that what comes after a repair counts as ever."""
    for instance, content in (("i-1", b"A 2\n"), ("i-3", b"C 0.25\n"), ("gone", b"E 1\n")):
        world.perform(Step(0.0, key_of(instance), File(content, {})))
    settle(world)
    assert totals(world) == {"A": 12 * SCALE, "B": 5 * SCALE, "C": SCALE // 4, "E": SCALE}
    assert verify(world).ok


def everything(world: World) -> Mapping[str, Any]:
    """Return all that is stored of a day, but for what a repair determines anew."""
    stored = world.bucket.objects[OBJECT]
    tables: tuple[Mapping[Any, Value], ...]
    tables = world.snapshots.items, world.totals.items, world.counters.table.items
    published = parse_published(stored.content, stored.metadata, "", SETTINGS.stack)
    assert totals(world) == published.totals == TOTALS
    return {
        "items": [{key: _determined(item) for key, item in table.items()} for table in tables],
        "object": (published.totals, stored.content_type, sorted(stored.metadata)),
    }


def totals(world: World) -> Mapping[str, int]:
    return world.stored.ledger(DAY).sums


def _determined(item: Value) -> Value:
    # The time of a removal is known from its event alone.
    unknown = UNDETERMINED | {"UploadedAt"} if item.get("ETag") == {"S": ""} else UNDETERMINED
    return {name: value for name, value in item.items() if name not in unknown}


# What concerns several attributes at once


@LAYOUTS
def test_an_instance_that_is_frozen_takes_uploads_again_and_no_total_is_wrong_meanwhile(layout: Layout) -> None:
    world = healthy_world(layout)
    sums: list[Mapping[str, int]] = []
    world.totals.watchers.append(lambda _key, _item: sums.append(totals(world)))
    frozen = form("snapshot i-2")
    for partition in layout.partitions_of(DAY, "i-2"):
        item = world.snapshots.items[partition, "i-2"]
        frozen.put(world, {**item, **{key: {"S": "F" * 32} for key in ("Sequencer", "ContentSequencer")}})
    settle(world)
    world.perform(Step(0.0, key_of("i-2"), File(b"A 20\nB 5\n", {})))
    settle(world)

    # It is frozen: the upload is not taken, and the ledger says that it includes what is later than any.
    assert totals(world) == TOTALS
    assert "F" * 32 in {seen for ledger in world.stored.ledgers(DAY).values() for seen in ledger.seen.values()}
    assert repair(world).ok
    world.perform(Step(0.0, key_of("i-2"), File(b"A 30\nB 5\n", {})))
    settle(world)

    assert totals(world) == TOTALS | {"A": 31 * SCALE}
    assert {total["A"] for total in sums} == {11 * SCALE, 21 * SCALE, 31 * SCALE}
    assert verify(world).ok


def test_uploads_of_an_instance_that_is_frozen_go_on_while_it_is_repaired() -> None:
    world = healthy_world(Layout())
    frozen = form("snapshot i-2")
    frozen.put(world, {**frozen.item(world), "Sequencer": {"S": "F" * 32}})
    settle(world)
    for number in range(200):
        file = File(b"A %d\nB 5\n" % number, {})
        world.timeline.after(number * 0.3, partial(world.perform, Step(0.0, key_of("i-2"), file)))

    repair(world)

    assert totals(world) == TOTALS | {"A": 200 * SCALE}
    assert verify(world).ok


@LAYOUTS
@pytest.mark.parametrize("instance", ["gone", "i 7"], ids=["allowed", "not allowed"])
def test_a_snapshot_without_a_file_and_an_etag_that_has_counters_is_withdrawn(
    instance: str, layout: Layout
) -> None:
    world = healthy_world(layout)
    item = form("snapshot gone").item(world)
    for partition, share in zip(
        layout.partitions_of(DAY, instance), layout.split({"A": SCALE, "Z": SCALE}), strict=True
    ):
        later = {key: {"S": sequencer_after(item["Sequencer"]["S"])} for key in ("Sequencer", "ContentSequencer")}
        ghost: dict[str, Any] = {
            "Date": {"S": partition},
            "Instance": {"S": instance},
            "Counters": {"B": pack_counters(share)},
        }
        world.snapshots.put({**item, **ghost, **later}, "", {}, {})
    settle(world)
    assert totals(world)["A"] == 12 * SCALE

    assert not verify(world).ok
    assert repair(world).ok
    assert totals(world) == TOTALS


@pytest.mark.parametrize("layout", [Layout(), SPLIT], ids=["whole", "split"])
def test_a_layout_that_is_gone_is_written_again_as_the_day_is_stored(layout: Layout) -> None:
    world = healthy_world(layout)
    written = world.snapshots.items.pop((LAYOUTS_PARTITION, DAY))

    assert {each.what for each in verify(world).differences} == {"the day's layout is missing"}
    assert repair(world).ok
    assert world.snapshots.items[LAYOUTS_PARTITION, DAY] == written


def test_a_layout_that_is_another_than_that_of_the_day_is_mended() -> None:
    world = healthy_world(SPLIT)
    record = form("record")
    written = record.item(world)
    found, left = plant(world, record, {**written, "Lanes": {"N": "3"}})

    assert "the day is stored in another layout" in {each.what for each in found.differences}
    assert left.ok
    assert record.item(world) == written


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'"schema":1', b'"schema":true'),
        lambda text: text.replace(b'["11",2]', b'["11",2.5]'),
        lambda text: text.replace(b'["11",2]', b'["11","2"]'),
        lambda text: text.replace(b'["11",2]', b'["011",2]'),
        lambda text: text.replace(b'["11",2]', b'["11",-2]'),
        lambda text: text.replace(b'"seen":{', b'"seen":{"i-0":7,'),
        lambda text: text.replace(b'{"counters"', b'{"by":"hand","counters"'),
        lambda text: text + b" ",
        lambda text: text.replace(b'"schema":1', b'"schema":2'),
    ],
)
def test_a_ledger_that_the_aggregator_would_write_otherwise_is_found_and_mended(
    change: Callable[[bytes], bytes],
) -> None:
    world, ledger = healthy_world(Layout()), form("ledger")
    before, text = everything(world), zlib.decompress(ledger.item(world)["Document"]["B"])
    assert change(text) != text
    found, left = plant(world, ledger, {**ledger.item(world), "Document": {"B": zlib.compress(change(text))}})

    assert not found.ok
    assert left.ok
    assert everything(world) == before


def test_counters_that_are_written_otherwise_are_found_and_mended() -> None:
    world, snapshot = healthy_world(Layout()), form("snapshot i-2")
    before = everything(world)
    for content in (b"B 5\nA 10\n", b"A 10.0\nB 5\n", b"A 010\nB 5\n"):
        found, left = plant(world, snapshot, {**snapshot.item(world), "Counters": {"B": zlib.compress(content)}})
        assert not found.ok, content
        assert left.ok, content
        assert everything(world) == before
