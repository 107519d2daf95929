from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.aws.kinds.s3_notifications import Notification
from countagg.aws.waiting import Patience
from countagg.core.errors import AwsCallFailed, TimedOut
from countagg.provision.reconcile import Action, Observed
from countagg.provision.states import NotificationState
from tests.aws import by_hand
from tests.aws.world import BUCKET, PLACE, World, answer, make_context, touched

PARTS = by_hand.PARTS["notification"]

TOPIC = PLACE.topic_arn("countagg-uploads")


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


def refusal(*destinations: str) -> ClientError:
    """Return S3's answer to destinations that it may not notify."""
    error = answer("InvalidArgument", "Unable to validate the following destination configurations")
    told: Any = error.response["Error"]
    for number, arn in enumerate(destinations, start=1):
        told[f"ArgumentName{number}"] = arn
        told[f"ArgumentValue{number}"] = "The destination queue does not exist"
    return error


class FakeNotifications:
    """A bucket's notifications: S3 may refuse to take some, and others may write before we read back."""

    def __init__(self, document: dict[str, Any], refusals: int = 0) -> None:
        self.document = document
        self.refusals = refusals
        self.invalid: list[str] = []
        self.meanwhile: list[dict[str, Any]] = []
        self.overwritten: list[dict[str, Any]] = []
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
        if self.refusals and not SkipDestinationValidation:
            self.refusals -= 1
            self.document.setdefault("TopicConfigurations", []).extend(self.meanwhile)
            self.meanwhile = []
            raise refusal(*self.invalid)
        self.document = NotificationConfiguration
        if self.overwritten:
            self.document = self.overwritten.pop(0)


def notification(fake: FakeNotifications, world: World | None = None) -> Notification:
    patience = world.patience if world else Patience(lambda _: None)
    client: Any = fake
    return Notification(client, BUCKET, "ours", make_context(patience))


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
    resource.update(replace(DESIRED, prefix="other/"), [])
    assert [each["Id"] for each in fake.document["TopicConfigurations"]] == ["theirs", "ours"]
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


# Destinations of others that are no more


def test_a_stale_destination_of_others_is_no_obstacle_and_is_told(world: World) -> None:
    fake = FakeNotifications(json.loads(json.dumps(THEIRS)), refusals=1)
    fake.invalid = ["arn:gone", "arn:gone-too"]
    notification(fake, world).create(DESIRED)
    assert fake.skipped == [False, True]
    assert [each["Id"] for each in fake.document["TopicConfigurations"]] == ["theirs", "ours"]
    assert world.warnings == ["S3 cannot validate arn:gone, arn:gone-too, entered by others; it was not asked to"]
    assert world.clock.pauses == []


def test_our_own_destination_is_waited_for_though_another_is_stale(world: World) -> None:
    fake = FakeNotifications(json.loads(json.dumps(THEIRS)), refusals=2)
    fake.invalid = ["arn:gone", TOPIC]
    notification(fake, world).create(DESIRED)
    assert fake.skipped == [False, False, False]
    assert world.warnings == []
    assert len(world.clock.pauses) == 2


def test_what_s3_answers_to_other_mistakes_rises(world: World) -> None:
    class Strict(FakeNotifications):
        def put_bucket_notification_configuration(self, **_: object) -> None:  # type: ignore[override]  # refuses all
            raise answer("InvalidArgument", "The ARN could not be parsed")

    with pytest.raises(ClientError, match="parsed"):
        notification(Strict({}), world).create(DESIRED)
    assert world.clock.pauses == []


# Somebody else writes too


def test_an_entry_that_others_take_out_before_we_read_back_is_put_again(world: World) -> None:
    fake = FakeNotifications({})
    fake.overwritten = [THEIRS, {**THEIRS, "EventBridgeConfiguration": {"new": {}}}]
    notification(fake, world).create(DESIRED)
    assert [each["Id"] for each in fake.document["TopicConfigurations"]] == ["theirs", "ours"]
    assert fake.document["EventBridgeConfiguration"] == {"new": {}}
    assert len(fake.skipped) == 3
    assert len(world.clock.pauses) == 2
    assert world.waited_for == [f"notifications of {BUCKET}, which somebody else writes too"]


def test_an_entry_that_others_change_before_we_read_back_is_put_again(world: World) -> None:
    fake = FakeNotifications({})
    changed = NotificationState(TOPIC, DESIRED.events, "elsewhere/")
    fake.overwritten = [{"TopicConfigurations": [{**entry_of("Prefix", "Suffix"), "Events": [*changed.events]}]}]
    notification(fake, world).create(DESIRED)
    assert notification(fake).read() == Observed(DESIRED)
    assert len(fake.skipped) == 2


def test_an_entry_that_others_bring_back_is_removed_again(world: World) -> None:
    ours = {"TopicConfigurations": [entry_of("Prefix", "Suffix")]}
    fake = FakeNotifications(ours)
    fake.overwritten = [ours]
    notification(fake, world).delete()
    assert fake.document == {}
    assert fake.skipped == [True, True]


def test_who_never_stops_to_write_is_named_when_time_is_up(world: World) -> None:
    fake = FakeNotifications({})
    fake.overwritten = [THEIRS] * 500
    with pytest.raises(TimedOut) as caught:
        notification(fake, world).create(DESIRED)
    assert caught.value.where == f"notifications of {BUCKET}, which somebody else writes too"


def test_what_is_as_it_should_be_already_is_not_written(world: World) -> None:
    fake = FakeNotifications(THEIRS)
    notification(fake, world).delete()
    assert fake.skipped == []
    resource = notification(fake, world)
    resource.create(DESIRED)
    resource.create(DESIRED)
    assert fake.skipped == [False]


def test_a_concurrent_edit_is_mended_by_the_same_setup(deployed: World) -> None:
    s3 = deployed.clients.s3
    (node,) = deployed.nodes("notification/uploads")
    node.resource.delete()
    editor = deployed.clients.session.client("s3")
    edits: list[Any] = [{"QueueConfigurations": []}]

    def overwrite(**_: object) -> None:
        if edits:
            editor.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=edits.pop())

    event = "after-call.s3.PutBucketNotificationConfiguration"
    s3.meta.events.register(event, overwrite)
    changes = touched(deployed.set_up())
    s3.meta.events.unregister(event, overwrite)
    assert changes == [("notification/uploads", Action.CREATE, ())]
    assert edits == []
    assert [each["Id"] for each in entries(deployed)] == ["countagg-uploads"]
    assert touched(deployed.plan()) == []


# Errors


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
