"""What stands where the file as it is now is refused, on a bucket of moto that keeps versions."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import pytest

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.values import SCALE
from countagg.data.store import Store
from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS
from countagg.functions.earlier_versions import MAX_VERSIONS
from countagg.functions.processor import CALLS_PER_FILE
from tests.functions.world import DAY, NOW, Context, World, overridden

GOOD = b"a 1\n"
NEWER = b"a 2\n"
BAD = b"broken\n"
KEY = f"counters/{DAY}/values_i-1"


@pytest.fixture
def versioned(world: World) -> World:
    set_versioning(world, "Enabled")
    return world


def set_versioning(world: World, status: Any) -> None:
    world.clients.s3.put_bucket_versioning(
        Bucket=world.settings.bucket, VersioningConfiguration={"Status": status}
    )


def put(world: World, *contents: bytes) -> list[str]:
    """Write versions, oldest first; return their ids."""
    bucket = world.settings.bucket
    return [
        world.clients.s3.put_object(Bucket=bucket, Key=KEY, Body=content).get("VersionId", "null")
        for content in contents
    ]


def before(world: World) -> str:
    (refusal,) = world.refusals()
    assert isinstance(refusal["before"], str)
    return refusal["before"]


def test_a_good_file_that_was_overwritten_before_it_was_read_counts(versioned: World) -> None:
    good, _ = put(versioned, GOOD, BAD)
    versioned.process_between_good_ones(versioned.created(KEY, "00674760C0"))
    assert versioned.counters_of("i-1") == {"a": SCALE}
    item = versioned.snapshot_item("i-1")
    assert item is not None
    # Right before that of the refused file, whose event may be told again.
    assert item["Sequencer"] == {"S": "00674760BF" + "F" * 22}
    bucket = versioned.settings.bucket
    head = versioned.clients.s3.head_object(Bucket=bucket, Key=KEY, VersionId=good)
    assert item["ETag"] == {"S": head["ETag"].strip('"')}
    assert before(versioned) == f"the newest good version before it is applied: {good}"


def test_a_refused_file_that_is_taken_later_replaces_the_version_before_it(versioned: World) -> None:
    versioned.settings = replace(versioned.settings, max_counters=1)
    put(versioned, GOOD)
    versioned.process(versioned.created(KEY, "00674760B9"))
    put(versioned, b"a 1\nb 2\n")
    event = versioned.created(KEY, "00674760C0")
    versioned.process(event)
    assert versioned.counters_of("i-1") == {"a": SCALE}

    # As a redrive tells of it again.
    versioned.settings = replace(versioned.settings, max_counters=2)
    versioned.process(event)

    assert versioned.counters_of("i-1") == {"a": SCALE, "b": 2 * SCALE}


def test_the_newest_good_version_counts_whatever_stands_between(versioned: World) -> None:
    put(versioned, GOOD, NEWER, BAD, b"a 1\na 2\n", b"\n" * (MAX_FILE_BYTES + 1), BAD)
    versioned.process_between_good_ones(versioned.created(KEY))
    assert versioned.counters_of("i-1") == {"a": 2 * SCALE}


def test_what_is_older_than_a_deletion_stays_withdrawn(versioned: World) -> None:
    put(versioned, GOOD)
    versioned.delete(KEY)
    put(versioned, BAD)
    versioned.process_between_good_ones(versioned.created(KEY))
    assert versioned.counters_of("i-1") is None
    assert before(versioned) == "the file before it was deleted"


def test_after_a_removal_nothing_stands_although_a_refused_file_came(versioned: World) -> None:
    put(versioned, GOOD)
    versioned.process(versioned.created(KEY))
    versioned.delete(KEY)
    removal = versioned.removed(KEY)
    put(versioned, BAD)
    versioned.process_between_good_ones(removal)
    assert versioned.counters_of("i-1") == {}
    assert versioned.refusals() == []


def test_after_a_removal_without_versions_nothing_stands_either(world: World) -> None:
    put(world, GOOD)
    world.process(world.created(KEY))
    world.delete(KEY)
    removal = world.removed(KEY)
    put(world, BAD)
    world.process_between_good_ones(removal)
    assert world.counters_of("i-1") == {}
    assert world.refusals() == []


def test_after_a_removal_a_good_file_that_a_refused_one_overwrote_stands(versioned: World) -> None:
    put(versioned, GOOD)
    versioned.delete(KEY)
    removal = versioned.removed(KEY)
    put(versioned, NEWER, BAD)
    versioned.process_between_good_ones(removal)
    assert versioned.counters_of("i-1") == {"a": 2 * SCALE}


def test_versions_of_keys_that_begin_with_the_key_are_others(versioned: World) -> None:
    versioned.put("i-10", GOOD)
    put(versioned, BAD)
    versioned.process_between_good_ones(versioned.created(KEY))
    assert versioned.counters_of("i-1") is None
    assert before(versioned) == "there is no version before it"


def test_a_version_from_before_versioning_is_read(world: World) -> None:
    put(world, GOOD)
    set_versioning(world, "Enabled")
    put(world, BAD)
    world.process_between_good_ones(world.created(KEY))
    assert world.counters_of("i-1") == {"a": SCALE}
    assert before(world) == "the newest good version before it is applied: null"


class Listed:
    """Versions of the file, newest first: id and content, None for a delete marker. All are of the same second."""

    def __init__(self, world: World, *versions: tuple[str, bytes | None]) -> None:
        self.versions = dict(versions)
        self._s3 = world.clients.s3
        s3 = overridden(self._s3, get_object=self.get, list_object_versions=self.list)
        self.store = Store(world.settings, replace(world.clients, s3=s3))

    def list(self, **request: Any) -> Any:
        assert (request["Prefix"], request["MaxKeys"]) == (KEY, 1)
        ids = list(self.versions)
        place = ids.index(request["VersionIdMarker"]) + 1 if "VersionIdMarker" in request else 0
        kind = "DeleteMarkers" if self.versions[ids[place]] is None else "Versions"
        more = {"NextKeyMarker": KEY, "NextVersionIdMarker": ids[place]} if place + 1 < len(ids) else {}
        return {kind: [{"Key": KEY, "VersionId": ids[place]}], "IsTruncated": bool(more), **more}

    def get(self, **request: Any) -> Any:
        if request["Key"] != KEY:
            return self._s3.get_object(**request)
        version = request.get("VersionId", next(iter(self.versions)))
        content = self.versions[version]
        assert content is not None
        stored = {"ContentLength": len(content), "ETag": '"e"', "LastModified": NOW, "VersionId": version}
        return {"Body": contextlib.closing(io.BytesIO(content)), **stored}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((("null", BAD), ("v1", GOOD)), {"a": SCALE}),
        ((("null", BAD), ("v2", BAD), ("v1", GOOD)), {"a": SCALE}),
        ((("v2", BAD), ("null", GOOD)), {"a": SCALE}),
        ((("null", BAD), ("v2", None), ("v1", GOOD)), None),
        ((("v3", BAD), ("null", None), ("v1", GOOD)), None),
        ((("v4", BAD), ("v3", GOOD), ("v2", None), ("v1", NEWER)), {"a": SCALE}),
    ],
    ids=lambda value: " ".join(name for name, _ in value) if isinstance(value, tuple) else "",
)
def test_versions_and_deletions_of_one_second_are_told_apart_with_versioning_suspended_too(
    world: World, versions: tuple[tuple[str, bytes | None], ...], expected: dict[str, int] | None
) -> None:
    store = Listed(world, *versions).store
    world.process_between_good_ones(world.created(KEY), store=store)
    assert world.counters_of("i-1") == expected


def test_of_many_refused_versions_some_are_read(versioned: World) -> None:
    put(versioned, GOOD, *[BAD] * (MAX_VERSIONS + 1))
    versioned.process_between_good_ones(versioned.created(KEY))
    assert versioned.counters_of("i-1") is None
    read = [call for call in versioned.calls.of("GetObject") if "VersionId" in call]
    assert len(read) == MAX_VERSIONS
    assert before(versioned) == "10 versions before it are refused too; older ones were not read"


def test_below_many_refused_versions_a_good_one_counts_by_its_own_event(versioned: World) -> None:
    good, *_ = put(versioned, GOOD, *[BAD] * (MAX_VERSIONS + 1))
    versioned.process_between_good_ones(versioned.created(KEY, version_id=good))
    assert versioned.counters_of("i-1") == {"a": SCALE}
    assert before(versioned) == f"the version that its event tells of is applied: {good}"


def test_a_version_that_is_listed_but_not_found_yet_is_waited_for(versioned: World) -> None:
    _, newer, _ = put(versioned, GOOD, NEWER, BAD)
    message = versioned.created(KEY)

    def get_object(**request: Any) -> Any:
        hidden = request.get("VersionId") == newer
        return versioned.clients.s3.get_object(**request | ({"VersionId": "none-such"} if hidden else {}))

    s3 = overridden(versioned.clients.s3, get_object=get_object)
    store = Store(versioned.settings, replace(versioned.clients, s3=s3))
    versioned.process_between_good_ones(message, store=store, retried=True)
    assert (versioned.counters_of("i-1"), versioned.refusals()) == (None, [])
    versioned.process_between_good_ones(message)
    assert versioned.counters_of("i-1") == {"a": 2 * SCALE}


def test_where_too_little_time_is_left_for_other_versions_each_counts_by_its_own_event(versioned: World) -> None:
    good, bad, _ = put(versioned, GOOD, BAD, BAD)
    enough = CALLS_PER_FILE * SLOWEST_CALL_MILLISECONDS
    for version, expected in ((bad, None), (good, {"a": SCALE})):
        message = versioned.created(KEY, version_id=version)
        assert versioned.process(message, context=Context(enough, enough - 1)).retried == []
        assert versioned.counters_of("i-1") == expected
    told = [refusal["before"] for refusal in versioned.refusals()]
    assert told == ["versions before it were not read", f"the version that its event tells of is applied: {good}"]
