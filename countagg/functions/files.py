"""Counter files as the processor meets them: an object that was read, its versions, and which of them counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """An object as it is now.

    Attributes:
        content: its bytes; None if there are more of them than any counter file may have, or it cannot be read.
        size: in bytes.
        etag: without quotes.
        modified_at: UTC, ISO 8601.
        version_id: of S3; None in a bucket that never kept versions.
        unreadable: why S3 does not read it out, and then nothing else is known of it; None if S3 does.
    """

    content: bytes | None
    size: int
    etag: str
    modified_at: str
    version_id: str | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A version of an object as the bucket lists it.

    Attributes:
        id: of S3; `null` of one that was written without versioning.
        is_delete_marker: whether it is one.
        etag: without quotes; None of a delete marker.
    """

    id: str
    is_delete_marker: bool
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """What a snapshot is of: the event's sequencer, and the object's ETag, which is None after a withdrawal."""

    sequencer: str
    etag: str | None
