"""The published objects in S3: written forward in versions only, on the condition of what was read.

An object of somebody else's is never written. As it cannot be the publisher's memory, the memory is here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.core.ledger import MAX_DOCUMENT_BYTES
from countagg.core.published import (
    CONTENT_TYPE,
    PublishedTotals,
    parse_published,
    published_key,
    published_metadata,
    render_published,
    unread_published,
)
from countagg.core.settings import FunctionSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

_STAND_INS: Final = 3
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
        settings: of the stack.
        s3: the client to use.
    """

    def __init__(self, settings: FunctionSettings, s3: S3Client) -> None:
        self._settings = settings
        self._s3 = s3
        self._stand_ins: dict[str, PublishedTotals] = {}

    def read(self, day: str) -> PublishedTotals:
        """Read a day's object; version 0 if there is none.

        In place of a foreign one, and of one that S3 refuses to read out, what would be there (`stand_in`), with
        the reason why it is not; version 0 if that is not known.

        Needs `s3:ListBucket`: without it S3 answers 403 instead of 404 (docs/aws-facts.md#s3-events).
        """
        found = self._find(day)
        if found.foreign is not None:
            return replace(self._stand_ins.get(day, PublishedTotals()), etag=found.etag, foreign=found.foreign)
        self._stand_ins.pop(day, None)
        return found

    def _find(self, day: str) -> PublishedTotals:
        try:
            answer = self._s3.get_object(**self._address(day))
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] == "NoSuchKey":
                return PublishedTotals()
            unread = unread_published(said["Code"], said.get("Message") or "", by_publisher=True)
            if unread is None:
                raise
            return unread
        with answer["Body"] as body:
            # One that is larger than any of ours is somebody else's: like one that has not the form of totals.
            content = body.read() if answer["ContentLength"] <= MAX_DOCUMENT_BYTES else _UNREADABLE
            return parse_published(content, answer["Metadata"], answer["ETag"], self._settings.stack)

    def stand_in(self, day: str, version: int, totals: Mapping[str, int]) -> bool:
        """Remember what a day's object would say, were it not foreign; return whether that is new of the day.

        Args:
            day: YYYY-MM-DD.
            version: of the ledger that the totals come from.
            totals: counter -> sum in units of 10^-9.
        """
        known = self._stand_ins.pop(day, None)
        while len(self._stand_ins) >= _STAND_INS:
            self._stand_ins.pop(next(iter(self._stand_ins)))
        self._stand_ins[day] = PublishedTotals(version, totals=totals)
        return known is None

    def write(self, day: str, version: int, updated_at: str, totals: Mapping[str, int], replaced: str) -> str:
        """Write a day's object in place of the one that was read.

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
        try:
            answer = self._s3.put_object(
                **self._address(day),
                **condition,
                Body=render_published(totals, version),
                ContentType=CONTENT_TYPE,
                Metadata=published_metadata(self._settings.stack, version, updated_at),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _CHANGED_MEANWHILE:
                return ""
            raise
        return answer["ETag"]

    def _address(self, day: str) -> Any:  # noqa: ANN401 - parameters of boto3
        return {
            "Bucket": self._settings.bucket,
            "Key": published_key(self._settings.output_prefix, day),
            "ExpectedBucketOwner": self._settings.bucket_owner,
        }
