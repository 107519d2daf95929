"""Dead letters of every hop, decoded into one form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from countagg.core.errors import InvalidEvent
from countagg.core.events import ObjectEvent, make_s3_message, parse_s3_message
from countagg.core.lazy_dataclass import dataclass
from countagg.core.limits import MESSAGE_KIND, TEST_KIND
from countagg.data.letters import Refusal, UnpublishedDay, parse_letter
from countagg.data.queues import HeldMessage
from countagg.operate.parallel import in_parallel

_BATCH: Final = "DDBStreamBatchInfo"
_PROCESSOR: Final = "function/processor"
_PUBLISHER: Final = "function/publisher"
_FAILED: Final = "the processor failed at every try"
_SUBSCRIPTION: Final = "subscription/uploads"
_TOPIC: Final = "TopicArn"
_ALERTS: Final = "-alerts"
_ALARM: Final = "AlarmName"
_COUNTERS: Final = "-counters"
"""At the end of the name of the table whose stream subscribers read, and none of the stack's functions."""


class LetterKind(StrEnum):
    """What a dead letter is."""

    REFUSAL = "refused file"
    EVENT = "event"
    MISSING = "upload without its object"
    BATCH = "stream batch"
    DAY = "unpublished day"
    CHANGES = "changes for a subscriber"
    ALERT = "undelivered alert"
    FOREIGN = "of another queue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StreamRange:
    """Records of a stream that a function failed on.

    Attributes:
        stream: the stream's ARN.
        shard: the shard's id.
        first: sequence number of the first record.
        last: sequence number of the last.
        records: how many there were in the batch.
        arrived: when the first and the last one came, aware UTC.
    """

    stream: str
    shard: str
    first: str
    last: str
    records: int
    arrived: tuple[datetime, datetime]

    @property
    def days(self) -> tuple[str, str]:
        """The days that the records are probably about: those of their arrival, and one before and after."""
        first, last = self.arrived
        return (first - timedelta(days=1)).date().isoformat(), (last + timedelta(days=1)).date().isoformat()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter.

    Attributes:
        message: as it was received.
        kind: what it is.
        hop: where it failed, as `status` names it; None if that is not known.
        reason: why, as far as it is known.
        bucket: where the file is; None if it is about none.
        key: the file's key; None if it is about none.
        line: line of the file that is to blame, counted from 1.
        request_id: of the invocation that failed; None if it is not known.
        is_upload: whether it tells of an object that was written.
        before: what stands in the place of a refused file, as far as it is known.
        events: what the uploads queue is to be told again, as one message; None for nothing.
        batch: the records of a stream batch.
        day: that could not be published; None if it is about none.
    """

    message: HeldMessage
    kind: LetterKind
    hop: str | None
    reason: str
    bucket: str | None = None
    key: str | None = None
    line: int | None = None
    request_id: str | None = None
    is_upload: bool = False
    before: str | None = None
    events: str | None = None
    batch: StreamRange | None = None
    day: str | None = None


def decode(message: HeldMessage, uploads: str | None = None) -> DeadLetter:
    """Decode a message. One that cannot be understood is shown as it is.

    Args:
        message: out of the dead letter queue.
        uploads: name of the queue that the processor reads; None to take any queue that SQS names for it.
    """
    source = _queue(message)
    if uploads is not None and source not in (None, uploads):
        return DeadLetter(
            message, LetterKind.FOREIGN, None, f"it comes from the queue {source}, which is not this stack's"
        )
    try:
        content = json.loads(message.body)
        letter = parse_letter(content)
        if isinstance(letter, Refusal):
            return _refusal(message, letter)
        if letter is not None:
            return _unpublished(message, letter)
        if _BATCH in content:
            return _batch(message, content)
        # A delivery that is not raw stands in an envelope of SNS.
        body = content["Message"] if content.get("Type") == "Notification" else message.body
        return _alert(message, content) or _event(message, body)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, InvalidEvent):
        return _unknown(message, "it cannot be decoded")


def _queue(message: HeldMessage) -> str | None:
    """Return the name of the queue that SQS took a message from; None if it was sent here."""
    return None if message.source is None else message.source.rpartition(":")[2]


def _asynchronous(message: HeldMessage) -> str | None:
    """Return why an asynchronous call of a function failed; None if the message is of no such call.

    Lambda alone adds these attributes: SNS adds none to what it could not deliver
    (docs/aws-facts.md#surprises).
    """
    return message.attributes.get("ErrorMessage") or message.attributes.get("ErrorCode")


def _unknown(message: HeldMessage, what: str) -> DeadLetter:
    hop, why = None, ""
    if message.source is not None:
        hop, why = _PROCESSOR, f"{_FAILED}; "
    elif failure := _asynchronous(message):
        why = f"an asynchronous call of a function failed: {failure}; "
    return DeadLetter(message, LetterKind.UNKNOWN, hop, why + what, request_id=message.attributes.get("RequestID"))


def name_missing_objects(letters: Sequence[DeadLetter], is_listed: Callable[[str], bool]) -> Iterator[DeadLetter]:
    """Tell which of the letters are uploads whose object is not in the bucket.

    The processor leaves such an upload for another try. It cannot say so in the message, which SQS takes as it is.

    Args:
        letters: any.
        is_listed: whether the bucket lists a key.
    """
    keys = {letter.key for letter in letters if letter.kind is LetterKind.EVENT and letter.is_upload}
    missing = {key for key, there in in_parallel(is_listed, sorted(filter(None, keys))) if not there}
    for letter in letters:
        if letter.kind is LetterKind.EVENT and letter.is_upload and letter.key in missing:
            reason = f"{letter.reason}; the object of this upload is not found"
            yield replace(letter, kind=LetterKind.MISSING, reason=reason)
        else:
            yield letter


def _refusal(message: HeldMessage, refused: Refusal) -> DeadLetter:
    # It is told again under the sequencer of its own event: what came later stays.
    event = ObjectEvent(
        bucket=str(refused.bucket),
        key=str(refused.key),
        sequencer=str(refused.sequencer),
        removed=False,
        time=str(refused.refused_at),
    )
    events = make_s3_message(event)
    # What the processor could not read is not to be told again.
    parse_s3_message(events)
    return DeadLetter(
        message,
        LetterKind.REFUSAL,
        _PROCESSOR,
        str(refused.reason),
        bucket=event.bucket,
        key=event.key,
        line=refused.line if isinstance(refused.line, int) else None,
        request_id=str(refused.request_id) or None,
        before=refused.before,
        events=events,
    )


def _alert(message: HeldMessage, content: Mapping[str, Any]) -> DeadLetter | None:
    """Return an alert, of a limit or an alarm, that SNS could not deliver; None if it is something else."""
    if _TOPIC in content:
        is_alert, told = str(content[_TOPIC]).endswith(_ALERTS), content.get("Subject")
    else:
        is_alert, told = content.get("kind") in {MESSAGE_KIND, TEST_KIND} or _ALARM in content, content.get(_ALARM)
    if not is_alert:
        return None
    what = told or content.get("counter") or "an alert"
    return DeadLetter(
        message, LetterKind.ALERT, "topic/alerts", f"SNS could not deliver it to a subscriber: {what}"
    )


def _event(message: HeldMessage, body: str) -> DeadLetter:
    events = parse_s3_message(body)
    if not events:
        return _unknown(message, "it names no file")
    hop, why = _SUBSCRIPTION, "SNS could not deliver it to the uploads queue"
    if message.source is not None:
        hop, why = _PROCESSOR, _FAILED
    elif failure := _asynchronous(message):
        hop, why = _PROCESSOR, f"an asynchronous call of the processor failed: {failure}"
    more = f", and {len(events) - 1} more events" if len(events) > 1 else ""
    return DeadLetter(
        message,
        LetterKind.EVENT,
        hop,
        why + more,
        bucket=events[0].bucket,
        key=events[0].key,
        request_id=message.attributes.get("RequestID"),
        is_upload=not events[0].removed,
        events=body,
    )


def _batch(message: HeldMessage, content: Mapping[str, Any]) -> DeadLetter:
    found, request = content[_BATCH], content.get("requestContext", {})
    function = str(request.get("functionArn", "")).split(":function:")[-1].split(":")[0]
    arrived = (found["approximateArrivalOfFirstRecord"], found["approximateArrivalOfLastRecord"])
    first, last = (datetime.fromisoformat(each).astimezone(UTC) for each in arrived)
    batch = StreamRange(
        stream=str(found["streamArn"]),
        shard=str(found["shardId"]),
        first=_digits(found["startSequenceNumber"]),
        last=_digits(found["endSequenceNumber"]),
        records=int(found["batchSize"]),
        arrived=(first, last),
    )
    error = content.get("responseContext", {}).get("functionError")
    is_subscribers = table_of(batch.stream).endswith(_COUNTERS)
    hop = f"consumer/{function}" if is_subscribers else f"function/{function.rpartition('-')[2]}"
    return DeadLetter(
        message,
        LetterKind.CHANGES if is_subscribers else LetterKind.BATCH,
        hop if function else None,
        f"{request.get('condition', 'failed')}{f' ({error})' if error else ''}, {batch.records} records",
        request_id=str(request.get("requestId", "")) or None,
        batch=batch,
    )


def _unpublished(message: HeldMessage, unpublished: UnpublishedDay) -> DeadLetter:
    day = date.fromisoformat(unpublished.day).isoformat()
    return DeadLetter(
        message,
        LetterKind.DAY,
        _PUBLISHER,
        f"{day} could not be published: {unpublished.reason}",
        request_id=str(unpublished.request_id) or None,
        day=day,
    )


def _digits(number: Any) -> str:  # noqa: ANN401 - JSON of any shape is checked here
    """Return a sequence number as it was written, with its leading zeros."""
    text = str(number)
    int(text)
    return text


def table_of(stream: str) -> str:
    """Return the name of the table that a stream's ARN belongs to; empty if it is none."""
    _, _, rest = stream.partition(":table/")
    return rest.partition("/stream/")[0]
