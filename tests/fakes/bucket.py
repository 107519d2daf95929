"""An in-memory bucket with conditional writes as S3 has them (Amazon S3 User Guide, conditional writes)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Stored:
    """An object: its bytes and its metadata."""

    body: bytes
    metadata: dict[str, str] = field(default_factory=dict)
    unread: tuple[str, str] | None = None
    """The code and the text by which S3 refuses to read it out; None if it does not."""

    @property
    def etag(self) -> str:
        return f'"{etag_of(self.body)}"'


@dataclass
class FakeBucket:
    """Objects by key, behind the client's `get_object` and `put_object`.

    Attributes:
        objects: what it holds.
        calls: operation and key of each call.
        before_put: what happens just before each of the next writes.
        failing: error codes with which the next writes fail.
        denied: keys of objects that somebody's policy lets nobody write.
    """

    objects: dict[str, Stored] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    before_put: list[Callable[[], None]] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)

    def get_object(self, *, Bucket: str, Key: str, ExpectedBucketOwner: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Return an object."""
        assert Bucket
        assert ExpectedBucketOwner
        self.calls.append(("get", Key))
        found = self.objects.get(Key)
        if found is None:
            raise _error("GetObject", "NoSuchKey")
        if found.unread is not None:
            raise _error("GetObject", *found.unread)
        return {
            "Body": io.BytesIO(found.body),
            "ContentLength": len(found.body),
            "Metadata": dict(found.metadata),
            "ETag": found.etag,
        }

    def put_object(
        self,
        *,
        Key: str,  # noqa: N803 - boto3's
        Body: bytes,  # noqa: N803 - boto3's
        Metadata: dict[str, str],  # noqa: N803 - boto3's
        **others: str,
    ) -> dict[str, Any]:
        """Write an object if the condition holds."""
        self.calls.append(("put", Key))
        if self.before_put:
            self.before_put.pop(0)()
        if Key in self.denied:
            raise _error("PutObject", "AccessDenied", "Access Denied")
        if self.failing:
            raise _error("PutObject", self.failing.pop(0))
        assert ("IfMatch" in others) != ("IfNoneMatch" in others), "a write without a condition"
        found = self.objects.get(Key)
        check_write(None if found is None else found.etag, others.get("IfMatch"), others.get("IfNoneMatch"))
        self.objects[Key] = Stored(Body, Metadata)
        return {"ETag": self.objects[Key].etag}


def etag_of(content: bytes) -> str:
    """Return the ETag that S3 gives a small file, without its quotes."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def check_write(present: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Check the conditions of a write (Amazon S3 User Guide, conditional writes).

    Args:
        present: the ETag of the object that is there; None if there is none.
        if_match: the ETag that it must have; None for any.
        if_none_match: `*` for a write that must not replace an object; None for one that may.

    Raises:
        ClientError: a condition does not hold.
    """
    assert if_none_match in {None, "*"}
    if if_match is not None and present is None:
        raise _error("PutObject", "NoSuchKey", status=404)
    replaces_another = if_match is not None and present is not None and if_match.strip('"') != present.strip('"')
    if replaces_another or (if_none_match and present is not None):
        raise _error("PutObject", "PreconditionFailed", status=412)


def _error(operation: str, code: str, text: str | None = None, status: int = 400) -> ClientError:
    said = {"Code": code, "Message": code if text is None else text}
    return ClientError({"Error": said, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)  # type: ignore[typeddict-item]  # the part that is read
