"""What a fleet's data takes: sizes of a made-up fleet of the asked-for size, encoded as the functions encode it.

Ids and sequencers are random as those of EC2 and S3 are, because they are what compression finds nothing in.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import fmean
from typing import Any, Final

from countagg.core.counter_file import render_counters
from countagg.core.errors import InvalidCounterFile, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.object_keys import build_object_key
from countagg.core.partitions import MORE_PARTITIONS, Layout
from countagg.core.sequencer import normalise_sequencer
from countagg.core.snapshot import MAX_PACKED_BYTES, Snapshot, pack_counters
from countagg.core.values import SCALE, format_value
from countagg.data.counters import CounterItem, counter_item
from countagg.data.ledgers import StoredLedger, ledger_item
from countagg.data.snapshots import snapshot_item
from countagg.operate.cost.item_sizes import MAX_ITEM_BYTES, item_size, write_units
from countagg.provision.settings import DEFAULT_PREFIX

IN_ONE_PIECE: Final = Layout()

_SAMPLED: Final = 16
_SAMPLED_VALUES: Final = 50_000
_LARGEST: Final = 1_000_000
_TOO_MANY: Final = 200_000
"""So many instances fit into no ledger, so many counters into no snapshot, whatever their names."""
_DAY: Final = "2026-11-20"
_TIME: Final = "2026-11-20T10:15:02.117+00:00"
_EXPIRY: Final = 1_800_000_000
_VERSION: Final = 12_345
_ETAG: Final = "d41d8cd98f00b204e9800998ecf8427e"
_FIRST_SECOND: Final = 0x691EEC00
_SECONDS: Final = 60


class DoesNotFit(UsageError):
    """Something of that size does not fit into an item."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a fleet's files and items take, on average: bytes, and write units of a write.

    Attributes:
        file: bytes of a file.
        packed: bytes of a file's counters, compressed.
        snapshot, snapshot_units: of a snapshot, all its parts together.
        ledger, ledger_units: of the ledger of one of a day's partitions.
        counter, counter_units: of an item of the counters table; its index takes the same again.
    """

    file: float
    packed: float
    snapshot: float
    snapshot_units: float
    ledger: float
    ledger_units: float
    counter: float
    counter_units: float


@dataclass(frozen=True, slots=True)
class ArticleSizes:
    """The same of the article's layout: an item a counter with a map of all instances' values, and one a sum."""

    file: float
    state: float
    state_units: float
    total: float
    total_units: float


def size_fleet(
    instances: int,
    counters: int,
    layout: Layout = IN_ONE_PIECE,
    *,
    ids: Sequence[str] | None = None,
) -> Sizes:
    """Measure a fleet.

    Args:
        instances: how many.
        counters: of each instance.
        layout: of the days.
        ids: of the instances; made up if left out.

    Raises:
        DoesNotFit: a file or a ledger is too large for the pipeline.
    """
    _refuse_many(math.ceil(instances / layout.lanes), counters)
    source = random.Random(0)  # noqa: S311 - sizes, not secrets
    names = _names(counters)
    fleet = [_instance_id(source) for _ in range(instances)] if ids is None else list(ids)
    sampled = fleet[: max(1, min(_SAMPLED, _SAMPLED_VALUES // counters))]
    files = [{name: source.randrange(_LARGEST) * SCALE for name in names} for _ in sampled]
    packed = [_packed(each, layout) for each in files]
    parts = [_part_sizes(name, each) for name, each in zip(sampled, packed, strict=True)]
    # A write that is part of a transaction costs double (docs/aws-facts.md#dynamodb).
    factor = 1 if layout.shards == 1 else 2
    sums = {name: _sum(source, instances) for name in names}
    ledger = item_size(_ledger(_largest_ledger(sums, fleet, layout, source)))
    items = [item_size(_counter(name, value)) for name, value in sums.items()]
    return Sizes(
        file=fmean(len(render_counters(each)) for each in files),
        packed=fmean(sum(map(len, each)) for each in packed),
        snapshot=fmean(map(sum, parts)),
        snapshot_units=fmean(factor * sum(map(write_units, each)) for each in parts),
        ledger=ledger,
        ledger_units=write_units(ledger),
        counter=fmean(items),
        counter_units=fmean(map(write_units, items)),
    )


def _part_sizes(instance: str, parts: Sequence[bytes]) -> list[int]:
    return [item_size(_snapshot(instance, part)) for part in parts]


def _packed(counters: Mapping[str, int], layout: Layout) -> list[bytes]:
    try:
        return [pack_counters(share) for share in layout.split(counters)]
    except InvalidCounterFile as error:
        raise DoesNotFit(error.what, where="--counters", hint="count less per instance") from error


def size_ledger(instances: int, counters: int) -> int:
    """Return the bytes of a ledger's document, whether it fits or not."""
    source = random.Random(0)  # noqa: S311 - sizes, not secrets
    names = _names(counters)
    sums = {name: _sum(source, instances) for name in names}
    seen = {_instance_id(source): _sequencer(source) for _ in range(instances)}
    return len(_document(sums, seen, instances))


