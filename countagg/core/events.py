"""Event documents, parsed into values: S3 events out of queue messages, links and versions out of stream records.

Shapes: docs/aws-facts.md#s3-events, docs/aws-facts.md#dynamodb. Unknown fields are ignored, as AWS asks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

from countagg.core.errors import InvalidEvent, shorten
from countagg.core.ledger import Image, Link
from countagg.core.partitions import LAYOUTS_PARTITION, Layout, Partition, parse_partition
from countagg.core.sequencer import normalise_sequencer
from countagg.core.versions import version_before_all

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
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _text(value: Any) -> str:  # noqa: ANN401 - JSON of any shape is checked here
    if not isinstance(value, str):
        raise TypeError(f"expected a string, found {type(value).__name__}")
    return value


def _partition(value: Any) -> Partition:  # noqa: ANN401 - JSON of any shape is checked here
    return parse_partition(_text(value))


def parse_snapshot_record(record: Mapping[str, Any]) -> Link | None:
    """Read a record of the snapshots table's stream, as Lambda hands it over.

    Returns:
        None for a removal: TTL clean-up never subtracts. None also for a day's record.

    Raises:
        InvalidEvent: the record lacks what a snapshot has.
    """
    if record.get("eventName") == "REMOVE":
        return None
    try:
        change = record["dynamodb"]
        keys = change["Keys"]
        partition = _text(keys["Date"]["S"])
        if partition == LAYOUTS_PARTITION:
            return None
        _partition(partition)
        old = change.get("OldImage")
        return Link(
            partition=partition,
            instance=_text(keys["Instance"]["S"]),
            old=_replaced_image(old) if old else None,
            new=_snapshot_image(change["NewImage"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidEvent(f"the stream record is not of a snapshot: {shorten(error)}") from error


def _replaced_image(image: Mapping[str, Any]) -> Image:
    """Return the image that was replaced; one that was damaged continues no chain, so that the day is rebuilt."""
    try:
        return _snapshot_image(image)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Image("", b"")


def _snapshot_image(image: Mapping[str, Any]) -> Image:
    return Image(sequencer=_text(image["Sequencer"]["S"]), packed=_binary(image["Counters"]))


@dataclass(frozen=True, slots=True)
class TotalsChange:
    """A ledger going from one version to the next, as its stream tells it.

    Attributes:
        partition: the ledger's key.
        day: YYYY-MM-DD.
        layout: of the day, of which the ledger is one partition.
        replaced: version of the document before; of the first of a partition, one that is greater than any of a
            ledger that was there before it; 0 for one that was damaged.
        version: of the new document.
        updated_at: when it was stored, UTC, ISO 8601.
        expires_at: seconds since 1970; None if it does not.
        old: the document before, encoded; None for the first of a partition, and empty, which none is, for one
            that was damaged.
        new: the document after, encoded.
    """

    partition: str
    day: str
    layout: Layout
    replaced: int
    version: int
    updated_at: str
    expires_at: int | None
    old: bytes | None
    new: bytes


def parse_totals_record(record: Mapping[str, Any]) -> TotalsChange | None:
    """Read a record of the totals table's stream, as Lambda hands it over.

    Returns:
        None for a removal.

    Raises:
        InvalidEvent: the record lacks what a ledger has.
    """
    if record.get("eventName") == "REMOVE":
        return None
    try:
        change = record["dynamodb"]
        old, new = change.get("OldImage"), change["NewImage"]
        key, version = change["Keys"]["Date"]["S"], int(new["Version"]["N"])
        partition = _partition(key)
        replaced, document = _replaced_ledger(old) if old else (version_before_all(version), None)
        return TotalsChange(
            partition=key,
            day=partition.day,
            layout=partition.layout,
            replaced=replaced,
            version=version,
            updated_at=_text(new["UpdatedAt"]["S"]),
            expires_at=int(new["ExpiresAt"]["N"]) if "ExpiresAt" in new else None,
            old=document,
            new=_binary(new["Document"]),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise InvalidEvent(f"the stream record is not of a ledger: {shorten(error)}") from error


def _replaced_ledger(image: Mapping[str, Any]) -> tuple[int, bytes]:
    """Return version and document of the ledger that was replaced; one that was damaged has neither."""
    try:
        return int(image["Version"]["N"]), _binary(image["Document"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0, b""


def _binary(attribute: Mapping[str, str]) -> bytes:
    """Return a binary attribute: base64 text in Lambda's stream events, where boto3 would give bytes."""
    return base64.b64decode(attribute["B"], validate=True)
