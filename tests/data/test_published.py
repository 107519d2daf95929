"""The published objects on S3 as moto has it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from countagg.core.published import PublishedTotals
from countagg.core.values import SCALE
from countagg.data.published import PublishedObjects
from tests.functions.world import ACCOUNT, BUCKET, DAY, World

KEY = f"totals/{DAY}"
TOTALS = {"a": SCALE, "b": SCALE // 4}


@pytest.fixture
def objects(world: World) -> PublishedObjects:
    return PublishedObjects(world.clients, world.settings)


def test_what_is_written_is_read_back(objects: PublishedObjects) -> None:
    assert objects.read(DAY) == PublishedTotals()
    etag = objects.write(DAY, 3, "now", TOTALS, "")
    assert etag
    assert objects.read(DAY) == PublishedTotals(3, etag, TOTALS)


def test_type_and_metadata_are_there_for_readers(objects: PublishedObjects, world: World) -> None:
    objects.write(DAY, 3, "2026-11-20T10:00:00Z", TOTALS, "")
    head = world.clients.s3.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ContentType"] == "text/plain; charset=utf-8"
    assert head["Metadata"] == {
        "countagg-stack": "countagg",
        "countagg-version": "3",
        "countagg-updated-at": "2026-11-20T10:00:00Z",
    }


def test_only_the_object_that_was_read_is_replaced(objects: PublishedObjects) -> None:
    first = objects.write(DAY, 1, "now", TOTALS, "")
    assert objects.write(DAY, 2, "now", TOTALS, "") == ""
    second = objects.write(DAY, 2, "now", TOTALS, first)
    assert second not in {"", first}
    assert objects.write(DAY, 3, "now", TOTALS, first) == ""
    assert objects.read(DAY).version == 2


def test_an_object_that_is_gone_is_not_replaced(objects: PublishedObjects, world: World) -> None:
    etag = objects.write(DAY, 1, "now", TOTALS, "")
    world.clients.s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert objects.write(DAY, 2, "now", TOTALS, etag) == ""
    assert objects.read(DAY) == PublishedTotals()


def test_every_call_names_the_owner_of_the_bucket(objects: PublishedObjects, world: World) -> None:
    objects.write(DAY, 1, "now", TOTALS, "")
    objects.read(DAY)
    made = [*world.calls.of("PutObject"), *world.calls.of("GetObject")]
    assert [call["ExpectedBucketOwner"] for call in made] == [ACCOUNT, ACCOUNT]


def test_other_answers_rise(objects: PublishedObjects, world: World) -> None:
    world.clients.s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        objects.read(DAY)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        objects.write(DAY, 1, "now", TOTALS, "")
