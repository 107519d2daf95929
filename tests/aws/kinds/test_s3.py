from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from countagg.aws.kinds.context import Forced
from countagg.aws.kinds.s3 import Bucket
from countagg.core.errors import AccessDenied, AwsCallFailed, CountaggError
from countagg.provision.differences import Tags
from countagg.provision.reconcile import Action
from countagg.provision.states import BucketState
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended, tag, tags_of
from tests.aws.inventory import inventory
from tests.aws.others import THEIR_KEY, create_theirs
from tests.aws.world import BUCKET, OURS, PLACE, REGION, World, answer, make_context, touched, updated

PARTS = by_hand.PARTS["bucket"]


NEW = BucketState(
    private=True, encryption="AES256", versioning=None, statements="[]", lifecycle="[]", tags=Tags({"a": "b"})
)


def put_objects(world: World, *keys: str) -> None:
    # moto 5.2 ignores the condition of our policy and would refuse every object: it goes first.
    world.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    for key in keys:
        world.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=b"")


def test_a_bucket_of_ours_is_closed_encrypted_and_tagged(deployed: World) -> None:
    s3 = deployed.clients.s3
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert len(block) == 4
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == REGION
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "countagg:stack", "Value": "countagg"}]


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


def test_a_bucket_of_ours_answers_only_by_tls(deployed: World) -> None:
    policy = json.loads(deployed.clients.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert sorted(statement["Resource"]) == [PLACE.bucket_arn(BUCKET), f"{PLACE.bucket_arn(BUCKET)}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("chosen", "status"), [(None, None), (True, "Enabled"), (False, "Suspended")], ids=["none", "on", "off"]
)
def test_versioning_is_as_chosen(world: World, chosen: bool | None, status: str | None) -> None:  # noqa: FBT001 - a case
    nodes = world.nodes("bucket", bucket_versioning=chosen)
    world.set_up(nodes)
    assert world.clients.s3.get_bucket_versioning(Bucket=BUCKET).get("Status") == status
    assert ("PutBucketVersioning" in world.mutating) == (chosen is not None)
    assert touched(world.set_up(nodes)) == []
    assert world.mutating == []


def test_a_key_of_the_operator_s_encrypts_the_bucket_and_is_asked_seldom(world: World) -> None:
    world.set_up(world.nodes("bucket", kms_key=THEIR_KEY))
    told = world.clients.s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert told == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": THEIR_KEY},
            "BucketKeyEnabled": True,
        }
    ]


def test_a_bucket_of_the_first_region_is_made_without_naming_it() -> None:
    fake = ForgetfulBuckets()
    client: Any = fake
    place = replace(PLACE, region="us-east-1")
    Bucket(client, BUCKET, make_context(place=place)).create(NEW)
    assert "LocationConstraint" not in fake.created["CreateBucketConfiguration"]
    assert "put_bucket_policy" not in fake.made
    assert "put_bucket_versioning" not in fake.made


def test_tags_of_others_on_a_bucket_of_ours_survive_a_change_of_ours(deployed: World) -> None:
    tag(deployed, "bucket", "cost-centre", "17")
    nodes = deployed.nodes(tags={"team": "a"})
    deployed.set_up(nodes)
    assert tags_of(deployed, "bucket") == {**OURS, "team": "a", "cost-centre": "17"}


def test_what_a_bucket_holds_is_counted_up_to_a_thousand() -> None:
    for count, held in ((1, "1 object"), (1_000, "1000 objects"), (1_001, "more than 1,000 objects")):
        observed = stubborn(StubbornBucket(count), delete_objects=False).read()
        assert observed.contents.startswith(held)
        assert observed.retained.startswith(f"it holds {held}")
        assert stubborn(StubbornBucket(count)).read().retained is None


def test_a_bucket_of_ours_that_notifies_others_stays_unless_that_is_forced(deployed: World) -> None:
    theirs: Any = deployed.clients.s3.get_bucket_notification_configuration(Bucket=BUCKET)
    theirs.pop("ResponseMetadata")
    others: Any = {**theirs["TopicConfigurations"][0], "Id": "other-uploads"}
    others["TopicArn"] = PLACE.topic_arn("countagg-alerts")
    others["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "others/"}]}}
    theirs["TopicConfigurations"].append(others)
    deployed.clients.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=theirs)
    kept = {change.resource: change.note for change in deployed.tear_down() if change.action is Action.KEEP}
    assert kept == {"bucket": "it notifies others (1); --delete-objects deletes it all the same"}
    (entry,) = deployed.clients.s3.get_bucket_notification_configuration(Bucket=BUCKET)["TopicConfigurations"]
    assert entry["Id"] == "other-uploads"
    deployed.tear_down(deployed.nodes(forced=Forced(objects=True)))
    assert deployed.clients.s3.list_buckets()["Buckets"] == []


