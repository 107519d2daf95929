"""Snapshots: the whole content of one instance's file of one day, as one item of a table."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from countagg.core.counter_file import MAX_FILE_BYTES, render_counters
from countagg.core.errors import CorruptDocument, InvalidCounterFile
from countagg.core.lazy_dataclass import dataclass

MAX_PACKED_BYTES: Final = 390 * 1024
"""What fits into an item of 400 KB beside the other attributes (docs/aws-facts.md#dynamodb)."""

_COMPRESSION: Final = 5
"""Level of zlib: on counter files as small as the usual 6, and quicker by a fifth."""

_MAX_CANONICAL_BYTES: Final = 4 * MAX_FILE_BYTES


class SnapshotChange(StrEnum):
    """What a write of a snapshot changed: its counters, or only the place of its upload in the order."""

    COUNTERS = "counters"
    ORDER = "order"


CHANGE_ATTRIBUTE: Final = "Change"
"""Attribute that says so of the newest write, by which the stream's mapping tells what it leaves out."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one instance's file says.

    Attributes:
        day: YYYY-MM-DD.
        instance: the instance id.
        sequencer: normalised sequencer of the event under which the file was read.
        packed: counters in canonical form, compressed; a tombstone holds none.
        etag: of the object that was read; empty for a tombstone.
        key: the object's key.
        uploaded_at: when the object was written or removed, UTC, ISO 8601.
        unchanged_since: sequencer of the upload that brought these counters, if this one repeats them; None if
            it brought them itself.
    """

    day: str
    instance: str
    sequencer: str
    packed: bytes
    etag: str
    key: str
    uploaded_at: str
    unchanged_since: str | None = None

    @property
    def content_sequencer(self) -> str:
        """The version of its content: every upload has a sequencer of its own, a repeated one keeps this."""
        return self.unchanged_since or self.sequencer

    def is_included(self, seen: str | None) -> bool:
        """Tell whether a ledger that has seen that sequencer of the instance includes this very content.

        Mostly that is the content's. An older countagg has seen that of any upload which repeated it.
        """
        return seen is not None and self.content_sequencer <= seen <= self.sequencer


def pack_counters(counters: Mapping[str, int]) -> bytes:
    """Return the compressed canonical form.

    Raises:
        InvalidCounterFile: the result does not fit into one item.
    """
    packed = zlib.compress(render_counters(counters), _COMPRESSION)
    if len(packed) > MAX_PACKED_BYTES:
        raise InvalidCounterFile(
            f"{len(counters)} counters take {len(packed)} bytes compressed, and at most {MAX_PACKED_BYTES} fit; "
            "raise `setup --counter-shards`, which counts from the next day on"
        )
    return packed


def join_parts(parts: Sequence[bytes]) -> bytes:
    """Return what a whole file is packed to, however large, out of what its shares are packed to.

    Raises:
        CorruptDocument: one of several parts is damaged.
    """
    if len(parts) == 1:
        return parts[0]
    lines = [line for part in parts for line in unpack_canonical(part).splitlines(keepends=True)]
    lines.sort(key=_name_in)
    return zlib.compress(b"".join(lines), _COMPRESSION)


def _name_in(line: bytes) -> bytes:
    # By name alone: a name may hold characters that sort before the space behind it.
    return line.partition(b" ")[0]


def unpack_canonical(packed: bytes) -> bytes:
    """Return the canonical form out of a snapshot's bytes.

    Raises:
        CorruptDocument: the bytes are not what `pack_counters` wrote, or would grow beyond any file's size.
    """
    return inflate(packed, _MAX_CANONICAL_BYTES, "snapshot")


def have_same_counters(packed: bytes, other: bytes) -> bool:
    """Tell whether two snapshots say the same; one that is damaged says nothing, not even the same."""
    if packed == other:
        return True
    try:
        # The bytes of zlib differ from one version of it to the next.
        return unpack_canonical(packed) == unpack_canonical(other)
    except CorruptDocument:
        return False


def inflate(packed: bytes, limit: int, what: str) -> bytes:
    """Decompress at most `limit` bytes.

    Raises:
        CorruptDocument: the bytes are damaged or cut, or hold more than `limit` bytes.
    """
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(packed, limit)
    except zlib.error as error:
        raise CorruptDocument(f"the {what} cannot be decompressed: {error}") from error
    if not decompressor.eof:
        raise CorruptDocument(f"the {what} is cut short or larger than {limit} bytes")
    return content
