"""Records of the tables' streams, read as links and changes of the stored forms."""

from __future__ import annotations

import pytest

from countagg.core.errors import InvalidEvent
from countagg.core.ledger import Image, Ledger, decode_ledger
from countagg.core.snapshot import unpack_canonical
from countagg.core.values import SCALE
from countagg.data.ledgers import TotalsChange, parse_totals_record
from countagg.data.snapshot_records import parse_snapshot_record
from tests.events.loading import load_event, replaced


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
