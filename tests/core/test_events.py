from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import InvalidEvent
from countagg.core.events import ObjectEvent, make_s3_message, parse_s3_message
from countagg.core.ledger import Image, Ledger, decode_ledger
from countagg.core.snapshot import unpack_canonical
from countagg.core.values import SCALE
from countagg.data.ledgers import TotalsChange, parse_totals_record
from countagg.data.snapshots import parse_snapshot_record
from tests.events.loading import load_body, load_event

KEY = "counters/2026-11-20/values_i-deadbeef"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def replaced(document: dict[str, Any], path: list[str | int], value: object) -> dict[str, Any]:
    """Return the document with the member at the path replaced, or removed if the value is `...`."""
    *parents, last = path
    inner: Any = document
    for step in parents:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return document


def test_a_put_is_an_event_of_its_object() -> None:
    assert parse_s3_message(load_body("s3-object-created-put")) == (
        ObjectEvent(
            bucket="fleet-counters",
            key=KEY,
            sequencer="00674760B047BD305100000000000000",
            removed=False,
            time="2026-11-20T10:15:30.123Z",
        ),
    )


@pytest.mark.parametrize("name", ["s3-object-removed-delete", "s3-object-removed-delete-marker"])
def test_a_delete_is_a_removal_though_it_has_no_size(name: str) -> None:
    (event,) = parse_s3_message(load_body(name))
    assert event.removed
    assert event.key == KEY


def test_a_test_event_has_no_events() -> None:
    assert parse_s3_message(load_body("s3-test-event")) == ()


def test_a_key_is_form_decoded() -> None:
    (event,) = parse_s3_message(load_body("s3-encoded-key"))
    assert event.key == "counters/2026-11-20/values_web 1@eu"


def test_unknown_minor_versions_and_fields_are_ignored() -> None:
    (event,) = parse_s3_message(load_body("s3-unknown-minor-version"))
    assert (event.key, event.removed) == (KEY, False)


