from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import InvalidEvent
from countagg.core.events import ObjectEvent, make_s3_message, parse_s3_message
from tests.events.loading import load_body, load_event, replaced

KEY = "counters/2026-11-20/values_i-deadbeef"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


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


@given(
    st.text(min_size=1, max_size=40).filter(lambda key: key.isprintable()),
    st.booleans(),
    st.integers(0, 16**32 - 1),
)
def test_a_message_that_was_made_is_read_back(key: str, removed: bool, number: int) -> None:  # noqa: FBT001 - drawn
    event = ObjectEvent("fleet-counters", key, f"{number:032X}", removed, "2026-11-20T10:00:00Z")
    assert parse_s3_message(make_s3_message(event)) == (event,)
