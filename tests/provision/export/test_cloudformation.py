"""The template as a whole: the linter has nothing to say, it is what setup would make, and it fits any place."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from countagg.core.errors import UsageError
from countagg.core.names import OWNER_TAG
from countagg.provision.bundle import make_code
from countagg.provision.differences import KNOWN_AFTER_SETUP
from countagg.provision.export.cloudformation import logical_id, stack_template, zip_name
from countagg.provision.export.references import referred_to
from countagg.provision.export.steps import DIRECT_SIZE
from countagg.provision.export.yaml_text import yaml_text
from countagg.provision.place import Place
from countagg.provision.reconcile import Node
from countagg.provision.settings import StackSettings
from countagg.provision.stack import stack_nodes
from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.provision.export.templates import EVERYTHING, KEY, complaints, make_template
from tests.provision.stacks import CODE, PLACE, make_stack

GOV: Final = Place(PLACE.account, "us-gov-west-1", "aws-us-gov")
CHINA: Final = Place(PLACE.account, "cn-north-1", "aws-cn")
OF_DATA: Final = {"SnapshotsTable", "TotalsTable", "CountersTable", "Bucket"}


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    return make_template(**EVERYTHING).document


@pytest.fixture(scope="module")
def resources(everything: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = everything["Resources"]
    return found


@pytest.mark.parametrize(
    ("place", "chosen"),
    [
        (PLACE, {}),
        (PLACE, EVERYTHING),
        (GOV, {"create_bucket": True, "dashboard": True}),
        (CHINA, {"alarm_email": "a@example.cn"}),
    ],
    ids=["bucket of others", "everything", "GovCloud", "China"],
)
def test_the_linter_has_nothing_to_say(place: Place, chosen: dict[str, Any]) -> None:
    assert complaints(make_template(place, **chosen).document, place.region) == []


def test_the_linter_would_speak_up(everything: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(everything))
    broken["Resources"]["UploadsQueue"]["Properties"]["VisibilityTimeout"] = 50_000
    broken["Resources"]["SnapshotsTable"]["Properties"]["Streams"] = True
    assert sorted(found.split()[0] for found in complaints(broken)) == ["E3002", "E3034"]


def policies_of(resources: dict[str, Any]) -> set[str]:
    """Return the resources that only bear the policy of another one."""
    shared = ("TopicPolicy", "QueuePolicy", "BucketPolicy")
    return {name for name, each in resources.items() if each["Type"].endswith(shared)}


def test_every_resource_of_the_stack_is_in_the_template(resources: dict[str, Any]) -> None:
    nodes = [node.id for node in stack_nodes(make_stack(**EVERYTHING))]
    apart = {"Key", "UploadsNotification", "AlertsOfTheirsAlertQueuePolicy"}
    assert {logical_id(node) for node in nodes} - resources.keys() == apart
    policies = policies_of(resources)
    assert {name.removesuffix("Policy") for name in policies} < resources.keys()
    assert len(resources) == len(nodes) - len(apart) + len(policies)


def test_two_names_that_differ_in_their_punctuation_are_two_resources(resources: dict[str, Any]) -> None:
    functions = {
        name: each["Properties"]["FunctionName"]
        for name, each in resources.items()
        if "Consumer" in name and each["Type"].endswith("Mapping")
    }
    assert functions == {"OnChangeLiveConsumer": "on-change:live", "OnChangeLiveConsumerX": "on_change:live"}


def test_nothing_is_left_to_be_known_after_setup(everything: dict[str, Any]) -> None:
    assert KNOWN_AFTER_SETUP not in json.dumps(everything)
    assert (
        len(set(referred_to(everything)) - everything["Resources"].keys() - everything["Parameters"].keys()) == 3
    )


def test_the_template_fits_any_account_and_region() -> None:
    text = json.dumps(make_template(create_bucket=True).document)
    assert PLACE.account not in text
    assert PLACE.region not in text
    assert "arn:aws:" not in text


def test_bucket_and_folders_stand_nowhere_but_in_the_parameters() -> None:
    template = make_template(create_bucket=True, prefix="in/", output_prefix="out/").document
    assert [template["Parameters"][name]["Default"] for name in ("BucketName", "Prefix", "OutputPrefix")] == [
        "fleet-counters",
        "in/",
        "out/",
    ]
    assert not re.search(r"fleet-counters|in/\*|out/", json.dumps(template["Resources"]))
    assert template["Resources"]["Bucket"]["Properties"]["BucketName"] == {"Ref": "BucketName"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("BucketName", ["my-counters", "a.b-c"], ["My", "a..b", "192.168.0.1", "-a-"]),
        ("Prefix", ["counters/", "a/b.c_d-e/"], ["counters", "/", "a b/", "ä/", ""]),
        ("CodeBucket", ["code"], ["c"]),
    ],
)
def test_a_parameter_takes_what_setup_takes(
    everything: dict[str, Any], name: str, good: list[str], bad: list[str]
) -> None:
    pattern = everything["Parameters"][name]["AllowedPattern"]
    assert [value for value in (*good, *bad) if re.fullmatch(pattern, value)] == good


def test_what_needs_another_waits_for_it_or_refers_to_it(resources: dict[str, Any]) -> None:
    for node in stack_nodes(make_stack(**EVERYTHING)):
        mine = resources[part_of(node)]
        known = {*mine.get("DependsOn", ()), *referred_to(mine["Properties"])}
        elsewhere = {"Key", "AlertsOfTheirsAlertQueuePolicy", part_of(node)}
        assert {logical_id(need) for need in node.needs} - elsewhere <= known, node.id


def part_of(node: Node[Any]) -> str:
    """Return the resource that a node is, or would wait for."""
    elsewhere = {"key": "UploadsTopic", "notification/uploads": "Bucket"}
    if node.id.startswith("alert-queue-policy/"):
        return "AlertsTopic"
    return elsewhere.get(node.id, logical_id(node.id))


def test_who_publishes_waits_for_the_policy_that_allows_it(resources: dict[str, Any]) -> None:
    assert "UploadsTopicPolicy" in resources["Bucket"]["DependsOn"]
    assert {"UploadsQueuePolicy", "DeadLettersQueuePolicy"} <= set(resources["UploadsSubscription"]["DependsOn"])


def test_what_holds_data_stays_when_the_stack_goes(resources: dict[str, Any]) -> None:
    kept = {name: each for name, each in resources.items() if "DeletionPolicy" in each}
    assert kept.keys() == OF_DATA
    for each in kept.values():
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_everything_that_may_have_tags_is_known_as_the_stack_s(resources: dict[str, Any]) -> None:
    untagged = {
        each["Type"]
        for name, each in resources.items()
        if OWNER_TAG not in json.dumps(each["Properties"].get("Tags", []))
    }
    assert untagged == {
        "AWS::SNS::Subscription",
        "AWS::IAM::RolePolicy",
        *(resources[name]["Type"] for name in policies_of(resources)),
    }


def test_what_was_subscribed_is_in_the_template(resources: dict[str, Any]) -> None:
    consumer = resources["OnChangeLiveConsumer"]
    assert consumer["Properties"]["EventSourceArn"] == {"Fn::GetAtt": ["CountersTable", "StreamArn"]}
    assert "OnChangeConsumerPolicy" in consumer["DependsOn"]
    assert resources["OnChangeConsumerPolicy"]["Properties"]["RoleName"] == "on-change"
    ends = {
        each["Properties"]["Endpoint"]: ("RedrivePolicy" in each["Properties"])
        for each in resources.values()
        if each["Properties"].get("TopicArn") == {"Ref": "AlertsTopic"}
    }
    # Dead letters must be of the subscriber's own account and region.
    assert ends == {
        "ops@example.com": False,
        PLACE.queue_arn("alerts-of-theirs"): True,
        f"arn:aws:sqs:{PLACE.region}:210987654321:elsewhere": False,
        "https://example.org/alerts?a=1": True,
    }


def test_the_functions_remember_their_choices_and_know_their_roles(resources: dict[str, Any]) -> None:
    variables = resources["PublisherFunction"]["Properties"]["Environment"]["Variables"]
    remembered = json.loads(variables["COUNTAGG_CHOICES"])
    assert remembered.keys() == EVERYTHING.keys()
    assert (remembered["kms_key"], remembered["tags"]) == (KEY, EVERYTHING["tags"])
    assert variables["COUNTAGG_ROLE_ID"] == {"Fn::GetAtt": ["PublisherRole", "RoleId"]}
    assert variables["COUNTAGG_DEAD_LETTERS_URL"] == {"Ref": "DeadLettersQueue"}
    assert variables["COUNTAGG_BUCKET"] == {"Ref": "BucketName"}


def test_other_stacks_learn_what_aws_picks(everything: dict[str, Any]) -> None:
    assert {name: each["Value"] for name, each in everything["Outputs"].items()} == {
        "AlertsTopicArn": {"Ref": "AlertsTopic"},
        "UploadsTopicArn": {"Ref": "UploadsTopic"},
        "TotalsStreamArn": {"Fn::GetAtt": ["TotalsTable", "StreamArn"]},
        "CountersStreamArn": {"Fn::GetAtt": ["CountersTable", "StreamArn"]},
    }


def test_a_bucket_of_others_is_left_to_its_owner() -> None:
    template = make_template()
    assert not template.document["Resources"].keys() & {"Bucket", "BucketPolicy"}
    assert template.apart.keys() == {"bucket", "notification/uploads"}


def test_where_logs_and_tags_are_less_so_is_the_template() -> None:
    gov = make_template(GOV).document["Resources"]
    assert "LoggingConfig" not in gov["ProcessorFunction"]["Properties"]
    assert "Tags" not in gov["ProcessorMapping"]["Properties"]


def test_what_does_not_fit_the_place_is_refused() -> None:
    with pytest.raises(UsageError, match="is not in us-gov-west-1"):
        make_template(GOV, kms_key=KEY)


def test_other_code_has_another_name_so_that_the_functions_are_brought_up_to_date() -> None:
    names = {zip_name("countagg", CODE), zip_name("countagg", make_code(b"another"))}
    assert len(names) == 2
    template = make_template().document
    assert template["Parameters"]["CodeKey"]["Default"] in names
    assert template["Resources"]["ProcessorFunction"]["Properties"]["Code"] == {
        "S3Bucket": {"Ref": "CodeBucket"},
        "S3Key": {"Ref": "CodeKey"},
    }


def test_a_stack_with_the_usual_choices_fits_into_a_request() -> None:
    template = make_template(
        create_bucket=True, dashboard=True, alarm_email="a@example.com", tags={"team": "fleet"}
    )
    assert len(yaml_text(template.document).encode()) < DIRECT_SIZE


def test_a_choice_that_was_taken_back_makes_nothing() -> None:
    settings = StackSettings(
        "countagg", "fleet-counters", dropped=frozenset({Subscriber(SubscriptionKind.EMAIL, "old@example.com")})
    )
    template = stack_template(settings, PLACE, CODE, "1.2.3").document
    assert not [name for name in template["Resources"] if name.endswith(("Email", "SilentAlarm"))]
