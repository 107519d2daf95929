"""Counter files in the bucket: as they are now, as they were, and as the bucket lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.errors import UnreadableObject
from countagg.core.lazy_dataclass import dataclass
from countagg.core.settings import FunctionSettings
from countagg.core.unreadable import is_denial_of_key, unreadable_reason
from countagg.data.calls import DataClients, code_of

_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchVersion"})


@dataclass(frozen=True, slots=True)
class FileObject:
    """An object as it is now, or a version of one.

    Attributes:
        content: its bytes; None if there are more of them than any counter file may have, or it cannot be read.
        etag: without quotes.
        size: in bytes.
        modified_at: aware UTC.
        version_id: of S3; None in a bucket that never kept versions.
        unreadable: why S3 does not read it out; None if S3 does.
    """

    content: bytes | None
    etag: str
    size: int
    modified_at: datetime
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
class ListedObject:
    """An object as a listing of the bucket shows it.

    Attributes:
        key: the object's.
        etag: without quotes.
        size: in bytes.
        modified_at: aware UTC.
    """

    key: str
    etag: str
    size: int
    modified_at: datetime


class CounterFiles:
    """The bucket of a stack.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: DataClients, settings: FunctionSettings) -> None:
        self._clients = clients
        self._bucket: Any = {"Bucket": settings.bucket, "ExpectedBucketOwner": settings.bucket_owner}

    def fetch(self, key: str, version_id: str | None = None) -> FileObject | None:
        """Read an object as it is now, or one of its versions; None if there is none.

        Needs `s3:ListBucket`: without it S3 answers 403 instead of 404 (docs/aws-facts.md#s3-events). A version
        needs `s3:GetObjectVersion`.

        Raises:
            UnreadableObject: S3 does not read it out, for a reason of the object's own.
        """
        version: Any = {} if version_id is None else {"VersionId": version_id}
        with self._clients.errors(f"object {key}"):
            try:
                answer = self._clients.s3.get_object(**self._bucket, Key=key, **version)
            except ClientError as error:
                code, text = code_of(error), self._clients.message_of(error)
                if code in _ABSENT:
                    return None
                reason = unreadable_reason(code, text)
                if reason is None:
                    raise
                denied = is_denial_of_key(code, text)
                raise UnreadableObject(reason, denied=denied, where=f"object {key}") from error
            with answer["Body"] as body:
                size = answer["ContentLength"]
                return FileObject(
                    content=body.read() if size <= MAX_FILE_BYTES else None,
                    etag=answer["ETag"].strip('"'),
                    size=size,
                    modified_at=answer["LastModified"].astimezone(UTC),
                    version_id=answer.get("VersionId"),
                )

    def versions(self, key: str) -> Iterator[ObjectVersion]:
        """Yield the versions of an object, newest first; of one in a bucket that never kept any, the only one.

        One a call: the SDK gives versions and delete markers of a page as two lists, whose order among each other
        is lost where their times, in whole seconds, are the same.
        """
        marker: Any = {}
        while True:
            page = self._clients.s3.list_object_versions(**self._bucket, Prefix=key, MaxKeys=1, **marker)
            listed = [
                (found["Key"], ObjectVersion(found["VersionId"], is_delete_marker, _etag(found)))
                for kind, is_delete_marker in (("Versions", False), ("DeleteMarkers", True))
                for found in page.get(kind, [])  # type: ignore[attr-defined]  # one of the two names
            ]
            # Keys come in order, so the key itself comes before those that begin with it.
            yield from (version for found, version in listed if found == key)
            if not page["IsTruncated"] or page["NextKeyMarker"] != key:
                return
            marker = {"KeyMarker": key, "VersionIdMarker": page["NextVersionIdMarker"]}

    def put(self, key: str, content: bytes) -> str:
        """Upload a file; return the object's ETag, without quotes."""
        with self._clients.errors(f"upload of {key}"):
            s3 = self._clients.sending(len(content)).s3
            answer = s3.put_object(**self._bucket, Key=key, Body=content, ContentType="text/plain")
        return answer["ETag"].strip('"')

    def delete(self, key: str) -> None:
        """Delete a file; nothing happens if there is none."""
        with self._clients.errors(f"removal of {key}"):
            self._clients.s3.delete_object(**self._bucket, Key=key)

    def below(self, prefix: str) -> Iterator[ListedObject]:
        """Yield the objects whose keys begin with a prefix."""
        with self._clients.errors(f"objects below {prefix}"):
            pages = self._clients.s3.get_paginator("list_objects_v2").paginate(**self._bucket, Prefix=prefix)
            for page in pages:
                yield from map(_listed, page.get("Contents", []))

    def listed(self, key: str) -> ListedObject | None:
        """Return an object as the bucket lists it; None if it does not.

        A listing is consistent, also where GET answers 404 for an object that exists.
        """
        with self._clients.errors(f"object {key}"):
            # Keys come in order, so the key itself comes before those that begin with it.
            answer = self._clients.s3.list_objects_v2(**self._bucket, Prefix=key, MaxKeys=1)
        return next((_listed(found) for found in answer.get("Contents", []) if found["Key"] == key), None)


def _etag(listed: Mapping[str, Any]) -> str | None:
    return listed["ETag"].strip('"') if "ETag" in listed else None


def _listed(found: Mapping[str, Any]) -> ListedObject:
    modified_at = found["LastModified"].astimezone(UTC)
    return ListedObject(found["Key"], found["ETag"].strip('"'), found["Size"], modified_at)
