"""What stands where the file as it is now is refused: the newest good version before it, if versions are kept.

A good file that a bad one overwrites before it was read would never count otherwise. Versions are asked for one
by one, because S3 lists files and delete markers in order, but the SDK gives them as two lists without one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from countagg.core.errors import InvalidCounterFile, UnreadableObject
from countagg.core.events import ObjectEvent
from countagg.core.lazy_dataclass import dataclass
from countagg.data.files import CounterFiles, FileObject, ObjectVersion
from countagg.data.snapshots import NewSnapshot

MAX_VERSIONS: Final = 10
"""So many versions before a refused file are read: each takes two calls, also while every new file is refused."""


class ObjectNotFound(Exception):
    """An object that there should be is not found, and no removal of it is known: the message is left for later.

    For up to 15 minutes after versioning was first enabled, S3 may answer 404 for objects that exist
    (docs/aws-facts.md#surprises). An object that was removed has an event that says so.
    """


@dataclass(frozen=True, slots=True)
class Earlier:
    """What there is before a refused file.

    Attributes:
        snapshot: of the newest good version; None if there is none.
        told: the same for people.
    """

    snapshot: NewSnapshot | None
    told: str


@dataclass(frozen=True, slots=True)
class EarlierVersions:
    """Looks for what stands.

    Attributes:
        files: where versions are listed and read.
        has_time: tells whether there is time for another version.
        counts: tells whether the snapshot that stands is of a version.
    """

    files: CounterFiles
    has_time: Callable[[], bool]
    counts: Callable[[ObjectVersion], bool]

    def newest_good(
        self, event: ObjectEvent, refused: FileObject | None, read: Callable[[FileObject], NewSnapshot]
    ) -> Earlier:
        """Return the newest version that the rules accept, up to where the file was deleted.

        Args:
            event: under which the file was refused.
            refused: the file; None if S3 does not read it out.
            read: makes the snapshot of a file, or raises InvalidCounterFile.

        Raises:
            ObjectNotFound: a version is listed, but cannot be read yet.
        """
        seen = 0
        # Of a file that cannot be read, S3 does not tell the version: it is the newest.
        current = None if refused is None else refused.version_id or "null"
        for version in self.files.versions(event.key):
            if version.is_delete_marker:
                return Earlier(None, "the file before it was deleted")
            current = current or version.id
            if version.id == current:
                continue
            if seen == MAX_VERSIONS or not self.has_time():
                return self._own(event, read, seen)
            seen += 1
            try:
                fetched = self.files.fetch(event.key, version.id)
                if fetched is None:
                    raise ObjectNotFound(f"version {version.id} of {event.key} is listed, but not found")
                return Earlier(read(fetched), f"the newest good version before it is applied: {version.id}")
            except InvalidCounterFile:
                continue
            except UnreadableObject:
                # It was read while it could be: an older one must not take its place.
                if self.counts(version):
                    return Earlier(None, f"the version before it that was applied goes on counting: {version.id}")
        return Earlier(None, _nothing(seen, current))

    def _own(self, event: ObjectEvent, read: Callable[[FileObject], NewSnapshot], seen: int) -> Earlier:
        """Return the version that the event tells of, where too many came after it, or too little time is left.

        Each version has an event of its own, so that every good one is read under one event at least.
        """
        uploaded = None if event.removed else event.version_id
        with suppress(InvalidCounterFile, UnreadableObject):
            fetched = None if uploaded is None else self.files.fetch(event.key, uploaded)
            if fetched is not None:
                return Earlier(read(fetched), f"the version that its event tells of is applied: {uploaded}")
        read_before = f"{seen} versions before it are refused too; older ones" if seen else "versions before it"
        return Earlier(None, f"{read_before} were not read")


def _nothing(seen: int, current: str | None) -> str:
    """Tell why nothing stands, of so many versions that were read before the current one."""
    if seen:
        return "every version before it is refused too"
    if current in (None, "null"):
        return (
            "the bucket keeps no version from before it: a file that it overwrote unread does not count, and "
            "the snapshot that stands may be older"
        )
    return "there is no version before it"
