"""Files that S3 does not read out: moto knows no such state, so the answers of S3 are put into its client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from countagg.core.values import SCALE
from countagg.data.store import Store
from tests.functions.world import DAY, World, overridden

GOOD: Final = b"a 1\n"
NEWER: Final = b"a 2\n"
KEY: Final = f"counters/{DAY}/values_i-1"
ANSWERS: Final = {
    "archived": ("InvalidObjectState", "The operation is not valid for the object's storage class"),
    "SSE-C": (
        "InvalidRequest",
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided",
    ),
    "disabled": ("KMS.DisabledException", "arn:aws:kms:eu-west-1:1:key/1 is disabled."),
    "pending deletion": ("KMS.KMSInvalidStateException", "arn:aws:kms:eu-west-1:1:key/1 is pending deletion."),
    "does not exist": ("KMS.NotFoundException", "Key 'arn:aws:kms:eu-west-1:1:key/1' does not exist"),
    "no permission to use its KMS key": (
        "AccessDenied",
        "User: u is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/1",
    ),
}
SHUT: Final = ClientError(
    {"Error": {"Code": "InvalidObjectState", "Message": ANSWERS["archived"][1]}}, "GetObject"
)


def store_where(world: World, shut: Callable[[dict[str, Any]], bool], error: ClientError = SHUT) -> Store:
    """Return a store whose S3 answers some reads with an error."""

    def get_object(**request: Any) -> Any:
        if shut(request):
            raise error
        return world.clients.s3.get_object(**request)

    return Store(world.settings, replace(world.clients, s3=overridden(world.clients.s3, get_object=get_object)))


def shutting(world: World, *versions: str) -> Store:
    """Return a store that cannot read some versions of the file, the newest among them."""
    return store_where(world, lambda asked: asked["Key"] == KEY and asked.get("VersionId") in (None, *versions))


def put_versions(world: World, *contents: bytes) -> list[str]:
    """Write versions into a bucket that keeps them; return their ids, oldest first."""
    s3, bucket = world.clients.s3, world.settings.bucket
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return [s3.put_object(Bucket=bucket, Key=KEY, Body=content)["VersionId"] for content in contents]


def only_refusal(world: World) -> dict[str, Any]:
    (refusal,) = world.refusals()
    return refusal


@pytest.mark.parametrize("part", ANSWERS)
def test_it_is_refused_with_the_reason_and_what_was_before_goes_on_counting(world: World, part: str) -> None:
    world.put("i-1", GOOD)
    world.process(world.created(KEY))
    world.put("i-1", NEWER)
    code, text = ANSWERS[part]
    error = ClientError({"Error": {"Code": code, "Message": text}}, "GetObject")

    world.process_between_good_ones(
        world.created(KEY), store=store_where(world, lambda asked: asked["Key"] == KEY, error)
    )

    assert world.counters_of("i-1") == {"a": SCALE}
    refusal = only_refusal(world)
    assert part in refusal["reason"]
    assert f"({code}: {text})" in refusal["reason"]
    assert (refusal["key"], refusal["line"], refusal["etag"]) == (KEY, None, "")
    assert refusal["before"].startswith("the bucket keeps no version from before it")
    assert [(line["key"], line["reason"]) for line in world.log_lines() if line["message"] == "file refused"] == [
        (KEY, refusal["reason"])
    ]


def test_an_error_without_a_text_is_retried(world: World) -> None:
    world.put("i-1", GOOD)
    nameless = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
    store = store_where(world, lambda asked: asked["Key"] == KEY, nameless)
    world.process_between_good_ones(world.created(KEY), store=store, retried=True)
    assert world.refusals() == []


def test_the_newest_good_version_before_it_counts(world: World) -> None:
    good, shut = put_versions(world, GOOD, NEWER)
    world.process_between_good_ones(world.created(KEY), store=shutting(world, shut))
    assert world.counters_of("i-1") == {"a": SCALE}
    assert only_refusal(world)["before"] == f"the newest good version before it is applied: {good}"


def test_a_version_before_it_that_cannot_be_read_either_is_passed_over(world: World) -> None:
    good, *shut = put_versions(world, GOOD, NEWER, b"a 3\n")
    world.process_between_good_ones(world.created(KEY), store=shutting(world, *shut))
    assert world.counters_of("i-1") == {"a": SCALE}
    assert only_refusal(world)["before"] == f"the newest good version before it is applied: {good}"


def test_a_version_that_was_read_while_it_could_be_goes_on_counting(world: World) -> None:
    _, newer = put_versions(world, GOOD, NEWER)
    world.process(world.created(KEY))
    (latest,) = put_versions(world, b"a 3\n")
    world.process_between_good_ones(world.created(KEY), store=shutting(world, newer, latest))
    assert world.counters_of("i-1") == {"a": 2 * SCALE}
    assert only_refusal(world)["before"] == f"the version before it that was applied goes on counting: {newer}"


def test_before_the_only_version_there_is_none(world: World) -> None:
    (shut,) = put_versions(world, GOOD)
    world.process_between_good_ones(world.created(KEY), store=shutting(world, shut))
    assert world.counters_of("i-1") is None
    assert only_refusal(world)["before"] == "there is no version before it"


def test_a_version_from_before_versioning_is_no_version_of_its_own(world: World) -> None:
    world.put("i-1", GOOD)
    (shut,) = put_versions(world, NEWER)
    world.process_between_good_ones(world.created(KEY), store=shutting(world, shut))
    assert world.counters_of("i-1") == {"a": SCALE}
    assert only_refusal(world)["before"] == "the newest good version before it is applied: null"


def test_what_was_deleted_before_it_stays_withdrawn(world: World) -> None:
    put_versions(world, GOOD)
    world.delete(KEY)
    (shut,) = put_versions(world, NEWER)
    world.process_between_good_ones(world.created(KEY), store=shutting(world, shut))
    assert world.counters_of("i-1") is None
    assert only_refusal(world)["before"] == "the file before it was deleted"


def test_one_that_is_deleted_meanwhile_leaves_nothing_before_it(world: World) -> None:
    _, shut = put_versions(world, GOOD, NEWER)
    world.delete(KEY)
    world.process_between_good_ones(world.created(KEY), store=shutting(world, shut))
    assert world.counters_of("i-1") is None
    assert only_refusal(world)["before"] == "the file before it was deleted"


def test_after_a_removal_nothing_stands_although_it_came(world: World) -> None:
    world.put("i-1", GOOD)
    world.process(world.created(KEY))
    world.process_between_good_ones(world.removed(KEY), store=shutting(world))
    assert world.counters_of("i-1") == {}
    assert world.refusals() == []


def test_once_it_can_be_read_its_event_applies_it(world: World) -> None:
    world.put("i-1", GOOD)
    message = world.created(KEY)
    world.process_between_good_ones(message, store=shutting(world))
    assert world.counters_of("i-1") is None
    world.process_between_good_ones(message)
    assert world.counters_of("i-1") == {"a": SCALE}
