"""The bucket: strongly consistent objects, conditional writes, and an event for every change below the prefix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus

from botocore.exceptions import ClientError

from tests.events.loading import load_event
from tests.functions.world import BUCKET
from tests.simulation.timeline import Timeline

_CREATED: Final = load_event("s3-object-created-put")["Records"][0]
_REMOVED: Final = load_event("s3-object-removed-delete")["Records"][0]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it is."""

    content: bytes
    etag: str
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""

    def __str__(self) -> str:
        return f"{len(self.content)} bytes written, etag {self.etag}"


_CREATED_BY: Final = ("ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:CompleteMultipartUpload")
_REMOVED_BY: Final = ("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated")


class Bucket:
    """One bucket without versioning.

    Args:
        timeline: when things happen.
        prefix: events are sent for keys below it.
        notify: takes an event's key, its sequencer and the message.

    Attributes:
        objects: what it holds.
    """

    def __init__(self, timeline: Timeline, prefix: str, notify: Callable[[str, str, str], None]) -> None:
        self.objects: dict[str, StoredObject] = {}
        self._timeline = timeline
        self._prefix = prefix
        self._notify = notify
        self._changes = 0

    def put(
        self,
        key: str,
        content: bytes,
        *,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "",
        if_match: str = "",
        if_none_match: str = "",
    ) -> StoredObject:
        """Write an object.

        Raises:
            ClientError: a condition does not hold (Amazon S3 User Guide, conditional writes).
        """
        old = self.objects.get(key)
        if if_match and old is None:
            raise _refused("NoSuchKey", 404)
        if (if_match and old and old.etag != if_match.strip('"')) or (if_none_match and old):
            raise _refused("PreconditionFailed", 412)
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        # `LastModified` has a precision of one second.
        modified = self._timeline.utc().replace(microsecond=0)
        self.objects[key] = made = StoredObject(content, etag, modified, dict(metadata or {}), content_type)
        self._tell(_CREATED, key, {"size": len(content), "eTag": etag})
        return made

    def delete(self, key: str) -> None:
        """Remove an object; one that is absent makes an event too, which nothing rules out."""
        self.objects.pop(key, None)
        self._tell(_REMOVED, key, {})

    def _tell(self, template: Mapping[str, Any], key: str, more: Mapping[str, object]) -> None:
        if not key.startswith(self._prefix):
            return
        self._changes += 1
        now = self._timeline.utc()
        # The observed layout: 00, the time in seconds, eight digits more; equal lengths compare as strings.
        sequencer = f"00{int(self._timeline.now):08X}{self._changes:08X}"
        entity = {"key": quote_plus(key, safe="/"), "sequencer": sequencer, **more}
        record = dict(template)
        kinds = _REMOVED_BY if template is _REMOVED else _CREATED_BY
        record["eventName"] = kinds[self._changes % len(kinds)]
        record["eventTime"] = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        record["s3"] = template["s3"] | {"bucket": template["s3"]["bucket"] | {"name": BUCKET}, "object": entity}
        self._notify(key, sequencer, json.dumps({"Records": [record]}))


def _refused(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # the part that is read
        "PutObject",
    )
