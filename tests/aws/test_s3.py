from __future__ import annotations

import json
from typing import Any

import pytest

from countagg.aws.s3 import Bucket, Notification
from countagg.aws.waiting import Patience
from countagg.core.errors import AccessDenied, AwsCallFailed, CountaggError
from countagg.provision.identities import BucketId, NotificationId
from countagg.provision.reconcile import Action, Tags
from countagg.provision.states import BucketState, NotificationState
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended
from tests.aws.world import BUCKET, PLACE, REGION, World, answer, touched

PARTS = by_hand.PARTS["bucket"]

TOPIC = PLACE.topic_arn("countagg-uploads")
PUBLIC: Any = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": True,
}


def create_theirs(world: World, region: str = REGION) -> None:
    where: Any = {"LocationConstraint": region}
    world.clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)


def put_objects(world: World, *keys: str) -> None:
    # moto 5.2 ignores the condition of our policy and would refuse every object: it goes first.
    world.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    for key in keys:
        world.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")


# The bucket


def test_a_bucket_of_ours_is_closed_encrypted_and_tagged(deployed: World) -> None:
    s3 = deployed.clients.s3
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert len(block) == 4
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == REGION
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "countagg:stack", "Value": "countagg"}]


@pytest.mark.parametrize("removed", [True, False])
def test_a_bucket_that_was_opened_is_closed(deployed: World, removed: bool) -> None:  # noqa: FBT001 - a case
    if removed:
        deployed.clients.s3.delete_public_access_block(Bucket=BUCKET)
    else:
        deployed.clients.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=PUBLIC)
    assert_mended(deployed, "bucket", ("private",), ["PutPublicAccessBlock"])


def test_encryption_that_was_removed_is_put_back(deployed: World) -> None:
    deployed.clients.s3.delete_bucket_encryption(Bucket=BUCKET)
    assert_mended(deployed, "bucket", ("encrypted",), ["PutBucketEncryption"])


def test_a_policy_that_was_removed_is_put_back_and_one_of_others_stays(deployed: World) -> None:
    s3 = deployed.clients.s3
    s3.delete_bucket_policy(Bucket=BUCKET)
    assert_mended(deployed, "bucket", ("statements",), ["PutBucketPolicy"])
    theirs = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": PLACE.bucket_arn(BUCKET),
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}))
    assert_mended(deployed, "bucket", ("statements",), ["PutBucketPolicy"])
    statements = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert json.dumps(statements[0]) == json.dumps(theirs)
    assert [each["Sid"] for each in statements] == ["Theirs", "CountaggTlsOnly"]


def test_a_bucket_with_objects_stays_and_says_why(deployed: World) -> None:
    put_objects(deployed, "counters/x")
    (bucket,) = deployed.nodes("bucket")
    (change,) = deployed.tear_down([bucket])
    assert (change.action, deployed.mutating) == (Action.KEEP, [])
    assert "--delete-objects" in change.note
    assert deployed.clients.s3.head_object(Bucket=BUCKET, Key="counters/x")


@pytest.mark.parametrize("versioned", [True, False])
def test_a_bucket_goes_with_its_objects_on_demand(deployed: World, versioned: bool) -> None:  # noqa: FBT001 - a case
    s3 = deployed.clients.s3
    if versioned:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_objects(deployed, "counters/x", "counters/x", "counters/y")
    s3.delete_object(Bucket=BUCKET, Key="counters/x")
    deployed.tear_down(deployed.nodes(delete_objects=True))
    assert s3.list_buckets()["Buckets"] == []
    assert deployed.mutating[:3] == ["PutBucketNotificationConfiguration", "DeleteObjects", "DeleteBucket"]


def test_a_deletion_of_objects_that_was_killed_is_finished_by_the_next(deployed: World) -> None:
    put_objects(deployed, "counters/x")
    nodes = deployed.nodes("bucket", delete_objects=True)
    with deployed.dying(after=0) as died:
        deployed.tear_down(nodes)
    assert died
    deployed.tear_down(nodes)
    assert deployed.mutating == ["DeleteBucket"]