def test_a_bucket_with_objects_stays_and_says_why(deployed: World) -> None:
    put_objects(deployed, "counters/x")
    (bucket,) = deployed.nodes("bucket")
    (change,) = deployed.tear_down([bucket])
    assert (change.action, deployed.mutating) == (Action.KEEP, [])
    assert "--delete-objects" in str(change.note)
    assert deployed.clients.s3.head_object(Bucket=BUCKET, Key="counters/x")


@pytest.mark.parametrize("versioned", [True, False])
def test_a_bucket_goes_with_its_objects_on_demand(deployed: World, versioned: bool) -> None:  # noqa: FBT001 - a case
    s3 = deployed.clients.s3
    if versioned:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put_objects(deployed, "counters/x", "counters/x", "counters/y")
    s3.delete_object(Bucket=BUCKET, Key="counters/x")
    deployed.tear_down(deployed.nodes(forced=Forced(objects=True)))
    assert s3.list_buckets()["Buckets"] == []
    assert deployed.mutating[:3] == ["PutBucketNotificationConfiguration", "DeleteObjects", "DeleteBucket"]


def test_a_deletion_of_objects_that_was_killed_is_finished_by_the_next(deployed: World) -> None:
    put_objects(deployed, "counters/x")
    nodes = deployed.nodes("bucket", forced=Forced(objects=True))
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
        self.alone: list[str] = []

    def get_paginator(self, _name: str) -> StubbornBucket:
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        return [{"Versions": [{"Key": key, "VersionId": "v"} for key in self.keys]}]

    def delete_objects(self, Delete: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.batches.append(len(Delete["Objects"]))
        failed = [each for each in Delete["Objects"] if each["Key"] == self.stubborn]
        return {"Errors": [{"Key": each["Key"], "Message": "locked"} for each in failed]} if failed else {}

    def delete_object(self, Key: str, VersionId: str, **_: object) -> None:  # noqa: N803 - AWS's names
        self.alone.append(f"{Key} {VersionId}")

    def delete_bucket(self, **_: object) -> None:
        self.batches.append(-1)

    def get_bucket_tagging(self, **_: object) -> dict[str, Any]:
        return {"TagSet": [{"Key": "countagg:stack", "Value": "countagg"}]}

    def get_bucket_location(self, **_: object) -> dict[str, Any]:
        return {"LocationConstraint": REGION}

    def get_bucket_policy(self, **_: object) -> dict[str, Any]:
        return {"Policy": "{}"}

    def get_public_access_block(self, **_: object) -> None:
        raise answer("NoSuchPublicAccessBlockConfiguration")

    def get_bucket_encryption(self, **_: object) -> None:
        raise answer("ServerSideEncryptionConfigurationNotFoundError")

    def __getattr__(self, _name: str) -> Any:
        return lambda **_: {}


def stubborn(fake: Any, *, delete_objects: bool = True) -> Any:
    return Bucket(fake, BUCKET, make_context(forced=Forced(objects=delete_objects)))


def test_keys_that_no_list_in_xml_can_hold_are_deleted_one_by_one() -> None:
    # S3 takes them in a PUT; moto and the embedded engine cannot list them.
    fake = StubbornBucket(2)
    fake.keys += ["values_\x1b[31m", "\x00", "\ufffe", "\u540d \U0001f600&<\t\n\r"]
    stubborn(fake).delete()
    assert (fake.alone, fake.batches) == (["values_\x1b[31m v", "\x00 v", "\ufffe v"], [3, -1])


def test_objects_are_deleted_a_thousand_at_a_time() -> None:
    fake = StubbornBucket(2_001)
    stubborn(fake).delete()
    assert fake.batches == [1_000, 1_000, 1, -1]


def test_an_object_that_cannot_be_deleted_is_named() -> None:
    fake = StubbornBucket(3, stubborn="k1")
    with pytest.raises(AwsCallFailed, match="k1 cannot be deleted: locked"):
        stubborn(fake).delete()
    assert -1 not in fake.batches


def test_lifecycle_rules_of_others_stay_in_our_bucket(deployed: World) -> None:
    s3 = deployed.clients.s3
    rules: Any = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    theirs: Any = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [theirs]})
    assert touched(deployed.set_up()) == updated("bucket", "lifecycle")
    assert s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"] == [theirs, *rules]
    assert touched(deployed.set_up()) == []