def test_every_record_of_a_message_is_an_event() -> None:
    message = load_event("s3-object-created-put")
    message["Records"] += load_event("s3-object-removed-delete")["Records"]
    assert [event.removed for event in parse_s3_message(json.dumps(message))] == [False, True]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("s3-foreign-source", "unknown event source 'ceph:s3', version '2.1'"),
        ("s3-unknown-major-version", "unknown event source 'aws:s3', version '3.0'"),
        ("s3-object-tagging", "the S3 event cannot be read: KeyError('sequencer')"),
    ],
)
def test_events_of_another_kind_are_refused(name: str, complaint: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse_s3_message(load_body(name))
    assert refused.value.what == complaint


@pytest.mark.parametrize("version", ["20.1", "1.2", "", "v2.1"])
def test_the_major_version_is_compared_whole(version: str) -> None:
    message = replaced(load_event("s3-object-created-put"), ["Records", 0, "eventVersion"], version)
    with pytest.raises(InvalidEvent, match="unknown event source"):
        parse_s3_message(json.dumps(message))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "the message is not JSON"),
        ("hello", "the message is not JSON"),
        ("[" * 100_000, "the message is not JSON"),
        ("9" * 5_000, "the message is not JSON"),
        ("[]", "the message is not a JSON object"),
        ("null", "the message is not a JSON object"),
        ("{}", "the message has no Records"),
        ('{"Records": {}}', "the message has no Records"),
        ('{"Event": "s3:OtherEvent"}', "the message has no Records"),
    ],
)
def test_a_body_that_is_no_s3_message_is_refused(body: str, complaint: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse_s3_message(body)
    assert refused.value.what == complaint
    assert refused.value.hint == "the queue takes S3 events only"


PUT_PATHS: list[list[str | int]] = [
    ["Records", 0, "eventSource"],
    ["Records", 0, "eventVersion"],
    ["Records", 0, "eventName"],
    ["Records", 0, "eventTime"],
    ["Records", 0, "s3"],
    ["Records", 0, "s3", "bucket"],
    ["Records", 0, "s3", "bucket", "name"],
    ["Records", 0, "s3", "object"],
    ["Records", 0, "s3", "object", "key"],
    ["Records", 0, "s3", "object", "sequencer"],
    ["Records", 0],
]


@pytest.mark.parametrize("path", PUT_PATHS[:-1], ids=lambda path: str(path[-1]))
def test_a_missing_member_is_refused(path: list[str | int]) -> None:
    with pytest.raises(InvalidEvent):
        parse_s3_message(json.dumps(replaced(load_event("s3-object-created-put"), path, ...)))


@pytest.mark.parametrize("value", [None, 1, [], {}, "", True], ids=repr)
@pytest.mark.parametrize("path", PUT_PATHS, ids=lambda path: str(path[-1]))
def test_a_member_of_another_type_is_refused_and_breaks_nothing(path: list[str | int], value: object) -> None:
    body = json.dumps(replaced(load_event("s3-object-created-put"), path, value))
    if value == "" and path[-1] in ("name", "key", "eventName"):
        assert len(parse_s3_message(body)) == 1  # An empty text is a text; other rules judge it.
        return
    with pytest.raises(InvalidEvent):
        parse_s3_message(body)


@given(JSON)
def test_any_json_is_read_or_refused(document: object) -> None:
    for message in (document, {"Records": document}, {"Records": [document]}):
        try:
            events = parse_s3_message(json.dumps(message))
        except InvalidEvent:
            continue
        assert events == ()


def test_a_key_that_is_not_utf_8_is_refused() -> None:
    message = replaced(load_event("s3-object-created-put"), ["Records", 0, "s3", "object", "key"], "counters/%ff")
    with pytest.raises(InvalidEvent, match="cannot be read: UnicodeDecodeError"):
        parse_s3_message(json.dumps(message))


def test_an_insert_is_a_link_from_nothing() -> None:
    link = parse_snapshot_record(load_event("stream-snapshot-insert"))
    assert link is not None
    assert (link.partition, link.instance, link.old) == ("2026-11-20", "i-deadbeef", None)
    assert link.new.sequencer == "00674760B047BD305100000000000000"
    assert unpack_canonical(link.new.packed) == b"ERRORS 1\nREQUESTS 12\n"


def test_a_modification_is_a_link_from_the_old_image_to_the_new() -> None:
    before = parse_snapshot_record(load_event("stream-snapshot-insert"))
    link = parse_snapshot_record(load_event("stream-snapshot-modify"))
    assert before is not None
    assert link is not None
    assert link.old == before.new
    assert link.new.sequencer == "00674760EC47BD305100000000000000"
    assert unpack_canonical(link.new.packed) == b"LATENCY 0.25\nREQUESTS 20\n"


@pytest.mark.parametrize("name", ["stream-snapshot-remove", "stream-snapshot-ttl-remove"])
def test_a_removed_snapshot_is_no_link(name: str) -> None:
    assert parse_snapshot_record(load_event(name)) is None


def test_a_new_ledger_is_a_change_from_nothing() -> None:
    change = parse_totals_record(load_event("stream-totals-insert"))
    assert isinstance(change, TotalsChange)
    assert (change.day, change.replaced, change.version, change.old) == ("2026-11-20", 0, 1, None)
    assert decode_ledger(change.new).sums == {"REQUESTS": 12 * SCALE, "ERRORS": SCALE}


def test_a_modified_ledger_is_a_change_from_the_old_document_to_the_new() -> None:
    before = parse_totals_record(load_event("stream-totals-insert"))
    change = parse_totals_record(load_event("stream-totals-modify"))
    assert before is not None
    assert change is not None
    assert (change.replaced, change.version, change.old) == (1, 2, before.new)
    assert change.updated_at == "2026-11-20T10:16:32.001+00:00"
    assert decode_ledger(change.new) == Ledger(
        sums={"REQUESTS": 20 * SCALE, "LATENCY": SCALE // 4},
        contributors={"REQUESTS": 1, "LATENCY": 1},
        seen={"i-deadbeef": "00674760EC47BD305100000000000000"},
    )


def test_a_removed_ledger_is_no_change() -> None:
    assert parse_totals_record(load_event("stream-totals-ttl-remove")) is None


SNAPSHOT_PATHS: list[list[str | int]] = [
    ["dynamodb"],
    ["dynamodb", "Keys"],
    ["dynamodb", "Keys", "Date"],
    ["dynamodb", "Keys", "Instance", "S"],
    ["dynamodb", "NewImage"],
    ["dynamodb", "NewImage", "Sequencer"],
    ["dynamodb", "NewImage", "Counters", "B"],
]


@pytest.mark.parametrize("path", SNAPSHOT_PATHS, ids=lambda path: "-".join(map(str, path)))
def test_a_snapshot_record_without_a_member_is_refused(path: list[str | int]) -> None:
    with pytest.raises(InvalidEvent, match=r"^the stream record is not of a snapshot: "):
        parse_snapshot_record(replaced(load_event("stream-snapshot-modify"), path, ...))


@pytest.mark.parametrize("path", [["Sequencer", "S"], ["Sequencer"], ["Counters"], ["Counters", "B"]], ids=str)
def test_a_snapshot_that_somebody_damaged_and_that_was_replaced_continues_no_chain(path: list[str | int]) -> None:
    link = parse_snapshot_record(
        replaced(load_event("stream-snapshot-modify"), ["dynamodb", "OldImage", *path], ...)
    )
    assert link is not None
    assert link.old == Image("", b"")
    assert link.new.sequencer


@pytest.mark.parametrize("path", [["Version", "N"], ["Version"], ["Document"], ["Document", "B"]], ids=str)
def test_a_ledger_that_somebody_damaged_and_that_was_replaced_is_unreadable(path: list[str | int]) -> None:
    change = parse_totals_record(
        replaced(load_event("stream-totals-modify"), ["dynamodb", "OldImage", *path], ...)
    )
    assert change is not None
    assert (change.replaced, change.old) == (0, b"")


TOTALS_PATHS: list[list[str | int]] = [
    ["dynamodb"],
    ["dynamodb", "Keys", "Date", "S"],
    ["dynamodb", "NewImage"],
    ["dynamodb", "NewImage", "Version"],
    ["dynamodb", "NewImage", "Document"],
    ["dynamodb", "NewImage", "UpdatedAt"],
]


@pytest.mark.parametrize("path", TOTALS_PATHS, ids=lambda path: "-".join(map(str, path)))
def test_a_totals_record_without_a_member_is_refused(path: list[str | int]) -> None:
    with pytest.raises(InvalidEvent, match=r"^the stream record is not of a ledger: "):
        parse_totals_record(replaced(load_event("stream-totals-modify"), path, ...))


def test_a_version_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"^the stream record is not of a ledger: "):
        parse_totals_record(
            replaced(load_event("stream-totals-modify"), ["dynamodb", "NewImage", "Version", "N"], "two")
        )


@pytest.mark.parametrize("text", ["not base64!", "YQ", "YW!Jj", "\u00e9"])
def test_bytes_that_are_no_base64_are_refused(text: str) -> None:
    snapshot = replaced(load_event("stream-snapshot-insert"), ["dynamodb", "NewImage", "Counters", "B"], text)
    totals = replaced(load_event("stream-totals-insert"), ["dynamodb", "NewImage", "Document", "B"], text)
    with pytest.raises(InvalidEvent):
        parse_snapshot_record(snapshot)
    with pytest.raises(InvalidEvent):
        parse_totals_record(totals)


@given(
    st.text(min_size=1, max_size=40).filter(lambda key: key.isprintable()),
    st.booleans(),
    st.integers(0, 16**32 - 1),
)
def test_a_message_that_was_made_is_read_back(key: str, removed: bool, number: int) -> None:  # noqa: FBT001 - drawn
    event = ObjectEvent("fleet-counters", key, f"{number:032X}", removed, "2026-11-20T10:00:00Z")
    assert parse_s3_message(make_s3_message(event)) == (event,)
