"""The bucket: objects, with their versions or without, conditional writes, and an event for every change.

For some minutes after a write GET may answer 404, as if versioning had just been enabled:
docs/aws-facts.md#surprises . All else is consistent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, Final
from urllib.parse import quote_plus

from tests.events.loading import load_event
from tests.fakes.bucket import check_write, etag_of
from tests.functions.world import BUCKET
from tools.simulation.faults import Fault
from tools.simulation.invocations import Setting
from tools.simulation.timeline import MINUTE

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
    version_id: str | None = None

    def __str__(self) -> str:
        return f"{len(self.content)} bytes written, etag {self.etag}"


_CREATED_BY: Final = ("ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:CompleteMultipartUpload")
_REMOVED_BY: Final = ("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated")
_UNSEEN_SECONDS: Final = 15 * MINUTE


class Bucket:
    """One bucket.

    Args:
        setting: of the world.
        prefix: events are sent for keys below it.
        notify: takes an event's key, its sequencer and the message.
        versioned: whether it keeps the versions of its objects.

    Attributes:
        objects: what it holds.
        versions: of each key, newest first, by their ids; None for a delete marker. Empty if none are kept.
        seen_again: the end of the time in which GET answers 404, by key.
        denied_until: the end of the time in which the functions may not write an object, by key.
    """

    def __init__(
        self, setting: Setting, prefix: str, notify: Callable[[str, str, str], None], *, versioned: bool
    ) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.versions: dict[str, dict[str, StoredObject | None]] = {}
        self.seen_again: dict[str, float] = {}
        self.denied_until: dict[str, float] = {}
        self._unseen: dict[str, float] = {}
        self._setting = setting
        self._versioned = versioned
        self._timeline = setting.timeline
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
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> StoredObject:
        """Write an object.

        Raises:
            ClientError: a condition does not hold (Amazon S3 User Guide, conditional writes).
        """
        old = self.objects.get(key)
        check_write(None if old is None else old.etag, if_match, if_none_match)
        etag = etag_of(content)
        # `LastModified` has a precision of one second.
        modified = self._timeline.utc().replace(microsecond=0)
        version = self._next_version()
        self.objects[key] = made = StoredObject(
            content, etag, modified, dict(metadata or {}), content_type, version.get("versionId")
        )
        self._keep(key, version, made)
        self._hide(key)
        self._tell(_CREATED, key, {"size": len(content), "eTag": etag, **version})
        return made

    def get(self, key: str, version_id: str | None = None) -> StoredObject | None:
        """Return an object as it is or as it was; None if there is none, or if it is not seen yet."""
        if self._unseen.get(key, inf) <= self._timeline.now < self.seen_again.get(key, 0):
            return None
        return self.objects.get(key) if version_id is None else self.versions[key].get(version_id)

    def _hide(self, key: str) -> None:
        """Now and then have GET answer 404 for some minutes, from now on or soon."""
        if self._setting.faults.strikes(Fault.OBJECT_UNSEEN):
            random, now = self._setting.random, self._timeline.now
            self._unseen[key] = now + random.choice((0.0, 0.0, MINUTE)) * random.random()
            self.seen_again[key] = now + _UNSEEN_SECONDS * random.random()

    def _next_version(self) -> dict[str, str]:
        return {"versionId": f"v{self._changes + 1}"} if self._versioned else {}

    def _keep(self, key: str, version: Mapping[str, str], stored: StoredObject | None) -> None:
        if version:
            self.versions[key] = {version["versionId"]: stored, **self.versions.get(key, {})}

    def delete(self, key: str) -> None:
        """Remove an object; one that is absent makes an event too, which nothing rules out."""
        self.objects.pop(key, None)
        version = self._next_version()
        self._keep(key, version, None)
        self._tell(_REMOVED, key, version)

    def _tell(self, template: Mapping[str, Any], key: str, more: Mapping[str, object]) -> None:
        self._changes += 1
        if not key.startswith(self._prefix):
            return
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
