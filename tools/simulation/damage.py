"""Damage to what is stored of a day, behind the functions' backs: each attribute of each form, in each way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from countagg.core.partitions import LAYOUTS_PARTITION, Layout
from countagg.core.published import published_key
from countagg.core.values import SCALE
from tools.simulation.files import File
from tools.simulation.plans import PREFIX, Chapter, Plan, Step
from tools.simulation.rules import REAL
from tools.simulation.world import SETTINGS, World

DAY: Final = "2026-11-20"
OBJECT: Final = published_key(SETTINGS.output_prefix, DAY)
TOTALS: Final = {"A": 11 * SCALE, "B": 5 * SCALE, "C": SCALE // 4}

_STEPS: Final = (
    (0.0, "i-1", b"A 1\nD 9\n"),
    (20.0, "i-1", b"A 1\n"),
    (20.0, "i-2", b"A 10\nB 5\n"),
    (40.0, "i-3", b"C 0.25\n"),
    (40.0, "gone", b"A 100\n"),
    (60.0, "gone", None),
    (80.0, "i-3", b"C\n"),
)
"""After them: two good files, a good one that a refused one followed, and one that was withdrawn; D is gone."""

_ANYHOW: Final = "attribute_not_exists(Nothing)"

Value = Mapping[str, Any]
"""In DynamoDB's attribute form."""


def key_of(instance: str) -> str:
    """Return the key of an instance's file."""
    return f"{PREFIX}{DAY}/values_{instance}"


def healthy_world(layout: Layout) -> World:
    """Return a world with a day on which all hops agree."""
    steps = tuple(
        Step(after, key_of(instance), None if content is None else File(content, {}))
        for after, instance, content in _STEPS
    )
    plan = Plan(
        seed=1,
        start=datetime(2026, 11, 20, 9, tzinfo=UTC),
        chapters=(Chapter(0.0, steps, ()),),
        rates={},
        latency_spread=1.0,
        partitions=1,
        factor=1,
        page_size=10,
        layouts=(layout,),
        script=frozenset(),
    )
    world = World(plan, REAL, traced=False)
    world.run_chapter(0)
    return world


@dataclass(frozen=True)
class Form:
    """A stored form: one item of it, and how another is put in its place."""

    name: str
    item: Callable[[World], Value]
    put: Callable[[World, Value], object]
    keys: frozenset[str]


def _table_item(world: World, table: str, *key: str) -> Value:
    item: Value = getattr(world, table).items[key]
    return item


def _first(world: World, instance: str) -> str:
    return world.stored.layout(DAY).partitions_of(DAY, instance)[0]


def _snapshot(instance: str) -> Form:
    return Form(
        f"snapshot {instance}",
        lambda world: _table_item(world, "snapshots", _first(world, instance), instance),
        lambda world, item: world.snapshots.put(item, "", {}, {}),
        frozenset({"Date", "Instance"}),
    )


def _ledger() -> Form:
    return Form(
        "ledger",
        lambda world: _table_item(world, "totals", _first(world, "i-2")),
        lambda world, item: world.totals.put(item, "", {}, {}),
        frozenset({"Date"}),
    )


def _record() -> Form:
    return Form(
        "record",
        lambda world: _table_item(world, "snapshots", LAYOUTS_PARTITION, DAY),
        lambda world, item: world.snapshots.put(item, "", {}, {}),
        frozenset({"Date", "Instance"}),
    )


def _counter(counter: str) -> Form:
    return Form(
        f"counter {counter}",
        lambda world: world.counters.table.items[counter, DAY],
        lambda world, item: world.counters.put(dict(item), _ANYHOW, {}, {}),
        frozenset({"Counter", "Date"}),
    )


def _object() -> Form:
    """Return the published object as if it were an item: its content, content type and metadata."""

    def read(world: World) -> Value:
        found = world.bucket.objects[OBJECT]
        metadata = {name: {"S": text} for name, text in found.metadata.items()}
        return {"content": {"B": found.content}, "content type": {"S": found.content_type}, **metadata}

    def put(world: World, item: Value) -> None:
        texts = {name: str(next(iter(value.values()))) for name, value in item.items() if name != "content"}
        content_type = texts.pop("content type", "binary/octet-stream")
        world.bucket.put(OBJECT, item["content"]["B"], metadata=texts, content_type=content_type)

    return Form("object", read, put, frozenset())


