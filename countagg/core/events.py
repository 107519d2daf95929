"""Events of S3 out of queue messages.

Shapes: docs/aws-facts.md#s3-events. Unknown fields are ignored, as AWS asks.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

from countagg.core.errors import InvalidEvent, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.sequencer import normalise_sequencer

_SOURCE: Final = "aws:s3"
_REMOVED: Final = "ObjectRemoved:"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One S3 event.

    Attributes:
        bucket: the bucket's name.
        key: the object's key, URL-decoded.
        sequencer: normalised.
        removed: whether the event tells of a removal; the object may exist again by now.
        time: when it happened, UTC, ISO 8601.
        version_id: of the version that it tells of; None where the bucket keeps none, or that is not known.
    """

    bucket: str
    key: str
    sequencer: str
    removed: bool
    time: str
    version_id: str | None = None

    @property
    def date(self) -> date:
        """When it happened, by the day (UTC)."""
        return _moment(self.time).date()


def parse_s3_message(body: str) -> tuple[ObjectEvent, ...]:
    """Read a message as S3 publishes it and SNS delivers it raw.

    Returns:
        Its events; none for an `s3:TestEvent`, which has no `Records`.

    Raises:
        InvalidEvent: it is not an S3 event message of a version we know.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent("the message is not JSON", hint="the queue takes S3 events only") from error
    if not isinstance(message, dict):
        raise InvalidEvent("the message is not a JSON object", hint="the queue takes S3 events only")
    if message.get("Event") == "s3:TestEvent":
        return ()
    records = message.get("Records")
    if not isinstance(records, list):
        raise InvalidEvent("the message has no Records", hint="the queue takes S3 events only")
    return tuple(_object_event(record) for record in records)


def make_s3_message(event: ObjectEvent) -> str:
    """Return the message by which S3 would tell of an event."""
    name = f"{_REMOVED}Delete" if event.removed else "ObjectCreated:Put"
    entity = {
        "s3SchemaVersion": "1.0",
        "bucket": {"name": event.bucket},
        "object": {"key": quote_plus(event.key, safe="/"), "sequencer": event.sequencer},
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": _SOURCE,
        "eventTime": event.time,
        "eventName": name,
        "s3": entity,
    }
    return json.dumps({"Records": [record]})


def _object_event(record: Any) -> ObjectEvent:  # noqa: ANN401 - JSON of any shape is checked here
    try:
        source, version = record["eventSource"], record["eventVersion"]
        if source != _SOURCE or version.split(".")[0] != "2":
            raise InvalidEvent(f"unknown event source {shorten(source)}, version {shorten(version)}")
        entity = record["s3"]
        return ObjectEvent(
            bucket=_text(entity["bucket"]["name"]),
            # Form-encoded: a space comes as "+".
            key=unquote_plus(_text(entity["object"]["key"]), errors="strict"),
            sequencer=normalise_sequencer(_text(entity["object"]["sequencer"])),
            removed=_text(record["eventName"]).startswith(_REMOVED),
            time=_time(record["eventTime"]),
            version_id=_text(entity["object"]["versionId"]) if entity["object"].get("versionId") else None,
        )
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        raise InvalidEvent(f"the S3 event cannot be read: {shorten(error)}") from error


def _time(value: Any) -> str:  # noqa: ANN401 - JSON of any shape is checked here
    text = _text(value)
    _moment(text)
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(value: Any) -> str:  # noqa: ANN401 - JSON of any shape is checked here
    if not isinstance(value, str):
        raise TypeError(f"expected a string, found {type(value).__name__}")
    return value
