from __future__ import annotations

from typing import Any

import pytest

from countagg.aws.uploads import CounterFileUploads
from countagg.core.errors import AwsCallFailed
from tests.aws.world import BUCKET, REGION, World

KEY = "counters/2026-11-20/values_i-1"


def make_bucket(world: World) -> None:
    world.clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize("size", [4, 1_000_000])
def test_a_file_is_put_with_one_call_and_nothing_that_an_instance_may_not_ask_for(
    size: int, world: World, *, patient: bool
) -> None:
    make_bucket(world)
    world.calls.reset()

    etag = CounterFileUploads(world.clients, BUCKET, patient=patient).put(KEY, b"x" * size)

    found: Any = world.clients.s3.get_object(Bucket=BUCKET, Key=KEY)
    assert found["Body"].read() == b"x" * size
    assert found["ETag"].strip('"') == etag
    assert not {"StorageClass", "SSECustomerAlgorithm", "TagCount", "SSEKMSKeyId"} & found.keys()
    assert world.calls.mutating == ["PutObject"]


def test_who_tries_again_later_anyway_gives_a_call_up_soon(world: World) -> None:
    impatient, patient = world.clients.impatient().s3, world.clients.s3

    def attempts(client: Any) -> int:
        return int(client.meta.config.retries["total_max_attempts"])

    assert attempts(impatient) < attempts(patient)


def test_a_refusal_names_the_object(world: World) -> None:
    with pytest.raises(AwsCallFailed) as caught:
        CounterFileUploads(world.clients, "absent-bucket").put(KEY, b"A 1\n")

    assert caught.value.where == f"upload of s3://absent-bucket/{KEY}"


def test_a_deleted_file_is_gone_and_deleting_it_again_is_no_error(world: World) -> None:
    make_bucket(world)
    uploads = CounterFileUploads(world.clients, BUCKET)
    uploads.put(KEY, b"A 1\n")

    uploads.delete(KEY)
    uploads.delete(KEY)

    assert "Contents" not in world.clients.s3.list_objects_v2(Bucket=BUCKET)
