"""The processor on moto. Cases stand in a batch between two good files, which must be applied all the same."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import replace
from typing import Any, Self

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.days import expiry_epoch_seconds
from countagg.core.object_keys import SKIPPED
from countagg.core.partitions import Layout
from countagg.core.values import SCALE
from countagg.data.store import Store
from countagg.functions import processor
from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS
from tests.events.loading import load_body
from tests.functions.world import ACCOUNT, DAY, REQUEST_ID, Context, World, emitted_metrics, overridden, sqs_record
from tests.gzipped import gzipped

GOOD = b"REQUESTS 12\nERRORS 0.5\n"
COUNTERS = {"REQUESTS": 12 * SCALE, "ERRORS": SCALE // 2}


def test_a_file_becomes_the_snapshot_of_its_instance(world: World) -> None:
    key = world.put("i-1", GOOD)
    world.process_between_good_ones(world.created(key, "00674760B1AB"))
    item = world.snapshot_item("i-1")
    assert item is not None
    head = world.clients.s3.head_object(Bucket=world.settings.bucket, Key=key)
    assert zlib.decompress(item.pop("Counters")["B"]) == b"ERRORS 0.5\nREQUESTS 12\n"
    assert item == {
        "Date": {"S": DAY},
        "Instance": {"S": "i-1"},
        "Sequencer": {"S": "00674760B1AB" + "0" * 20},
        "ContentSequencer": {"S": "00674760B1AB" + "0" * 20},
        "Change": {"S": "counters"},
        "ETag": {"S": head["ETag"].strip('"')},
        "Key": {"S": key},
        "UploadedAt": {"S": head["LastModified"].isoformat()},
        "ExpiresAt": {"N": str(expiry_epoch_seconds(DAY, 35))},
    }
    assert world.refusals() == []


def test_a_file_replaces_the_one_before_whole(world: World) -> None:
    key = world.put("i-1", GOOD)
    world.process(world.created(key))
    world.put("i-1", b"REQUESTS 13\n")
    world.process_between_good_ones(world.created(key))
    assert world.counters_of("i-1") == {"REQUESTS": 13 * SCALE}


def test_a_gzipd_file_is_known_by_its_content(world: World) -> None:
    """Whatever the object says of it: of the usual `aws s3 cp` nothing."""
    key = world.put("i-1", gzipped(GOOD))
    world.process_between_good_ones(world.created(key))
    assert world.counters_of("i-1") == COUNTERS
    world.clients.s3.put_object(
        Bucket=world.settings.bucket, Key=key, Body=gzipped(b"A 1\n"), ContentEncoding="gzip"
    )
    world.process(world.created(key, "00674760C0"))
    assert world.counters_of("i-1") == {"A": SCALE}
    world.clients.s3.put_object(Bucket=world.settings.bucket, Key=key, Body=b"A 2\n", ContentEncoding="gzip")
    world.process(world.created(key, "00674760C1"))
    assert world.counters_of("i-1") == {"A": 2 * SCALE}


def test_the_bucket_must_belong_to_the_account(world: World) -> None:
    world.process(world.created(world.put("i-1", GOOD)))
    assert [call["ExpectedBucketOwner"] for call in world.calls.of("GetObject")] == [ACCOUNT]


MALFORMED = [
    (b"a 1\nb\n", "'b' is not COUNTER VALUE", 2),
    (b"a 1\n\nb 1 2\n", "'b 1 2' is not COUNTER VALUE: a line has no third word, such as a unit or a time", 3),
    (b"a 1\na 2\n", "the counter 'a' is repeated", 2),
    (b"a one\n", "value 'one' is not a decimal number", 1),
    (b"a 1\nb NaN\n", "value 'NaN' is not a decimal number", 2),
    (b"a 1\nb 0.0000000001\n", "value '0.0000000001' has more than 9 decimals", 2),
    (b"a 9" + b"0" * 24, f"value '9{'0' * 23}...' is out of range: at most 24 digits before the point", 1),
    (b"a 1\r\n\xff 2\r\n", "the line is not UTF-8", 2),
    (b"n" * 256 + b" 1\n", f"the name '{'n' * 40}...' has more than 255 bytes", 1),
    # A failed command in a pipe leaves an empty file: the instance must not be withdrawn by it.
    (
        b"",
        "the file has no counter; to withdraw an instance, delete its object: `countagg upload --withdraw`",
        None,
    ),
    (
        gzipped(b""),
        "the file has no counter; to withdraw an instance, delete its object: `countagg upload --withdraw`",
        None,
    ),
    (gzipped(GOOD)[:-4], "the gzip'd file is cut short", None),
    (
        gzipped(b"a 1\n" + b" " * MAX_FILE_BYTES),
        f"decompressed, the file has more bytes than are read: at most {MAX_FILE_BYTES}",
        None,
    ),
]


@pytest.mark.parametrize(("content", "reason", "line"), MALFORMED)
def test_a_malformed_file_is_refused_and_the_one_before_stands(
    world: World, content: bytes, reason: str, line: int | None
) -> None:
    key = world.put("i-1", GOOD)
    world.process(world.created(key))
    world.put("i-1", content)
    world.process_between_good_ones(world.created(key, "00674760C0"))
    assert world.counters_of("i-1") == COUNTERS
    etag = world.clients.s3.head_object(Bucket=world.settings.bucket, Key=key)["ETag"].strip('"')
    assert world.refusals() == [
        {
            "schema": 1,
            "kind": "refused-file",
            "hop": "processor",
            "bucket": "fleet-counters",
            "key": key,
            "sequencer": "00674760C0" + "0" * 22,
            "reason": reason,
            "line": line,
            "etag": etag,
            "request_id": REQUEST_ID,
            "refused_at": "2026-11-20T12:00:00+00:00",
            "before": "the bucket keeps no version from before it: a file that it overwrote unread does not "
            "count, and the snapshot that stands may be older",
        }
    ]


def test_a_refused_file_that_is_put_right_is_applied(world: World) -> None:
    key = world.put("i-1", b"broken")
    world.process(world.created(key))
    assert world.counters_of("i-1") is None
    world.put("i-1", GOOD)
    world.process_between_good_ones(world.created(key))
    assert world.counters_of("i-1") == COUNTERS


def test_counters_that_do_not_fit_into_an_item_are_refused(world: World) -> None:
    world.settings = replace(world.settings, max_counters=40_000)
    # Names without pattern, so that compression does not help.
    lines = (f"{(number * 0x9E3779B97F4A7C15) % 2**64:016x}{number**7 % 2**61:x} 1\n" for number in range(40_000))
    key = world.put("i-1", "".join(lines).encode())
    world.process_between_good_ones(world.created(key))
    (refusal,) = world.refusals()
    assert refusal["reason"].startswith("40000 counters take ")
    assert refusal["line"] is None
    assert world.counters_of("i-1") is None


def test_a_file_of_more_counters_than_the_operator_chose_is_refused_and_the_one_before_stands(
    world: World,
) -> None:
    world.settings = replace(world.settings, max_counters=len(COUNTERS))
    key = world.put("i-1", GOOD)
    world.process(world.created(key))
    for number, more in enumerate((b"more 1\n", b"more 1.5\n", b"more 1")):
        world.put("i-1", GOOD + more)
        world.process_between_good_ones(world.created(key, f"00674760C{number}"))
    assert world.counters_of("i-1") == COUNTERS
    assert {(each["reason"], each["line"]) for each in world.refusals()} == {
        (f"the file has more than {len(COUNTERS)} counters; raise it with `setup --max-counters`", None)
    }


def refusing_to_read(world: World) -> Store:
    """Return a store whose S3 answers bodies that must not be read, except those of the good files."""

    class Body:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self) -> bytes:
            raise AssertionError("the body was read")

    def get_object(**request: str) -> Any:
        answer = world.clients.s3.get_object(**request)  # type: ignore[arg-type]  # passed on as it is
        return answer if answer["ContentLength"] < 100 else {**answer, "Body": Body()}

    return Store(world.settings, replace(world.clients, s3=overridden(world.clients.s3, get_object=get_object)))


def test_too_large_a_file_is_refused_without_reading_it(world: World) -> None:
    key = world.put("i-1", b"\n" * (MAX_FILE_BYTES + 1))
    world.process_between_good_ones(world.created(key), store=refusing_to_read(world))
    (refusal,) = world.refusals()
    assert refusal["reason"] == f"the file has {MAX_FILE_BYTES + 1} bytes; at most {MAX_FILE_BYTES} are read"
    assert (refusal["line"], bool(refusal["etag"])) == (None, True)
    assert world.counters_of("i-1") is None


def test_a_file_of_the_largest_size_is_read(world: World) -> None:
    key = world.put("i-1", b"a 1" + b" " * (MAX_FILE_BYTES - 3))
    world.process_between_good_ones(world.created(key))
    assert world.counters_of("i-1") == {"a": SCALE}


@pytest.mark.parametrize(
    ("day", "instance", "reason"),
    [
        ("2026-02-30", "i-1", "'2026-02-30' is not a date of the form YYYY-MM-DD"),
        ("2026-1-1", "i-1", "'2026-1-1' is not a date of the form YYYY-MM-DD"),
        (DAY, "i 1", "the instance id 'i 1' is not 1 to 128 of A-Z a-z 0-9 . _ -"),
        (DAY, "", "the instance id '' is not 1 to 128 of A-Z a-z 0-9 . _ -"),
        ("2026-11-22", "i-1", "the date 2026-11-22 is more than 1 day ahead of 2026-11-20 (UTC)"),
        ("2026-10-15", "i-1", "the date 2026-10-15 is more than 35 days before 2026-11-20 (UTC)"),
    ],
)
def test_a_date_or_instance_outside_the_rules_is_refused_by_the_key_alone(
    world: World, day: str, instance: str, reason: str
) -> None:
    key = world.put(instance, GOOD, day)
    world.process_between_good_ones(world.created(key))
    (refusal,) = world.refusals()
    assert (refusal["key"], refusal["reason"], refusal["line"], refusal["etag"]) == (key, reason, None, "")
    assert world.counters_of(instance or "?", day) is None
    assert key not in [call["Key"] for call in world.calls.of("GetObject")]


@pytest.mark.parametrize("day", ["2026-11-21", "2026-10-16"])
def test_the_first_and_the_last_accepted_day_are_applied(world: World, day: str) -> None:
    world.process_between_good_ones(world.created(world.put("i-1", GOOD, day)))
    assert world.counters_of("i-1", day) == COUNTERS


@pytest.mark.parametrize(
    "key",
    ["counters/README.md", f"counters/{DAY}/notes", f"counters/x/{DAY}/values_i-1", f"totals/{DAY}", "a b@c"],
)
def test_a_key_that_is_no_counter_file_is_skipped(
    world: World, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put_key(key, GOOD)
    world.process_between_good_ones(world.created(key))
    assert world.refusals() == []
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "EventsSkipped": 1, "FilesSkipped": 1}
    assert key not in [call["Key"] for call in world.calls.of("GetObject")]


def test_of_the_objects_that_a_batch_skipped_one_is_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["counters/2026/11/20/values_x", "counters/2026/11/20/values_y", f"counters/{DAY}/"]
    world.process_between_good_ones(*map(world.created, keys), world.removed("counters/notes"))
    skipped, done = world.log_lines()
    assert (skipped["level"], skipped["message"], skipped["skipped"]) == ("INFO", SKIPPED, 3)
    assert skipped["key"] in keys
    assert (done["FilesSkipped"], done["EventsSkipped"]) == (3, 4)
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "EventsSkipped": 4, "FilesSkipped": 3}


def test_the_removal_of_an_object_that_is_no_counter_file_is_no_file_that_is_skipped(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.process_between_good_ones(world.removed("counters/notes"))
    assert [line["message"] for line in world.log_lines()] == ["batch done"]
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "EventsSkipped": 1}


def test_a_deleted_file_leaves_an_empty_snapshot(world: World) -> None:
    key = world.put("i-1", GOOD)
    world.process(world.created(key))
    world.delete(key)
    world.process_between_good_ones(world.removed(key, "00674760C0"))
    assert world.counters_of("i-1") == {}
    item = world.snapshot_item("i-1")
    assert item is not None
    assert item["Sequencer"] == {"S": "00674760C0" + "0" * 22}
    assert item["ETag"] == {"S": ""}
    assert item["UploadedAt"] == {"S": "2026-11-20T10:15:30.123Z"}


def test_an_upload_whose_object_is_not_found_is_left_for_another_try(world: World) -> None:
    key = world.put("i-1", GOOD)
    world.process(world.created(key))
    world.delete(key)
    world.process_between_good_ones(world.created(key, "00674760C0"), retried=True)
    assert world.counters_of("i-1") == COUNTERS
    assert world.refusals() == []
    (line,) = [line for line in world.log_lines() if line["level"] == "WARNING"]
    assert (line["message"], line["message_id"]) == ("object not found, left for another try", "1")
    assert line["reason"] == f"{key} is not there, and nothing tells yet that it was removed"
    assert not [line for line in world.log_lines() if line["level"] == "ERROR"]
    world.put("i-1", b"REQUESTS 13\n")
    world.process_between_good_ones(world.created(key, "00674760C0"))
    assert world.counters_of("i-1") == {"REQUESTS": 13 * SCALE}


@pytest.mark.parametrize("removed_at", ["00674760C0", "00674760C1"], ids=["the same", "newer"])
def test_an_upload_whose_removal_was_handled_first_is_done(
    world: World, removed_at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = world.put("i-1", GOOD)
    world.delete(key)
    world.process(world.removed(key, removed_at))
    capsys.readouterr()
    world.process_between_good_ones(world.created(key, "00674760C0"))
    assert world.counters_of("i-1") == {}
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "EventsAlreadyNewer": 1}


def test_an_upload_after_the_removal_that_is_known_is_left_for_another_try(world: World) -> None:
    key = world.put("i-1", GOOD)
    world.delete(key)
    world.process(world.removed(key, "00674760BF"))
    world.process_between_good_ones(world.created(key, "00674760C0"), retried=True)


def test_of_a_split_day_an_upload_whose_removal_was_handled_first_is_done_too(world: World) -> None:
    world.settings = replace(world.settings, lanes=2, counter_shards=3)
    world.store = Store(world.settings, world.clients)
    key = world.put("i-1", GOOD)
    world.delete(key)
    upload, removal = world.created(key), world.removed(key)
    assert world.process(upload).retried == [0]
    assert world.process(removal).retried == []
    assert world.process(upload).retried == []


def test_what_comes_after_an_object_that_is_not_found_in_one_message_is_applied(world: World) -> None:
    gone, there = f"counters/{DAY}/values_i-gone", world.put("i-1", GOOD)
    body = json.loads(world.created(gone))
    body["Records"] += json.loads(world.created(there))["Records"]
    world.process_between_good_ones(json.dumps(body), retried=True)
    assert world.counters_of("i-1") == COUNTERS


def test_a_removal_of_an_object_that_exists_again_applies_what_is_there(world: World) -> None:
    key = world.put("i-1", GOOD)
    world.process_between_good_ones(world.removed(key))
    assert world.counters_of("i-1") == COUNTERS


def test_a_removal_past_retention_is_clean_up_and_skipped(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.process_between_good_ones(world.removed("counters/2026-10-15/values_i-1"))
    assert world.counters_of("i-1", "2026-10-15") is None
    assert world.refusals() == []
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "EventsSkipped": 1}


def test_a_removal_on_the_last_day_of_retention_withdraws_the_instance(world: World) -> None:
    world.process_between_good_ones(world.removed("counters/2026-10-16/values_i-1"))
    assert world.counters_of("i-1", "2026-10-16") == {}


def test_a_test_event_does_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.process_between_good_ones(load_body("s3-test-event"))
    assert emitted_metrics(capsys) == {"FilesApplied": 2}


def test_an_event_that_comes_twice_is_applied_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    message = world.created(world.put("i-1", GOOD))
    world.process_between_good_ones(message, message)
    assert world.counters_of("i-1") == COUNTERS
    assert emitted_metrics(capsys) == {"FilesApplied": 3, "EventsAlreadyNewer": 1}


def test_an_older_event_after_a_newer_one_changes_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = world.put("i-1", GOOD)
    older, newer = world.created(key), world.created(key)
    world.process(newer)
    before = world.snapshot_item("i-1")
    world.put("i-1", b"REQUESTS 99\n")
    capsys.readouterr()
    world.process_between_good_ones(older)
    assert world.snapshot_item("i-1") == before
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "EventsAlreadyNewer": 1}


def test_a_late_event_reads_what_is_there_now(world: World) -> None:
    key = world.put("i-1", GOOD)
    first = world.created(key, "00674760C0")
    world.put("i-1", b"REQUESTS 99\n")
    world.process_between_good_ones(first)
    assert world.counters_of("i-1") == {"REQUESTS": 99 * SCALE}
    item = world.snapshot_item("i-1")
    assert item is not None
    assert item["Sequencer"] == {"S": "00674760C0" + "0" * 22}


def test_keys_are_decoded_before_they_are_read(world: World) -> None:
    key = world.put("web 1@eu", GOOD)
    world.process_between_good_ones(load_body("s3-encoded-key"))
    (refusal,) = world.refusals()
    assert refusal["key"] == key


@pytest.mark.parametrize("body", ["", "garbage", "[]", "{}", '{"Records": [1]}'])
def test_a_body_that_is_no_event_is_retried_alone(world: World, body: str) -> None:
    world.process_between_good_ones(body, retried=True)
    assert world.refusals() == []


@pytest.mark.parametrize("name", ["s3-foreign-source", "s3-unknown-major-version", "s3-object-tagging"])
def test_an_event_of_another_kind_is_retried_alone(world: World, name: str) -> None:
    world.process_between_good_ones(load_body(name), retried=True)


def test_an_event_of_another_bucket_is_retried_and_reads_nothing(world: World) -> None:
    key = world.put("i-1", GOOD)
    message = world.created(key).replace('"fleet-counters"', '"somebody-elses"')
    world.process_between_good_ones(message, retried=True)
    assert world.counters_of("i-1") is None
    assert key not in [call["Key"] for call in world.calls.of("GetObject")]
    (failure,) = [line for line in world.log_lines() if line["level"] == "ERROR"]
    assert failure["message"] == "message left for another try"
    assert failure["message_id"] == "1"
    assert "the event names the bucket 'somebody-elses', not 'fleet-counters'" in failure["exception"]


def test_several_events_in_one_message_are_all_applied(world: World) -> None:
    one, other = (
        json.loads(world.created(world.put("i-1", GOOD))),
        json.loads(world.created(world.put("i-2", b"a 1"))),
    )
    one["Records"] += other["Records"]
    world.process_between_good_ones(json.dumps(one))
    assert (world.counters_of("i-1"), world.counters_of("i-2")) == (COUNTERS, {"a": SCALE})


ERROR = ClientError({"Error": {"Code": "InternalError", "Message": "try again"}}, "Operation")


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


def failing_for(world: World, key: str, error: Exception) -> dict[str, Store]:
    """Return stores of which one operation fails for one key (or instance) only."""
    instance = key.rpartition("values_")[2]
    clients = world.clients

    def get_object(**request: str) -> object:
        if request["Key"] == key:
            raise error
        return clients.s3.get_object(**request)  # type: ignore[arg-type]  # passed on as it is

    def put_item(**request: Any) -> object:
        if request["Item"]["Instance"]["S"] == instance:
            raise error
        return clients.dynamodb.put_item(**request)

    def send_message(**_: str) -> object:
        raise error

    changed = {
        "read": replace(clients, s3=overridden(clients.s3, get_object=get_object)),
        "write": replace(clients, dynamodb=overridden(clients.dynamodb, put_item=put_item)),
        "refuse": replace(clients, sqs=overridden(clients.sqs, send_message=send_message)),
    }
    return {name: Store(world.settings, chosen) for name, chosen in changed.items()}


@pytest.mark.parametrize("error", [ERROR, denied("GetObject"), ReadTimeoutError(endpoint_url="s3")], ids=repr)
@pytest.mark.parametrize("operation", ["read", "write"])
def test_a_service_that_fails_for_one_file_retries_that_message_alone(
    world: World, operation: str, error: Exception
) -> None:
    key = world.put("i-1", GOOD)
    message = world.created(key)
    world.process_between_good_ones(message, store=failing_for(world, key, error)[operation], retried=True)
    assert world.counters_of("i-1") is None
    assert world.refusals() == []
    world.process(message)
    assert world.counters_of("i-1") == COUNTERS


def test_a_refusal_that_cannot_be_sent_is_retried_and_not_lost(world: World) -> None:
    key = world.put("i-1", b"broken")
    message = world.created(key)
    world.process_between_good_ones(message, store=failing_for(world, key, ERROR)["refuse"], retried=True)
    assert world.refusals() == []
    world.process_between_good_ones(message)
    assert [refusal["key"] for refusal in world.refusals()] == [key]


def test_a_body_that_breaks_off_is_retried_and_never_applied_in_part(world: World) -> None:
    key = world.put("i-1", GOOD)

    class Body:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self) -> bytes:
            raise IncompleteReadError(actual_bytes=12, expected_bytes=len(GOOD))

    def get_object(**request: str) -> object:
        answer = world.clients.s3.get_object(**request)  # type: ignore[arg-type]  # passed on as it is
        return {**answer, "Body": Body()} if request["Key"] == key else answer

    store = Store(world.settings, replace(world.clients, s3=overridden(world.clients.s3, get_object=get_object)))
    world.process_between_good_ones(world.created(key), store=store, retried=True)
    assert world.counters_of("i-1") is None


@pytest.mark.parametrize("key", ["counters/2026-02-30/values_i-1", "counters/2026-11-20/values_i 1"])
def test_the_removal_of_a_file_that_was_refused_for_its_key_refuses_nothing(world: World, key: str) -> None:
    assert world.process(world.removed(key)).retried == []
    assert world.refusals() == []


def test_messages_for_which_too_little_time_is_left_come_again(world: World) -> None:
    bodies = [world.created(world.put(f"i-{number}", GOOD)) for number in range(4)]
    enough = 3 * SLOWEST_CALL_MILLISECONDS
    too_little = enough - 1
    batch = world.process(*bodies, context=Context(60_000, enough, too_little, too_little))
    assert batch.retried == [2, 3]
    assert [world.counters_of(f"i-{number}") for number in range(4)] == [COUNTERS, COUNTERS, None, None]


def test_a_batch_of_nothing_but_failures_is_answered_and_not_raised(world: World) -> None:
    assert world.process("garbage", "more garbage").retried == [0, 1]


def test_a_batch_leaves_one_line_of_counts_and_one_metric_document(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = world.put("i-1", b"a 1\nb\n")
    world.process_between_good_ones(
        world.created(broken),
        world.created("counters/README.md"),
    )
    assert len(capsys.readouterr().out.splitlines()) == 1
    warning, skipped, done = world.log_lines()
    assert (warning["level"], warning["message"]) == ("WARNING", "file refused")
    assert (warning["bucket"], warning["key"]) == ("fleet-counters", broken)
    assert (warning["reason"], warning["line"]) == ("'b' is not COUNTER VALUE", 2)
    assert (skipped["message"], skipped["key"]) == (SKIPPED, "counters/README.md")
    assert (done["level"], done["message"]) == ("INFO", "batch done")
    counted = {"FilesApplied": 2, "FilesRefused": 1, "EventsSkipped": 1, "FilesSkipped": 1}
    assert {name: done[name] for name in counted} == counted
    assert "MessagesRetried" not in done


def test_retried_messages_are_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.process_between_good_ones("garbage", "{}", retried=True)
    assert emitted_metrics(capsys) == {"FilesApplied": 2, "MessagesRetried": 2}
    assert world.log_lines()[-1]["MessagesRetried"] == 2


def test_a_day_keeps_the_layout_of_its_first_file(world: World) -> None:
    world.process(world.created(world.put("i-1", GOOD)))
    spread = replace(world, settings=replace(world.settings, lanes=4, counter_shards=2))
    spread.process(spread.created(spread.put("i-2", GOOD)), spread.created(spread.put("i-2", GOOD, "2026-11-21")))
    assert [world.counters_of(name) for name in ("i-1", "i-2")] == [COUNTERS, COUNTERS]
    assert world.counters_of("i-2", "2026-11-21") is None
    parts = [world.counters_of("i-2", key) for key in Layout(4, 2).partitions_of("2026-11-21", "i-2")]
    assert parts == list(Layout(1, 2).split(COUNTERS))


def test_a_layout_is_asked_for_once_a_day_and_kept_for_good(world: World) -> None:
    for _ in range(3):
        world.process(*(world.created(world.put(f"i-{number}", GOOD)) for number in range(3)))
    written = [call["Item"] for call in world.calls.of("PutItem") if call["Item"].get("Lanes")]
    assert len(written) == 3  # once in the life of each processor
    item = world.snapshot_item(DAY, "layout")
    assert item == {
        "Date": {"S": "layout"},
        "Instance": {"S": DAY},
        "Lanes": {"N": "1"},
        "CounterShards": {"N": "1"},
        "SnapshotsExpireAt": {"N": str(expiry_epoch_seconds(DAY, 35))},
        "TotalsExpireAt": {"N": str(expiry_epoch_seconds(DAY, 400))},
    }


def test_a_refused_file_begins_no_day(world: World) -> None:
    world.process(world.created(world.put("i-1", b"a 1\na 1\n")))
    assert world.snapshot_item(DAY, "layout") is None


def spread_world(world: World) -> World:
    """Return the world with days over two shards."""
    return replace(world, settings=replace(world.settings, counter_shards=2))


def parts_of(world: World, instance: str) -> list[dict[str, int] | None]:
    return [world.counters_of(instance, key) for key in Layout(1, 2).partitions_of(DAY, instance)]


def test_the_parts_of_a_file_are_written_together_or_not_at_all(world: World) -> None:
    spread = spread_world(world)
    key = spread.put("i-1", GOOD)
    newer, older = spread.created(key), spread.created(key, "00")
    spread.process(newer)
    spread.put("i-1", b"A 1\n")
    # An older event, and the same again: no part is touched.
    assert spread.process(older, newer).retried == []
    assert parts_of(spread, "i-1") == list(Layout(1, 2).split(COUNTERS))
    assert len(world.calls.of("TransactWriteItems")) == 1
    assert not [call for call in world.calls.of("PutItem") if "Counters" in call["Item"]]


def test_a_deleted_file_empties_every_part(world: World) -> None:
    spread = spread_world(world)
    key = spread.put("i-1", GOOD)
    spread.process(spread.created(key))
    spread.delete(key)
    spread.process(spread.removed(key))
    assert parts_of(spread, "i-1") == [{}, {}]


def test_a_transaction_that_fails_for_another_reason_is_retried(world: World) -> None:
    def conflict(**_request: Any) -> None:
        answer: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "[None, TransactionConflict]"},
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        }
        raise ClientError(answer, "TransactWriteItems")

    spread = spread_world(world)
    dynamodb = overridden(world.clients.dynamodb, transact_write_items=conflict)
    store = Store(spread.settings, replace(world.clients, dynamodb=dynamodb))
    assert spread.process(spread.created(spread.put("i-1", GOOD)), store=store).retried == [0]


def test_counters_that_fit_into_no_item_fit_into_shards(world: World) -> None:
    source = random.Random(1)
    counters = {f"{source.getrandbits(64):016x}": source.getrandbits(32) * SCALE for _ in range(40_000)}
    content = "".join(f"{name} {value // SCALE}\n" for name, value in counters.items()).encode()
    spread = replace(world, settings=replace(world.settings, counter_shards=4, max_counters=40_000))
    spread.process(spread.created(spread.put("i-1", content)))
    parts = [spread.counters_of("i-1", key) for key in Layout(1, 4).partitions_of(DAY, "i-1")]
    assert {name: value for part in parts for name, value in (part or {}).items()} == counters


def test_the_entry_point_takes_its_settings_from_the_environment(
    deployed: World,
) -> None:
    good = sqs_record(deployed.created(deployed.put("i-1", GOOD)), "1")
    answer = processor.handler({"Records": [good, sqs_record("garbage", "2")]}, Context(60_000))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert deployed.counters_of("i-1") == COUNTERS
