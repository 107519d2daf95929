"""The ledger: the sums of one partition of a day, and which snapshot of each instance they include.

Invariant: `sums` is the sum, over all instances, of the counters of the snapshot whose sequencer is
`seen[instance]`. Stream records are links from one snapshot of an instance to its next. A link is added only
where it continues the chain; anything else is skipped or asks for a rebuild from the snapshots themselves. So
duplicates, late records, other orders across instances and lost records never falsify a sum.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Final

from countagg.core.counter_file import read_canonical_value, split_canonical
from countagg.core.errors import CorruptDocument, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.snapshot import inflate, unpack_canonical
from countagg.core.values import format_value, parse_sum

MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
"""Twice what an item can hold of the names that compress best."""


@dataclass(frozen=True, slots=True)
class Image:
    """One side of a link: a snapshot's sequencer and its packed counters."""

    sequencer: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A change of one instance's snapshot: from the old image (None if there was none) to the new one."""

    partition: str
    instance: str
    old: Image | None
    new: Image


@dataclass(slots=True)
class Ledger:
    """Sums of a partition of a day, or of all of them together.

    Attributes:
        sums: counter -> sum in units of 10^-9.
        contributors: counter -> number of instances whose snapshot names it; a counter without any leaves both
            maps, so that a ledger kept by links equals one rebuilt from snapshots.
        seen: instance -> normalised sequencer of the snapshot that is included.
    """

    sums: dict[str, int] = field(default_factory=dict)
    contributors: dict[str, int] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)


class GapInChain(Exception):
    """A link does not continue what the ledger includes: records were lost, or arrive in another order."""

    def __init__(self, link: Link) -> None:
        super().__init__(f"{link.partition}/{link.instance}")
        self.link = link


def fold(ledger: Ledger, links: Iterable[Link]) -> int:
    """Add links to the ledger, in place and in order.

    Returns:
        How many were added; 0 means that the ledger is as before.

    Raises:
        GapInChain: at the first link that neither is included nor continues the chain. What stood before it
            has been added.
    """
    added = 0
    for link in links:
        included = ledger.seen.get(link.instance)
        if included is not None and link.new.sequencer <= included:
            continue
        if included != (None if link.old is None else link.old.sequencer):
            raise GapInChain(link)
        _exchange(ledger, b"" if link.old is None else unpack_canonical(link.old.packed), link.new)
        ledger.seen[link.instance] = link.new.sequencer
        added += 1
    return added


def rebuild(snapshots: Iterable[tuple[str, Image]]) -> Ledger:
    """Make the ledger of a partition from all its snapshots, given as (instance, image)."""
    ledger = Ledger()
    for instance, image in snapshots:
        _exchange(ledger, b"", image)
        ledger.seen[instance] = image.sequencer
    return ledger


def merge(ledgers: Sequence[Ledger], shards: int) -> Ledger:
    """Add up the ledgers of all partitions of a day.

    Args:
        ledgers: one a partition.
        shards: in how many of them an instance stands (`core.partitions`). One that a shard lacks yet counts as
            not seen; one that the shards have in different versions counts as seen in the oldest.
    """
    if len(ledgers) == shards == 1:
        return ledgers[0]
    whole, merged = Ledger(), Counter[str]()
    for ledger in ledgers:
        for name, value in ledger.sums.items():
            whole.sums[name] = whole.sums.get(name, 0) + value
            whole.contributors[name] = whole.contributors.get(name, 0) + ledger.contributors[name]
        for instance, sequencer in ledger.seen.items():
            merged[instance] += 1
            whole.seen[instance] = min(whole.seen.get(instance, sequencer), sequencer)
    whole.seen = {name: sequencer for name, sequencer in whole.seen.items() if merged[name] == shards}
    return whole


def _exchange(ledger: Ledger, old: bytes, new_image: Image) -> None:
    """Take the counters of `old` out of the sums and put those of the new image in.

    Raises:
        CorruptDocument: an image is none, or the sums lack what is to be taken out.
    """
    new = unpack_canonical(new_image.packed)
    if old == new:
        return
    try:
        _exchange_counters(ledger, split_canonical(old), split_canonical(new))
    except (ValueError, KeyError) as error:
        raise CorruptDocument(f"the snapshot does not fit the ledger: {shorten(error)}") from error


def _exchange_counters(ledger: Ledger, old: dict[str, str], new: Mapping[str, str]) -> None:
    sums, contributors = ledger.sums, ledger.contributors
    for name, text in new.items():
        replaced = old.pop(name, None)
        if replaced is None:
            sums[name] = sums.get(name, 0) + read_canonical_value(text)
            contributors[name] = contributors.get(name, 0) + 1
        elif replaced != text:
            sums[name] += read_canonical_value(text) - read_canonical_value(replaced)
    for name, text in old.items():
        sums[name] -= read_canonical_value(text)
        contributors[name] -= 1
        if not contributors[name]:
            del sums[name], contributors[name]


def changed_counters(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """Return every counter whose sum changed from one version to the next, given the sums of both.

    Of several versions each step is to be asked: for a counter that changed and came back, an earlier attempt at
    publishing may have written the value in between.
    """
    return {name for name, _ in before.items() ^ after.items()}


def encode_ledger(ledger: Ledger) -> bytes:
    """Return the ledger as a compressed document."""
    return zlib.compress(_render(ledger))


def is_encoding(document: bytes, ledger: Ledger) -> bool:
    """Tell whether a document that was read as that ledger is written as `encode_ledger` writes it.

    Compression aside: zlib's bytes differ from one version of it to the next.
    """
    decompressor = zlib.decompressobj()
    return decompressor.decompress(document) == _render(ledger) and not decompressor.unused_data


def _render(ledger: Ledger) -> bytes:
    document = {
        "schema": 1,
        # Each name once: two maps of many random names would take twice the bytes, compressed too.
        "counters": {
            name: [format_value(value), ledger.contributors[name]] for name, value in ledger.sums.items()
        },
        "seen": ledger.seen,
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def decode_ledger(document: bytes) -> Ledger:
    """Read what `encode_ledger` wrote.

    Raises:
        CorruptDocument: the bytes are damaged, or of another schema.
    """
    inflated = inflate(document, MAX_DOCUMENT_BYTES, "ledger")
    try:
        text = inflated.decode()
        # The parser needs memory of its own, several times that of a large document.
        del inflated
        content = json.loads(text)
        if content["schema"] != 1:
            raise CorruptDocument(
                f"the ledger has schema {shorten(content['schema'])}; this version reads schema 1"
            )
        counters = content["counters"].items()
        return Ledger(
            sums={str(name): parse_sum(value) for name, (value, _) in counters},
            contributors={str(name): int(count) for name, (_, count) in counters},
            seen={str(instance): str(sequencer) for instance, sequencer in content["seen"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CorruptDocument(f"the ledger cannot be read: {shorten(error)}") from error