def test_a_borrowed_bucket_must_exist(world: World) -> None:
    with pytest.raises(CountaggError, match=f"bucket {BUCKET}: it does not exist"):
        world.plan(world.nodes(create_bucket=False))


def test_a_borrowed_bucket_is_used_as_it_is(world: World) -> None:
    create_theirs(world)
    nodes = world.nodes("bucket", create_bucket=False)
    (change,) = world.set_up(nodes)
    assert (change.action, bool(change.note)) == (Action.KEEP, True)
    (change,) = world.tear_down(nodes)
    assert change.action is Action.KEEP
    assert world.mutating == []


@pytest.mark.parametrize(("key", "said"), [(THEIR_KEY, True), ("", False)])
def test_a_key_that_encrypts_a_borrowed_bucket_is_told(world: World, key: str, said: bool) -> None:  # noqa: FBT001 - a case
    create_theirs(world)
    by_key: Any = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": key} if key else {})
    rules: Any = [{"ApplyServerSideEncryptionByDefault": by_key}]
    world.clients.s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
    (change,) = world.plan(world.nodes("bucket", create_bucket=False))
    assert str(change.note).startswith("not ours, used as it is")
    assert (f"encrypted with {THEIR_KEY}: name it by --kms-key" in str(change.note)) is said


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_encryption_that_may_not_be_looked_at_is_no_obstacle(world: World, code: str) -> None:
    create_theirs(world)
    world.answers("GetBucketEncryption", code, "no")
    (change,) = world.plan(world.nodes("bucket", create_bucket=False))
    assert change.note == "not ours, used as it is"
    world.answers("GetBucketEncryption", "SlowDown", "later")
    with pytest.raises(AwsCallFailed, match="bucket: GetBucketEncryption failed: later"):
        world.plan(world.nodes("bucket", create_bucket=False))


def test_a_bucket_of_another_region_is_refused_and_says_which(world: World) -> None:
    create_theirs(world, "eu-west-1")
    before = inventory(world.clients)
    for create in (False, True):
        with pytest.raises(AwsCallFailed, match="is in eu-west-1, not in eu-central-1") as caught:
            world.plan(world.nodes(create_bucket=create))
        assert "--region eu-west-1" in caught.value.hint
    assert inventory(world.clients) == before


@pytest.mark.parametrize(("constraint", "region"), [(None, "us-east-1"), ("EU", "eu-west-1"), (REGION, REGION)])
def test_a_bucket_s_region_is_told_by_its_constraint(constraint: str | None, region: str) -> None:
    client: Any = Unowned(constraint)
    place = replace(PLACE, region=region)
    observed = Bucket(client, BUCKET, make_context(place=place)).read()
    assert observed is not None
    assert not observed.owned


class Unowned:
    """A bucket of nobody."""

    def __init__(self, constraint: str | None) -> None:
        self.constraint = constraint

    def get_bucket_location(self, **_: object) -> dict[str, Any]:
        return {"LocationConstraint": self.constraint}

    def get_bucket_tagging(self, **_: object) -> None:
        raise answer("NoSuchTagSet")

    def get_bucket_notification_configuration(self, **_: object) -> dict[str, Any]:
        return {}

    def get_bucket_encryption(self, **_: object) -> None:
        raise answer("ServerSideEncryptionConfigurationNotFoundError")


def test_a_bucket_that_may_not_be_looked_at_may_be_another_account_s(world: World) -> None:
    world.answers("GetBucketLocation", "AccessDenied", "Access Denied")
    with pytest.raises(AccessDenied, match=r"another account, or .* \(s3:GetBucketLocation\)") as caught:
        world.plan(world.nodes("bucket", create_bucket=False))
    assert "--bucket" in caught.value.hint


def test_an_engine_that_forgets_the_tags_of_a_new_bucket_gets_them_in_a_second_call() -> None:
    fake = ForgetfulBuckets()
    stubborn(fake).create(NEW)
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
