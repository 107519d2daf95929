"""Reads everything that there is of one day, hop by hop, as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import uuid4

from botocore.exceptions import ClientError

from countagg.aws.day_tables import DayTables
from countagg.aws.errors import code_of, message_of
from countagg.aws.session import Clients
from countagg.core.days import Expiry
from countagg.core.errors import AccessDenied, CountaggError, UnreadableObject
from countagg.core.names import Names
from countagg.core.object_keys import FILE_NAME_PREFIX, build_object_key
from countagg.core.published import PublishedTotals, published_key
from countagg.core.settings import FunctionSettings
from countagg.core.unreadable import describe_unreadable
from countagg.data.counters import CounterItem, CountersTable
from countagg.data.files import CounterFiles, FileObject, ListedObject
from countagg.data.published import PublishedObjects

_UNSEEN: Final = "the bucket lists it, but S3 answers 404 when it is read"
_UNSEEN_HINT: Final = "for up to 15 minutes after versioning was first enabled it may do so; try again then"


class DayReader(DayTables):
    """Reads of a deployed stack.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: Clients, settings: FunctionSettings) -> None:
        names = Names(settings.stack)
        super().__init__(clients, names, settings.layout)
        self.settings = settings
        self._files = CounterFiles(clients, settings)
        self._counters = CountersTable(clients, names.counters)
        self._published = PublishedObjects(clients, settings)
        self._readable_folders: set[str] = set()

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        """Yield the objects that may be counter files of a day, whatever their names."""
        return self._files.below(build_object_key(self.settings.prefix, day, ""))

    def listed(self, key: str) -> ListedObject | None:
        """Return an object as the bucket lists it; None if it does not (`CounterFiles.listed`)."""
        return self._files.listed(key)

    def read_object(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and ETag; None if it is not found. Too large a file has no bytes.

        Raises:
            UnreadableObject: S3 does not read it out, for a reason of the object's own.
        """
        fetched = self._fetch(key)
        return None if fetched is None else (fetched.content or b"", fetched.etag)

    def find_object(self, key: str) -> FileObject | None:
        """Return an object as it is now, also one that S3 does not read out; None if there is none."""
        try:
            return self._fetch(key)
        except UnreadableObject as error:
            listed = self.listed(key)
            if listed is None:
                return None
            return FileObject(None, listed.etag, listed.size, listed.modified_at, unreadable=error.what)

    def _fetch(self, key: str) -> FileObject | None:
        try:
            return self._files.fetch(key)
        except AccessDenied as error:
            answer = error.__cause__
            if not isinstance(answer, ClientError) or not self._may_read_beside(key):
                raise
            reason = describe_unreadable("access to it alone is denied", code_of(answer), message_of(answer))
            raise UnreadableObject(reason, where=f"object {key}") from answer

    def _may_read_beside(self, key: str) -> bool:
        """Tell whether the principal may read other files of a folder, so that a denial is about one of them.

        Of an object that is not there, S3 answers 404 only to who may read and list it
        (docs/aws-facts.md#s3-events).
        """
        folder = key.rpartition("/")[0]
        if folder not in self._readable_folders:
            try:
                self._files.fetch(f"{folder}/{FILE_NAME_PREFIX}{uuid4().hex}")
            except AccessDenied:
                return False
            self._readable_folders.add(folder)
        return True

    def expiry(self, day: str) -> Expiry:
        """Return when a day expires; by the settings if no file of it came yet."""
        return self.fixed_expiry(day, self.settings.expiry_of(day))

    def counters(self, day: str) -> Iterator[CounterItem]:
        """Yield a day's items of the counters table, by its index, which lags behind by moments."""
        return self._counters.read(day)

    def counters_exactly(self, day: str, counters: Iterable[str]) -> Iterator[CounterItem]:
        """Yield those of a day's counters that the table has, strongly consistent, in no order."""
        return self._counters.read_exactly(day, counters)

    def published(self, day: str) -> PublishedTotals:
        """Read a day's published object.

        Raises:
            CountaggError: there is one, but it is not found.
        """
        read, key = self._published.read(day, strictly=True), published_key(self.settings.output_prefix, day)
        if read == PublishedTotals() and self.listed(key) is not None:
            # It may have been written since it was asked for.
            read = self._published.read(day, strictly=True)
            if read == PublishedTotals():
                raise CountaggError(_UNSEEN, where=f"object {key}", hint=_UNSEEN_HINT)
        return read
