"""The ledgers of a day as they are stored, one a partition, and not yet decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from countagg.aws.stored_items import Item, bytes_of, text_of, version_of
from countagg.core.ledger import Ledger, decode_ledger, merge
from countagg.core.partitions import Layout
from countagg.core.versions import version_of_day

_IN_ONE_PIECE: Final = Layout()


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A partition's ledger as it is stored, not yet decoded; version 0 and empty if there is none.

    Attributes:
        version: 0 also if it cannot be read; then the document is empty, too.
        updated_at: when it was stored, UTC, ISO 8601; empty if that cannot be read.
        document: encoded; empty if it cannot be read.
        item: as it is stored; None if there is none, or it is to be stored.
    """

    version: int = 0
    updated_at: str = ""
    document: bytes = b""
    item: Item | None = field(default=None, compare=False, repr=False)

    @property
    def exists(self) -> bool:
        """Whether there is one, however damaged."""
        return self.version > 0 or self.item is not None

    def decode(self) -> Ledger:
        """Return the ledger; an empty one if there is none.

        Raises:
            CorruptDocument: it cannot be read.
        """
        return decode_ledger(self.document) if self.exists else Ledger()


@dataclass(frozen=True, slots=True)
class StoredDay:
    """The ledgers of a day at one moment.

    Attributes:
        parts: one a partition, in the order of the layout's partitions.
        layout: of the day.
    """

    parts: tuple[StoredDocument, ...] = (StoredDocument(),)
    layout: Layout = _IN_ONE_PIECE

    @property
    def version(self) -> int:
        """That of the whole day, which grows with every change; 0 if there is no ledger."""
        return version_of_day(part.version for part in self.parts)

    @property
    def updated_at(self) -> str:
        """When the newest was stored, UTC, ISO 8601; empty if there is none."""
        return max(part.updated_at for part in self.parts)

    @property
    def exists(self) -> bool:
        """Whether there is a ledger, however damaged."""
        return any(part.exists for part in self.parts)

    def decode_parts(self) -> list[Ledger]:
        """Return the ledger of each partition; an empty one for a partition that has none.

        Raises:
            CorruptDocument: one of them cannot be read.
        """
        return [part.decode() for part in self.parts]

    def decode(self) -> Ledger:
        """Return the ledger of the whole day.

        Raises:
            CorruptDocument: one of its parts cannot be read.
        """
        return merge(self.decode_parts(), self.layout.shards)


def stored_ledger(item: Item | None) -> StoredDocument:
    """Read a ledger of an item; None where there is none."""
    if item is None:
        return StoredDocument()
    version, updated_at = version_of(item), text_of(item, "UpdatedAt")
    if version is None:
        return StoredDocument(updated_at=updated_at, item=item)
    return StoredDocument(version, updated_at, bytes_of(item, "Document"), item)
