"""The published objects in S3: written only in place of the object that was read (`core.published`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.core.ledger import MAX_DOCUMENT_BYTES
from countagg.core.published import (
    CONTENT_TYPE,
    VERSION_KEY,
    PublishedTotals,
    parse_published,
    published_key,
    published_metadata,
    read_strictly,
    render_published,
    unread_published,
)
from countagg.core.settings import FunctionSettings
from countagg.data.calls import DataClients, code_of, wrote

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_ABSENT: Final = "NoSuchKey"
_UNREADABLE: Final = b"\xff"

_CHANGED_MEANWHILE: Final = frozenset(
    {
        "PreconditionFailed",  # another object is there, or there is one by now
        "ConditionalRequestConflict",  # another write is under way
        "NoSuchKey",  # the object that was to be replaced is gone
    }
)


class PublishedObjects:
    """The objects `OUTPUT_PREFIX/YYYY-MM-DD` of a stack.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: DataClients, settings: FunctionSettings) -> None:
        self._clients = clients
        self._settings = settings

    def read(self, day: str, *, by_publisher: bool = False, strictly: bool = False) -> PublishedTotals:
        """Read a day's object; version 0 if there is none.

        Needs `s3:ListBucket`: without it S3 answers 403 instead of 404 (docs/aws-facts.md#s3-events).

        Args:
            day: YYYY-MM-DD.
            by_publisher: who asks (`unread_published`).
            strictly: whether to find out what the publisher would have written otherwise (`read_strictly`).
        """
        with self._clients.errors(self._where(day)):
            answer = self._get(day, by_publisher=by_publisher)
            if isinstance(answer, PublishedTotals):
                return answer
            content, metadata, etag = _content(answer), answer["Metadata"], answer["ETag"]
        if strictly:
            return read_strictly(content, metadata, answer.get("ContentType", ""), etag, self._settings.stack)
        return parse_published(content, metadata, etag, self._settings.stack)

    def read_version(self, day: str) -> tuple[PublishedTotals, datetime | None]:
        """Read of a day's object only its version, and when it was written, aware UTC; None if there is none."""
        with self._clients.errors(self._where(day)):
            answer = self._get(day)
            if isinstance(answer, PublishedTotals):
                return answer, None
            # Whose it is, the content tells if the metadata do not.
            content = b"" if VERSION_KEY in answer["Metadata"] else _content(answer)
        published = parse_published(content, answer["Metadata"], answer["ETag"], self._settings.stack)
        return published, answer["LastModified"].astimezone(UTC)

    def _get(self, day: str, *, by_publisher: bool = False) -> GetObjectOutputTypeDef | PublishedTotals:
        """Ask for a day's object; return what is known of it instead where there is none, or none that is read."""
        try:
            return self._clients.s3.get_object(**self._address(day))
        except ClientError as error:
            code = code_of(error)
            if code == _ABSENT:
                return PublishedTotals()
            unread = unread_published(code, self._clients.message_of(error), by_publisher=by_publisher)
            if unread is None:
                raise
            return unread

    def write(self, day: str, version: int, updated_at: str, totals: Mapping[str, int], replaced: str) -> str:
        """Write a day's object in place of the one that was read.

        That it is not somebody else's, the caller has seen (`PublishedTotals.foreign`).

        Args:
            day: YYYY-MM-DD.
            version: of the ledger that the totals come from.
            updated_at: when that version was stored.
            totals: counter -> sum in units of 10^-9.
            replaced: ETag of the object that was read; empty if there was none.

        Returns:
            The new object's ETag; empty if another object is there by now, and nothing was written.
        """
        condition: Any = {"IfMatch": replaced} if replaced else {"IfNoneMatch": "*"}
        body, etag = render_published(totals, version), ""

        def put() -> None:
            nonlocal etag
            etag = self._clients.sending(len(body)).s3.put_object(
                **self._address(day),
                **condition,
                Body=body,
                ContentType=CONTENT_TYPE,
                Metadata=published_metadata(self._settings.stack, version, updated_at),
            )["ETag"]

        wrote(self._clients, self._where(day), put, _CHANGED_MEANWHILE)
        return etag

    def _where(self, day: str) -> str:
        return f"object {published_key(self._settings.output_prefix, day)}"

    def _address(self, day: str) -> Any:  # noqa: ANN401 - parameters of boto3
        return {
            "Bucket": self._settings.bucket,
            "Key": published_key(self._settings.output_prefix, day),
            "ExpectedBucketOwner": self._settings.bucket_owner,
        }


def _content(answer: GetObjectOutputTypeDef) -> bytes:
    with answer["Body"] as body:
        # One that is larger than any of ours is somebody else's: like one that has not the form of totals.
        return body.read() if answer["ContentLength"] <= MAX_DOCUMENT_BYTES else _UNREADABLE