class StubbornBucket:
    """A bucket with more objects than one call deletes, one of which cannot be deleted; moto knows no such."""

    def __init__(self, count: int, *, stubborn: str = "") -> None:
        self.keys = [f"k{index}" for index in range(count)]
        self.stubborn = stubborn
        self.batches: list[int] = []

    def get_paginator(self, _name: str) -> StubbornBucket:
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        return [{"Versions": [{"Key": key, "VersionId": "v"} for key in self.keys]}]

    def delete_objects(self, Delete: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.batches.append(len(Delete["Objects"]))
        failed = [each for each in Delete["Objects"] if each["Key"] == self.stubborn]
        return {"Errors": [{"Key": each["Key"], "Message": "locked"} for each in failed]} if failed else {}

    def delete_bucket(self, **_: object) -> None:
        self.batches.append(-1)


def stubborn(fake: Any) -> Any:
    return Bucket(fake, BucketId(BUCKET), PLACE, "countagg", delete_objects=True)


def test_objects_are_deleted_a_thousand_at_a_time() -> None:
    fake = StubbornBucket(2_001)
    stubborn(fake).delete()
    assert fake.batches == [1_000, 1_000, 1, -1]


def test_an_object_that_cannot_be_deleted_is_named() -> None:
    fake = StubbornBucket(3, stubborn="k1")
    with pytest.raises(AwsCallFailed, match="k1 cannot be deleted: locked"):
        stubborn(fake).delete()
    assert -1 not in fake.batches


def test_a_borrowed_bucket_must_exist(world: World) -> None:
    with pytest.raises(CountaggError, match="bucket: it does not exist"):
        world.plan(world.nodes(create_bucket=False))


def test_a_borrowed_bucket_is_used_as_it_is(world: World) -> None:
    create_theirs(world)
    nodes = world.nodes("bucket", create_bucket=False)
    (change,) = world.set_up(nodes)
    assert (change.action, bool(change.note)) == (Action.KEEP, True)
    (change,) = world.tear_down(nodes)
    assert change.action is Action.KEEP
    assert world.mutating == []


def test_a_bucket_of_another_region_is_refused_and_says_which(world: World) -> None:
    world.clients.session.client("s3", region_name="eu-west-1").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    with pytest.raises(AwsCallFailed, match="eu-west-1") as caught:
        world.plan(world.nodes("bucket", create_bucket=False))
    assert "--region eu-west-1" in caught.value.hint


def test_a_bucket_that_may_not_be_looked_at_may_be_another_account_s(world: World) -> None:
    world.answers("HeadBucket", "403", "Forbidden")
    with pytest.raises(AccessDenied, match=r"belongs to another account, or .* \(s3:ListBucket\)") as caught:
        world.plan(world.nodes("bucket", create_bucket=False))
    assert "--bucket" in caught.value.hint


def test_an_engine_that_forgets_the_tags_of_a_new_bucket_gets_them_in_a_second_call() -> None:
    fake = ForgetfulBuckets()
    resource = stubborn(fake)
    resource.create(BucketState(private=True, encrypted=True, statements="[]", tags=Tags({"a": "b"})))
    assert fake.made[:2] == ["create_bucket", "put_bucket_tagging"]
    assert fake.created == {
        "Bucket": BUCKET,
        "CreateBucketConfiguration": {"LocationConstraint": REGION, "Tags": [{"Key": "a", "Value": "b"}]},
    }


class ForgetfulBuckets:
    """Takes every call."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.created: dict[str, Any] = {}

    def create_bucket(self, **request: Any) -> None:
        self.made.append("create_bucket")
        self.created = request

    def get_bucket_tagging(self, **_: object) -> None:
        raise answer("NoSuchTagSet")

    def __getattr__(self, name: str) -> Any:
        return lambda **_: self.made.append(name)


# The notification


def entries(world: World) -> list[dict[str, Any]]:
    found: Any = world.clients.s3.get_bucket_notification_configuration(Bucket=BUCKET)
    topics: list[dict[str, Any]] = found["TopicConfigurations"]
    return topics


def test_our_entry_is_as_designed(deployed: World) -> None:
    (entry,) = entries(deployed)
    assert entry["Id"] == "countagg-uploads"
    assert entry["TopicArn"] == TOPIC
    assert sorted(entry["Events"]) == ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    (rule,) = entry["Filter"]["Key"]["FilterRules"]
    assert (rule["Name"].lower(), rule["Value"]) == ("prefix", "counters/")


def rules(**values: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in values.items()]}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Events": ["s3:ObjectCreated:*"]}, "events"),
        ({"TopicArn": PLACE.topic_arn("countagg-alerts")}, "topic"),
        ({"Filter": rules(prefix="other/")}, "prefix"),
        ({"Filter": rules(prefix="counters/", suffix=".txt")}, "suffix"),
    ],
)
def test_an_entry_that_was_changed_is_put_back_and_others_stay(
    deployed: World, change: dict[str, Any], field: str
) -> None:
    (ours,) = entries(deployed)
    theirs: dict[str, Any] = {**ours, "Id": "theirs", "Filter": rules(suffix=".jpg")}
    deployed.clients.s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"TopicConfigurations": [{**ours, **change}, theirs]},  # type: ignore[list-item]  # AWS's own answer
    )
    kept = entries(deployed)[1]
    assert_mended(deployed, "notification/uploads", (field,), ["PutBucketNotificationConfiguration"])
    after = {entry["Id"]: entry for entry in entries(deployed)}
    assert json.dumps(after["theirs"]) == json.dumps(kept)
    assert after["countagg-uploads"] == ours


def test_rule_names_are_read_whatever_their_case() -> None:
    # S3 gives them back capitalised, moto as they were put.
    fake = FakeNotifications({"TopicConfigurations": [entry_of("Prefix", "Suffix")]})
    observed = notification(fake).read()
    assert observed is not None
    assert observed.state == NotificationState(TOPIC, ("a", "b"), "p", "s")


def entry_of(prefix: str, suffix: str) -> dict[str, Any]:
    return {
        "Id": "ours",
        "TopicArn": TOPIC,
        "Events": ["b", "a"],
        "Filter": {"Key": {"FilterRules": [{"Name": prefix, "Value": "p"}, {"Name": suffix, "Value": "s"}]}},
    }


class FakeNotifications:
    """A bucket's notifications with what moto does not give back (EventBridge) and its validation."""

    def __init__(self, document: dict[str, Any], refusals: int = 0) -> None:
        self.document = document
        self.refusals = refusals
        self.meanwhile: list[dict[str, Any]] = []
        self.skipped: list[bool] = []

    def get_bucket_notification_configuration(self, **request: Any) -> dict[str, Any]:
        assert request == {"Bucket": BUCKET, "ExpectedBucketOwner": PLACE.account}
        return {"ResponseMetadata": {"RequestId": "r"}, **json.loads(json.dumps(self.document))}

    def put_bucket_notification_configuration(
        self,
        NotificationConfiguration: dict[str, Any],  # noqa: N803 - AWS's name
        SkipDestinationValidation: bool,  # noqa: N803, FBT001 - AWS's name
        **_: object,
    ) -> None:
        self.skipped.append(SkipDestinationValidation)
        if self.refusals:
            self.refusals -= 1
            self.document.setdefault("TopicConfigurations", []).extend(self.meanwhile)
            self.meanwhile = []
            raise answer("InvalidArgument", "Unable to validate the following destination configurations")
        self.document = NotificationConfiguration


def notification(fake: FakeNotifications, world: World | None = None) -> Notification:
    patience = world.patience if world else Patience(lambda _: None)
    client: Any = fake
    return Notification(client, NotificationId(BUCKET, "ours"), PLACE, patience)


DESIRED = NotificationState(TOPIC, ("s3:ObjectCreated:*",), "counters/")
THEIRS: dict[str, Any] = {
    "TopicConfigurations": [{"Id": "theirs", "TopicArn": "t", "Events": ["s3:ObjectRemoved:*"]}],
    "QueueConfigurations": [{"Id": "q", "QueueArn": "q", "Events": ["s3:ObjectRestore:*"]}],
    "LambdaFunctionConfigurations": [{"Id": "l", "LambdaFunctionArn": "l", "Events": ["s3:ObjectTagging:*"]}],
    "EventBridgeConfiguration": {},
}


def test_every_part_of_others_stays_byte_for_byte() -> None:
    before = json.dumps(THEIRS, sort_keys=True)
    fake = FakeNotifications(json.loads(before))
    resource = notification(fake)
    resource.create(DESIRED)
    assert [each["Id"] for each in fake.document["TopicConfigurations"]] == ["theirs", "ours"]
    assert fake.document["EventBridgeConfiguration"] == {}
    assert "ResponseMetadata" not in fake.document
    resource.delete()
    assert json.dumps(fake.document, sort_keys=True) == before


def test_destinations_are_checked_when_ours_is_put_and_not_when_it_is_removed() -> None:
    fake = FakeNotifications({})
    resource = notification(fake)
    resource.create(DESIRED)
    resource.delete()
    assert fake.skipped == [False, True]


def test_an_entry_that_others_add_while_we_wait_is_kept(world: World) -> None:
    fake = FakeNotifications({}, refusals=2)
    fake.meanwhile = [{"Id": "new", "TopicArn": "t", "Events": ["s3:ObjectRemoved:*"]}]
    notification(fake, world).create(DESIRED)
    assert [each["Id"] for each in fake.document["TopicConfigurations"]] == ["new", "ours"]
    assert len(world.clock.pauses) == 2


def test_a_bucket_that_is_gone_has_no_entry(deployed: World) -> None:
    nodes = deployed.nodes("notification/uploads")
    deployed.answers("GetBucketNotificationConfiguration", "NoSuchBucket", times=2)
    assert nodes[0].resource.read() is None
    nodes[0].resource.delete()


def test_other_errors_of_the_notification_rise(deployed: World) -> None:
    (node,) = deployed.nodes("notification/uploads")
    deployed.answers("GetBucketNotificationConfiguration", "InternalError", "later", times=2)
    with pytest.raises(AwsCallFailed, match="notification/uploads"):
        node.resource.read()
    with pytest.raises(AwsCallFailed, match="notification/uploads"):
        node.resource.delete()


def test_a_deleted_bucket_comes_back_with_its_entry(deployed: World) -> None:
    deployed.clients.s3.delete_bucket(Bucket=BUCKET)
    assert touched(deployed.set_up()) == [
        ("bucket", Action.CREATE, ()),
        ("notification/uploads", Action.CREATE, ()),
    ]