FORMS: Final = (
    *map(_snapshot, ("i-2", "i-3", "gone")),
    _record(),
    _ledger(),
    *map(_counter, ("B", "D")),
    _object(),
)


def form(name: str) -> Form:
    """Return a form by its name."""
    return next(each for each in FORMS if each.name == name)


_CENTURY: Final = 3_155_760_000
_YEAR: Final = 31_557_600
_VERSIONS_BEGIN: Final = 1 << 40
"""A number beyond is a version: a moment in tenths of seconds, and 20 bits (`core.versions`)."""


def _moved(value: Value, seconds: int) -> Value | None:
    """Return a value as it would be at another time; None if it has nothing to do with time."""
    number = int(value.get("N", "0"))
    if number > _VERSIONS_BEGIN:
        # A version that is lower is of no effect.
        return {"N": str(number + (seconds * 10 << 20))} if seconds > 0 else None
    if number > _YEAR:
        return {"N": str(number + seconds)}
    text = str(value.get("S", ""))
    if _is_sequencer(value):
        return {"S": f"{int(text[:10], 16) + seconds:010X}{text[10:]}"}
    try:
        moment = datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
    return {"S": datetime.fromtimestamp(moment + seconds, UTC).isoformat(timespec="seconds")}


def _is_sequencer(value: Value) -> bool:
    text = value.get("S", "")
    return len(text) == 32 and text.startswith("00")


_WAYS: Final[Mapping[str, Callable[[Value], Value | None]]] = {
    "zero": lambda _: {"N": "0"},
    "negative": lambda _: {"N": "-1"},
    "fraction": lambda _: {"N": "2.5"},
    "beyond all numbers": lambda _: {"N": "1E+30"},
    "text": lambda _: {"S": "garbage"},
    "no text": lambda _: {"S": ""},
    "the number as text": lambda value: {"S": value["N"]} if "N" in value else None,
    "the text as bytes": lambda value: {"B": value["S"].encode()} if "S" in value else None,
    "bytes": lambda _: {"B": b"garbage"},
    "truth": lambda _: {"BOOL": True},
    "null": lambda _: {"NULL": True},
    "future": lambda value: _moved(value, _CENTURY),
    "past": lambda value: _moved(value, -_YEAR if _is_sequencer(value) else -_CENTURY),
    "the latest": lambda value: {"S": "F" * 32} if _is_sequencer(value) else None,
    "cut short": lambda value: {"S": value["S"].rstrip("0")} if _is_sequencer(value) else None,
}


_CONTENT: Final[Mapping[str, Callable[[Value], Value | None]]] = {
    "empty": lambda _: {"B": b""},
    "garbage": lambda _: {"B": b"\xff\x00"},
    "another order": lambda value: {"B": b"".join(reversed(value["B"].splitlines(keepends=True)))},
    "leading zeros": lambda value: {"B": value["B"].replace(b"A 1", b"A 01")},
    "a fraction of zeros": lambda value: {"B": value["B"].replace(b"A 11", b"A 11.0")},
    "without a version": lambda value: {"B": value["B"].rstrip() + b"\n"},
    "another version": lambda value: {"B": value["B"].rstrip() + b" \t\n"},
    "a line twice": lambda value: {"B": b"A 11\n" + value["B"]},
    "a line less": lambda value: {"B": value["B"].replace(b"A 11\n", b"")},
    "another value": lambda value: {"B": value["B"].replace(b"A 11", b"A 12")},
}


def damages(form: Form, name: str, world: World) -> Iterator[tuple[str, Value]]:
    """Yield the item of a form with one attribute damaged, in each way that changes it."""
    item = form.item(world)
    if name == "content":
        ways = _CONTENT
    else:
        ways = _WAYS
        yield "missing", {other: value for other, value in item.items() if other != name}
    for way, change in ways.items():
        value = change(item[name])
        if value is not None and value != item[name]:
            yield way, {**item, name: value}
