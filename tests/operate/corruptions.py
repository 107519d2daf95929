"""A dozen and more ways in which a day can be wrong, one for each hop and kind."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from countagg.core.ledger import Ledger
from countagg.core.published import PublishedTotals
from countagg.core.sequencer import sequencer_after
from countagg.core.snapshot import pack_counters
from countagg.core.values import SCALE
from countagg.data.counters import CounterItem
from countagg.data.ledgers import StoredLedger
from countagg.operate.integrity.findings import Hop
from tests.fakes.day import FakeDay

Told = tuple[str, str, str, str, Decimal | None, Decimal | None]
"""Hop, what, instance, counter, expected, found."""


@dataclass(frozen=True)
class Corruption:
    """What is done to the day of `healthy_day`, and what a verification says of it."""

    name: str
    plant: Callable[[FakeDay], object]
    told: tuple[Told, ...]


def healthy_day() -> FakeDay:
    """Return a day of three instances on which all hops agree: A 11, B 5, C 0.25; D went."""
    day = FakeDay()
    day.upload("i-1", "A 1\nD 9\n")
    day.settle()
    day.upload("i-1", "A 1\n")
    day.upload("i-2", "A 10\nB 5\n")
    day.upload("i-3", "C 0.25\n")
    day.upload("i-4", "A 100\n")
    day.settle()
    day.delete("i-4")
    day.settle()
    return day


def _ledger(change: Callable[[Ledger], object]) -> Callable[[FakeDay], object]:
    def plant(day: FakeDay) -> None:
        ledger = day.totals
        change(ledger)
        day.put_ledger(ledger)

    return plant


def _snapshot(instance: str, packed: bytes) -> Callable[[FakeDay], object]:
    return lambda day: day.held.update({instance: replace(day.held[instance], packed=packed)})


def _item(counter: str, value: str, version: int | None = None) -> Callable[[FakeDay], object]:
    def plant(day: FakeDay) -> None:
        there = day.items.get(counter, CounterItem(counter, Decimal(0), day.stored.version))
        day.items[counter] = replace(there, value=Decimal(value), version=version or there.version)

    return plant


def _object(**changes: object) -> Callable[[FakeDay], object]:
    return lambda day: setattr(day, "object", replace(day.object, **changes))  # type: ignore[arg-type]  # of any field


def _lost_in_the_stream(instance: str, content: str) -> Callable[[FakeDay], object]:
    def plant(day: FakeDay) -> None:
        day.upload(instance, content)
        day.process()
        day.links.clear()

    return plant


def _forget_ledger(day: FakeDay) -> None:
    day.stored = StoredLedger()


def _restart_ledger(day: FakeDay) -> None:
    day.stored = replace(day.stored, version=1)


def _extra_instance(ledger: Ledger) -> None:
    ledger.seen["i-9"] = f"{1:032X}"
    ledger.sums["A"] += 7 * SCALE
    ledger.contributors["A"] += 1


S, L, C, O = (str(hop) for hop in Hop)  # noqa: E741 - the hops in their order
_MISSING: Final = "an instance is included that has no snapshot"

CORRUPTIONS: Final = (
    Corruption(
        "snapshot deleted",
        lambda day: day.held.pop("i-2"),
        ((S, "the file has no snapshot", "i-2", "", None, None), (L, _MISSING, "i-2", "", None, None)),
    ),
    Corruption(
        "snapshot edited",
        _snapshot("i-2", pack_counters({"A": 12 * SCALE, "B": 5 * SCALE})),
        (
            (S, "the snapshot is not what the file says", "i-2", "A", Decimal(10), Decimal(12)),
            (L, "the sum is wrong", "", "A", Decimal(13), Decimal(11)),
        ),
    ),
    Corruption(
        "snapshot damaged",
        _snapshot("i-2", b"garbage"),
        ((S, "the snapshot cannot be read", "i-2", "", None, None),),
    ),
    Corruption(
        "file deleted without an event",
        lambda day: day.delete("i-3", told=False),
        ((S, "the snapshot's file is gone", "i-3", "", None, None),),
    ),
    Corruption(
        "file replaced without an event",
        lambda day: day.upload("i-3", "C 1\nE 2\n", told=False),
        (
            (S, "the snapshot is not of this file", "i-3", "C", Decimal(1), Decimal("0.25")),
            (S, "the snapshot is not of this file", "i-3", "E", Decimal(2), None),
        ),
    ),
    Corruption(
        "file written without an event",
        lambda day: day.upload("i-5", "A 1\n", told=False),
        ((S, "the file has no snapshot", "i-5", "", None, None),),
    ),
    Corruption(
        "ledger behind",
        _lost_in_the_stream("i-3", "C 1\n"),
        ((L, "an older snapshot is included", "i-3", "", None, None),),
    ),
    Corruption(
        "ledger without an instance",
        _lost_in_the_stream("i-5", "A 1\n"),
        ((L, "the snapshot is not included", "i-5", "", None, None),),
    ),
    Corruption(
        "ledger sum edited",
        _ledger(lambda ledger: ledger.sums.update({"A": 12 * SCALE})),
        (
            (L, "the sum is wrong", "", "A", Decimal(11), Decimal(12)),
            (C, "the item is wrong", "", "A", Decimal(12), Decimal(11)),
            (O, "the line is wrong", "", "A", Decimal(12), Decimal(11)),
        ),
    ),
    Corruption(
        "ledger counter missing",
        _ledger(lambda ledger: (ledger.sums.pop("B"), ledger.contributors.pop("B"))),
        (
            (L, "the sum is wrong", "", "B", Decimal(5), None),
            (C, "the item is wrong", "", "B", None, Decimal(5)),
            (O, "the line is wrong", "", "B", None, Decimal(5)),
        ),
    ),
    Corruption(
        "ledger counter extra",
        _ledger(lambda ledger: (ledger.sums.update(E=SCALE), ledger.contributors.update(E=1))),
        (
            (L, "the sum is wrong", "", "E", None, Decimal(1)),
            (C, "the counter has no item", "", "E", Decimal(1), None),
            (O, "the line is wrong", "", "E", Decimal(1), None),
        ),
    ),
    Corruption(
        "ledger with a wrong number of instances",
        _ledger(lambda ledger: ledger.contributors.update(A=3)),
        ((L, "the number of instances is wrong", "", "A", Decimal(2), Decimal(3)),),
    ),
    Corruption(
        "ledger with an extra instance",
        _ledger(_extra_instance),
        (
            (L, _MISSING, "i-9", "", None, None),
            (L, "the sum is wrong", "", "A", Decimal(11), Decimal(18)),
            (C, "the item is wrong", "", "A", Decimal(18), Decimal(11)),
            (O, "the line is wrong", "", "A", Decimal(18), Decimal(11)),
        ),
    ),
    Corruption(
        "ledger ahead of a snapshot",
        _ledger(lambda ledger: ledger.seen.update({"i-2": sequencer_after(ledger.seen["i-2"])})),
        ((L, "a newer snapshot is included than is stored", "i-2", "", None, None),),
    ),
    Corruption(
        "ledger damaged",
        lambda day: setattr(day, "stored", replace(day.stored, document=zlib.compress(b"{}"))),
        ((L, "the ledger cannot be read", "", "", None, None),),
    ),
    Corruption("ledger deleted", _forget_ledger, ((L, "there is no ledger", "", "", None, None),)),
    Corruption(
        "ledger begun anew",
        _restart_ledger,
        (
            (C, "the item has version 3, the ledger 1", "", "A", Decimal(11), Decimal(11)),
            (C, "the item has version 2, the ledger 1", "", "B", Decimal(5), Decimal(5)),
            (C, "the item has version 2, the ledger 1", "", "C", Decimal("0.25"), Decimal("0.25")),
            (C, "the item has version 2, the ledger 1", "", "D", None, Decimal(0)),
            (O, "the object has version 3, the ledger 1", "", "", None, None),
        ),
    ),
    Corruption("item edited", _item("B", "6"), ((C, "the item is wrong", "", "B", Decimal(5), Decimal(6)),)),
    Corruption(
        "item missing",
        lambda day: day.items.pop("C"),
        ((C, "the counter has no item", "", "C", Decimal("0.25"), None),),
    ),
    Corruption("item extra", _item("Z", "3"), ((C, "the item is wrong", "", "Z", None, Decimal(3)),)),
    Corruption(
        "item that went came back", _item("D", "9"), ((C, "the item is wrong", "", "D", None, Decimal(9)),)
    ),
    Corruption(
        "object edited",
        _object(totals={"A": 11 * SCALE, "B": 4 * SCALE, "E": SCALE}, etag="by hand"),
        (
            (O, "the line is wrong", "", "B", Decimal(5), Decimal(4)),
            (O, "the line is wrong", "", "C", Decimal("0.25"), None),
            (O, "the line is wrong", "", "E", None, Decimal(1)),
        ),
    ),
    Corruption(
        "object damaged",
        _object(readable=False, totals={}),
        ((O, "the object cannot be read", "", "", None, None),),
    ),
    Corruption(
        "object missing",
        lambda day: setattr(day, "object", PublishedTotals()),
        ((O, "there is no object", "", "", None, None),),
    ),
)