def _document(sums: dict[str, int], seen: dict[str, str], instances: int) -> bytes:
    """Return the ledger of instances that all have the same counters."""
    return encode_ledger(Ledger(sums, dict.fromkeys(sums, instances), seen))


def _largest_ledger(sums: Mapping[str, int], fleet: Sequence[str], layout: Layout, source: random.Random) -> bytes:
    """Return the ledger of a partition as large as any: with its share of the instances, and of the counters."""
    share = dict(itertools.islice(sums.items(), math.ceil(len(sums) / layout.shards)))
    seen = {name: _sequencer(source) for name in fleet[: math.ceil(len(fleet) / layout.lanes)]}
    document = _document(share, seen, len(fleet))
    if len(document) > MAX_PACKED_BYTES:
        raise DoesNotFit(
            f"a ledger of {len(seen)} instances and {len(share)} counters takes {len(document)} bytes; "
            f"at most {MAX_PACKED_BYTES} fit",
            where="--instances, --counters",
            hint=MORE_PARTITIONS,
        )
    return document


def size_article(instances: int, counters: int, *, ids: Sequence[str] | None = None) -> ArticleSizes:
    """Measure a fleet in the article's layout; the parameters are those of `size_fleet`.

    Raises:
        DoesNotFit: the item of a counter is too large for DynamoDB.
    """
    _refuse_many(instances, counters)
    source = random.Random(0)  # noqa: S311 - sizes, not secrets
    names = _names(counters)
    fleet = [_instance_id(source) for _ in range(instances)] if ids is None else list(ids)
    # The smallest value takes two bytes, its place in the map one.
    _refuse_state(sum(len(each) + 3 for each in fleet), instances)
    states, totals = [], []
    for name in names[: max(1, min(_SAMPLED, _SAMPLED_VALUES // instances))]:
        values: dict[str, Any] = {each: {"N": str(source.randrange(_LARGEST))} for each in fleet}
        key = {"Counter": {"S": name}, "Date": {"S": _DAY}}
        states.append(item_size({**key, "Instances": {"M": values}}))
        totals.append(item_size({**key, "Value": {"N": format_value(_sum(source, instances))}}))
    _refuse_state(max(states), instances)
    file = {name: source.randrange(_LARGEST) * SCALE for name in names}
    return ArticleSizes(
        file=len(render_counters(file)),
        state=fmean(states),
        state_units=fmean(map(write_units, states)),
        total=fmean(totals),
        total_units=fmean(map(write_units, totals)),
    )


def _refuse_many(instances: int, counters: int) -> None:
    if max(instances, counters) > _TOO_MANY:
        raise DoesNotFit(
            f"{instances} instances with {counters} counters do not fit into items of 400 KB",
            where="--instances, --counters",
            hint="use several stacks",
        )


def check_counters(counters: int) -> None:
    """Refuse more counters than any file can name.

    Raises:
        DoesNotFit: they are too many.
    """
    _refuse_many(0, counters)


def _refuse_state(size: int, instances: int) -> None:
    if size > MAX_ITEM_BYTES:
        raise DoesNotFit(
            f"{instances} instances take {size} bytes in one item; at most 400 KB fit",
            where="--instances",
            hint="use several stacks",
        )


def _names(counters: int) -> list[str]:
    return [f"COUNTER{number}" for number in range(1, counters + 1)]


def _instance_id(source: random.Random) -> str:
    return f"i-0{source.getrandbits(64):016x}"


def _sequencer(source: random.Random) -> str:
    """Return one as S3 gives it: the second, and what looks random (docs/aws-facts.md#s3-events)."""
    return normalise_sequencer(f"00{_FIRST_SECOND + source.randrange(_SECONDS):08X}{source.getrandbits(32):08X}")


def _sum(source: random.Random, instances: int) -> int:
    """Return a value of the size that the sum of a counter has."""
    return (instances * _LARGEST // 2 + source.randrange(_LARGEST)) * SCALE


def _snapshot(instance: str, packed: bytes) -> Mapping[str, Any]:
    key = build_object_key(DEFAULT_PREFIX, _DAY, instance)
    snapshot = Snapshot(_DAY, instance, normalise_sequencer("0"), packed, _ETAG, key, _TIME)
    return snapshot_item(_DAY, snapshot, _EXPIRY)


def _ledger(document: bytes) -> Mapping[str, Any]:
    return ledger_item(_DAY, StoredLedger(_VERSION, _TIME, document, _EXPIRY))


def _counter(name: str, value: int) -> Mapping[str, Any]:
    return counter_item(_DAY, CounterItem(name, Decimal(format_value(value)), _VERSION), _EXPIRY)
