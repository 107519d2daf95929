"""Dead letters of every hop in one form, and how they are fed back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import AwsCallFailed, UsageError
from countagg.core.events import ObjectEvent, parse_s3_message
from countagg.data.letters import Refusal, UnpublishedDay
from countagg.data.queues import DeadLetterQueue, EventQueue, HeldMessage
from countagg.operate.dead_letters.dead_letters import (
    DeadLetter,
    LetterKind,
    StreamRange,
    decode,
    name_missing_objects,
    table_of,
)
from countagg.operate.dead_letters.redrive import Redriven, RedriveOutcome, Redriver, select
from tests.events.loading import load_event

KEY = "counters/2026-11-20/values_i-deadbeef"
REFUSAL = Refusal(
    "b", KEY, f"{7:032X}", "'x' is not COUNTER VALUE", 3, "etag", "request", "2026-11-20T10:00:00+00:00"
)
SNAPSHOTS = "arn:aws:dynamodb:us-east-1:123456789012:table/countagg-snapshots/stream/2026-11-19T00:00:00.000"


UPLOADS = "arn:aws:sqs:us-east-1:123456789012:countagg-uploads"
ASYNCHRONOUS = {"RequestID": "r", "ErrorCode": "200", "ErrorMessage": "Task timed out after 60.00 seconds"}
"""What Lambda adds to the dead letter of an asynchronous call."""


def message(body: Any, name: str = "m-1", source: str | None = None, **attributes: str) -> HeldMessage:
    text = body if isinstance(body, str) else json.dumps(body)
    return HeldMessage(name, f"handle {name}", text, datetime(2026, 11, 20, tzinfo=UTC), 2, attributes, source)


def event() -> dict[str, Any]:
    return load_event("s3-object-created-put")


def test_a_refusal_tells_file_reason_line_and_request() -> None:
    found = decode(message(REFUSAL.to_message()))
    assert (found.kind, found.hop) == (LetterKind.REFUSAL, "function/processor")
    assert (found.bucket, found.key, found.reason, found.line) == ("b", KEY, REFUSAL.reason, 3)
    assert found.request_id == "request"
    assert parse_s3_message(str(found.events)) == (
        ObjectEvent("b", KEY, REFUSAL.sequencer, removed=False, time=REFUSAL.refused_at),
    )


def test_a_refusal_of_a_whole_file_has_no_line() -> None:
    whole = json.loads(REFUSAL.to_message()) | {"line": None}
    assert decode(message(whole)).line is None


# A day that could not be published

UNPUBLISHED = UnpublishedDay("2026-11-20", "ClientError: Access Denied", "request", "2026-11-20T10:00:00+00:00")


def test_a_day_that_could_not_be_published_tells_day_and_reason() -> None:
    found = decode(message(UNPUBLISHED.to_message()))
    assert (found.kind, found.hop, found.day) == (LetterKind.DAY, "function/publisher", "2026-11-20")
    assert found.reason == "2026-11-20 could not be published: ClientError: Access Denied"
    assert (found.request_id, found.key, found.events, found.batch) == ("request", None, None, None)


@pytest.mark.parametrize("wrong", [{"day": "today"}, {"day": None}, {"day": "2026-02-30"}])
def test_a_letter_of_no_day_is_unknown(wrong: dict[str, Any]) -> None:
    assert decode(message(json.loads(UNPUBLISHED.to_message()) | wrong)).kind is LetterKind.UNKNOWN


# An event: which hop failed on it


def test_an_event_out_of_the_uploads_queue_is_one_that_the_processor_failed_on() -> None:
    body = json.dumps(event())
    found = decode(message(body, source=UPLOADS), "countagg-uploads")
    assert (found.kind, found.hop) == (LetterKind.EVENT, "function/processor")
    assert (found.key, found.reason) == (KEY, "the processor failed at every try")
    assert found.events == body


def test_an_upload_whose_object_is_not_found_is_told_as_such() -> None:
    removal = json.dumps(load_event("s3-object-removed-delete"))
    upload = json.dumps(event())
    letters = [
        decode(message(upload, "m-1", source=UPLOADS)),
        decode(message(upload, "m-2")),
        decode(message(removal, "m-3", source=UPLOADS)),
        decode(message(REFUSAL.to_message(), "m-4")),
    ]
    asked: list[str] = []

    def is_listed(key: str) -> bool:
        asked.append(key)
        return False

    missing, undelivered, *others = name_missing_objects(letters, is_listed)
    assert (missing.kind, missing.hop) == (LetterKind.MISSING, "function/processor")
    assert missing.reason == "the processor failed at every try; the object of this upload is not found"
    assert missing.events == upload
    assert undelivered.kind is LetterKind.MISSING
    assert others == letters[2:]
    assert asked == [KEY]
    assert list(name_missing_objects(letters, lambda _: True)) == letters


def test_an_event_that_nothing_is_added_to_is_one_that_sns_could_not_deliver() -> None:
    body = json.dumps(event())
    found = decode(message(body), "countagg-uploads")
    assert (found.kind, found.hop, found.key) == (LetterKind.EVENT, "subscription/uploads", KEY)
    assert found.reason == "SNS could not deliver it to the uploads queue"
    assert (found.events, found.request_id) == (body, None)


@pytest.mark.parametrize("told", [{}, {"ErrorMessage": ""}])
def test_an_event_with_lambda_s_attributes_is_of_an_asynchronous_call(told: dict[str, str]) -> None:
    body = json.dumps(event())
    found = decode(message(body, **ASYNCHRONOUS | told), "countagg-uploads")
    assert (found.kind, found.hop, found.request_id) == (LetterKind.EVENT, "function/processor", "r")
    failure = "200" if told else "Task timed out after 60.00 seconds"
    assert found.reason == f"an asynchronous call of the processor failed: {failure}"
    assert found.events == body


def test_sqs_knows_better_than_the_attributes_of_a_message() -> None:
    found = decode(message(event(), source=UPLOADS, **ASYNCHRONOUS), "countagg-uploads")
    assert (found.hop, found.reason) == ("function/processor", "the processor failed at every try")


def test_what_comes_from_a_queue_of_others_is_not_fed_to_the_processor() -> None:
    found = decode(message(event(), source=UPLOADS.replace("countagg-uploads", "orders")), "countagg-uploads")
    assert (found.kind, found.hop, found.events, found.key) == (LetterKind.FOREIGN, None, None, None)
    assert found.reason == "it comes from the queue orders, which is not this stack's"
    queues = FakeQueues()
    (done,) = queues.redrive(found)
    assert (done.outcome, done.note) == (
        RedriveOutcome.LEFT,
        f"{found.reason}; send it back there, then `purge` it",
    )
    assert (queues.sent, queues.deleted) == ([], [])


@pytest.mark.parametrize(
    ("body", "what"), [("garbage", "it cannot be decoded"), ('{"Event": "s3:TestEvent"}', "it names no file")]
)
def test_what_is_no_event_is_told_with_the_hop_that_failed_on_it(body: str, what: str) -> None:
    failed, called = decode(message(body, source=UPLOADS)), decode(message(body, **ASYNCHRONOUS))
    assert (failed.kind, failed.hop) == (LetterKind.UNKNOWN, "function/processor")
    assert failed.reason == f"the processor failed at every try; {what}"
    assert (called.kind, called.hop, called.request_id) == (LetterKind.UNKNOWN, None, "r")
    assert called.reason == f"an asynchronous call of a function failed: {ASYNCHRONOUS['ErrorMessage']}; {what}"


def test_a_delivery_in_an_envelope_is_taken_out_of_it() -> None:
    body = json.dumps(event())
    found = decode(message({"Type": "Notification", "MessageId": "x", "Message": body}))
    assert (found.kind, found.hop, found.key, found.events) == (
        LetterKind.EVENT,
        "subscription/uploads",
        KEY,
        body,
    )


def test_several_events_of_a_message_are_counted() -> None:
    both = event()
    both["Records"] *= 3
    assert decode(message(both, source=UPLOADS)).reason == "the processor failed at every try, and 2 more events"


def test_a_stream_batch_tells_where_its_records_are() -> None:
    found = decode(message(load_event("stream-batch-failed")))
    assert (found.kind, found.hop) == (LetterKind.BATCH, "function/aggregator")
    assert found.reason == "RetryAttemptsExhausted (Unhandled), 17 records"
    assert found.request_id == "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81"
    assert found.events is None
    assert found.batch == StreamRange(
        stream=SNAPSHOTS,
        shard="shardId-00000001573689847184-864758bb",
        first="800000000003126276362",
        last="800000000003126276462",
        records=17,
        arrived=(
            datetime(2026, 11, 20, 10, 38, 37, tzinfo=UTC),
            datetime(2026, 11, 20, 23, 59, 37, tzinfo=UTC),
        ),
    )
    assert found.batch.days == ("2026-11-19", "2026-11-21")


def batch_of_a_subscriber() -> dict[str, Any]:
    batch = load_event("stream-batch-failed")
    batch["DDBStreamBatchInfo"]["streamArn"] = SNAPSHOTS.replace("-snapshots", "-counters")
    batch["requestContext"]["functionArn"] = "arn:aws:lambda:us-east-1:123456789012:function:my-aggregator:live"
    return batch


def test_changes_that_a_subscriber_failed_on_are_told_from_the_stack_s_own_batches() -> None:
    found = decode(message(batch_of_a_subscriber()))
    assert (found.kind, found.hop) == (LetterKind.CHANGES, "consumer/my-aggregator")
    assert found.reason == "RetryAttemptsExhausted (Unhandled), 17 records"


ALERTS = "arn:aws:sns:us-east-1:123456789012:countagg-alerts"
ENVELOPE = {"Type": "Notification", "TopicArn": ALERTS, "Subject": "Limit passed: A", "Message": "{}"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (ENVELOPE, "Limit passed: A"),
        ({"kind": "limit-passed", "counter": "A"}, "A"),
        ({"kind": "limit-test", "counter": "A"}, "A"),
        ({"AlarmName": "countagg-publisher-errors", "NewStateValue": "ALARM"}, "countagg-publisher-errors"),
    ],
)
def test_an_alert_that_could_not_be_delivered_is_told_as_that(body: dict[str, Any], told: str) -> None:
    found = decode(message(body))
    assert (found.kind, found.hop) == (LetterKind.ALERT, "topic/alerts")
    assert found.reason == f"SNS could not deliver it to a subscriber: {told}"


def test_what_is_of_subscribers_is_left_and_no_day_is_rebuilt() -> None:
    queues = FakeQueues()
    changes, alert = queues.redrive(decode(message(batch_of_a_subscriber())), decode(message(ENVELOPE)))
    assert (changes.outcome, alert.outcome) == (RedriveOutcome.LEFT, RedriveOutcome.LEFT)
    assert "have it read the totals" in str(changes.note)
    assert "not sent again" in str(alert.note)
    assert (queues.log, queues.rebuilt, queues.deleted) == ([], [], [])


def test_sequence_numbers_keep_their_leading_zeros() -> None:
    padded = load_event("stream-batch-failed")
    padded["DDBStreamBatchInfo"]["startSequenceNumber"] = "000000000000000000017"
    found = decode(message(padded)).batch
    assert found is not None
    assert found.first == "000000000000000000017"
    padded["DDBStreamBatchInfo"]["startSequenceNumber"] = "x"
    assert decode(message(padded)).kind is LetterKind.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        "garbage",
        "[1]",
        "7",
        "{}",
        '{"kind": "refused-file"}',
        '{"DDBStreamBatchInfo": {}}',
        '{"Records": [{}]}',
        '{"Type": "Notification"}',
        '{"Event": "s3:TestEvent"}',
        "[" * 100_000,
    ],
)
def test_what_cannot_be_decoded_is_kept_as_it_is(body: str) -> None:
    found = decode(message(body))
    assert found.kind is LetterKind.UNKNOWN
    assert {found.hop, found.key, found.events, found.batch} == {None}
    assert found.message.body == body


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_no_message_at_all_breaks_it(body: Any) -> None:
    assert decode(message(body)).kind is LetterKind.UNKNOWN


def test_the_table_of_a_stream() -> None:
    assert table_of(SNAPSHOTS) == "countagg-snapshots"
    assert table_of("arn:aws:sqs:us-east-1:1:x") == ""


# Choosing


def test_letters_are_chosen_by_how_their_ids_begin() -> None:
    letters = [decode(message("x", name)) for name in ("aaaa-1", "aaaa-2", "bbbb-1")]
    assert select(letters, []) == letters
    assert select(letters, ["bbbb", "aaaa-2", "bbbb-1"]) == [letters[2], letters[1]]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("aaaa", "'aaaa' is too short: the ids of 2 dead letters begin with it"),
        ("bbb", "'bbb' is too short$"),
        ("cccc", "no dead letter has an id that begins with 'cccc'"),
        ("c", "no dead letter has an id that begins with 'c'"),
    ],
)
def test_an_id_that_names_no_single_letter_is_refused(wanted: str, told: str) -> None:
    letters = [decode(message("x", name)) for name in ("aaaa-1", "aaaa-2", "bbbb-1")]
    with pytest.raises(UsageError, match=told):
        select(letters, [wanted])


# Feeding back


@dataclass
class FakeLetters(DeadLetterQueue):
    """Remembers what is deleted."""

    deleted: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def delete(self, messages: Sequence[HeldMessage]) -> list[HeldMessage]:
        self.log.append(f"delete {len(messages)}")
        self.deleted += [each.id for each in messages]
        return list(messages)


@dataclass
class FakeQueues(EventQueue):
    """Both queues, and the days that are rebuilt."""

    letters: FakeLetters = field(default_factory=FakeLetters)
    sent: list[str] = field(default_factory=list)
    rebuilt: list[tuple[str, str]] = field(default_factory=list)
    refusing: str = ""
    dates: set[str] | None = field(default_factory=lambda: {"2026-11-20", "2026-11-19"})
    objection: str | None = None

    @property
    def deleted(self) -> list[str]:
        return self.letters.deleted

    @property
    def log(self) -> list[str]:
        return self.letters.log

    def send(self, bodies: Sequence[str]) -> Iterator[list[bool]]:
        for start in range(0, len(bodies), 10):
            part = bodies[start : start + 10]
            taken = [not self.refusing or self.refusing not in body for body in part]
            self.sent += [body for body, is_taken in zip(part, taken, strict=True) if is_taken]
            self.log.append(f"send {len(part)}")
            yield taken

    def publish(self, day: str) -> str | None:
        self.log.append(f"publish {day}")
        return self.objection

    def rebuild(self, stream: str, day: str) -> str | None:
        self.rebuilt.append((stream, day))
        return self.objection

    def redrive(self, *letters: DeadLetter) -> list[Redriven]:
        return list(self.redriver(lambda _: self.dates).redrive(letters))

    def redriver(self, dates_of: Callable[[StreamRange], set[str] | None]) -> Redriver:
        return Redriver(self.letters, self, dates_of=dates_of, rebuild=self.rebuild, publish=self.publish)


def refusals(count: int) -> list[DeadLetter]:
    found = []
    for number in range(count):
        body = json.loads(REFUSAL.to_message()) | {"key": f"counters/2026-11-20/values_i-{number}-"}
        found.append(decode(message(body, f"m-{number}")))
    return found


def test_events_are_sent_and_then_deleted_part_by_part() -> None:
    queues, letters = FakeQueues(), refusals(23)
    done = queues.redrive(*letters)
    assert [(each.letter, each.outcome) for each in done] == [(letter, RedriveOutcome.SENT) for letter in letters]
    assert queues.sent == [letter.events for letter in letters]
    assert queues.deleted == [letter.message.id for letter in letters]
    assert queues.log == ["send 10", "delete 10", "send 10", "delete 10", "send 3", "delete 3"]


def test_what_the_queue_does_not_take_stays() -> None:
    queues = FakeQueues(refusing="values_i-1-")
    done = queues.redrive(*refusals(3))
    assert [each.outcome for each in done] == [RedriveOutcome.SENT, RedriveOutcome.LEFT, RedriveOutcome.SENT]
    assert queues.deleted == ["m-0", "m-2"]


def test_an_interruption_loses_nothing() -> None:
    queues, letters = FakeQueues(), refusals(23)
    redriving = queues.redriver(lambda _: None).redrive(letters)
    for _ in range(12):
        next(redriving)
    assert len(queues.sent) == len(queues.deleted) == 20


def test_the_days_of_a_stream_batch_are_rebuilt() -> None:
    queues, letter = FakeQueues(), decode(message(load_event("stream-batch-failed")))
    assert queues.redrive(letter) == [Redriven(letter, RedriveOutcome.REBUILT, "2026-11-19, 2026-11-20")]
    assert queues.rebuilt == [(SNAPSHOTS, "2026-11-19"), (SNAPSHOTS, "2026-11-20")]
    assert queues.deleted == ["m-1"]


def test_a_day_that_could_not_be_published_is_published_once_for_all_its_letters() -> None:
    queues = FakeQueues()
    other = replace(UNPUBLISHED, day="2026-11-19")
    bodies = [each.to_message() for each in (UNPUBLISHED, other) * 2]
    letters = [decode(message(body, f"m-{number}")) for number, body in enumerate(bodies)]
    done = queues.redrive(*letters)
    assert [each.outcome for each in done] == [RedriveOutcome.PUBLISHED] * 4
    assert [each for each in queues.log if "publish" in each] == ["publish 2026-11-20", "publish 2026-11-19"]
    assert queues.deleted == ["m-0", "m-1", "m-2", "m-3"]


def test_a_day_that_still_cannot_be_published_stays() -> None:
    queues = FakeQueues(objection="denied")
    (done,) = queues.redrive(decode(message(UNPUBLISHED.to_message())))
    assert (done.outcome, done.note, queues.deleted) == (RedriveOutcome.LEFT, "denied", [])


def test_a_stream_batch_whose_records_are_gone_points_to_repair() -> None:
    queues, letter = FakeQueues(dates=None), decode(message(load_event("stream-batch-failed")))
    (done,) = queues.redrive(letter)
    assert done.outcome is RedriveOutcome.LEFT
    assert "`repair --since 2026-11-19 --until 2026-11-21`" in str(done.note)
    assert queues.deleted == []


def test_a_stream_batch_whose_day_cannot_be_rebuilt_stays() -> None:
    queues = FakeQueues(objection="too old")
    (done,) = queues.redrive(decode(message(load_event("stream-batch-failed"))))
    assert (done.outcome, done.note) == (RedriveOutcome.LEFT, "too old; too old")
    assert queues.deleted == []


def test_a_stream_batch_that_cannot_be_read_keeps_no_other_from_being_fed_back() -> None:
    queues = FakeQueues()

    def unreadable(_batch: StreamRange) -> set[str] | None:
        raise AwsCallFailed("no such shard", where="stream s")

    letters = [decode(message(load_event("stream-batch-failed"), "m-9")), *refusals(1)]
    done = list(queues.redriver(unreadable).redrive(letters))
    assert [(each.outcome, each.note) for each in done] == [
        (RedriveOutcome.LEFT, "stream s: no such shard"),
        (RedriveOutcome.SENT, None),
    ]
    assert queues.deleted == ["m-0"]


def test_what_cannot_be_decoded_stays() -> None:
    queues = FakeQueues()
    (done,) = queues.redrive(decode(message("garbage")))
    assert done.outcome is RedriveOutcome.LEFT
    assert (queues.sent, queues.deleted) == ([], [])
