from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from countagg.aws.kinds.context import Forced
from countagg.aws.session import Clients
from countagg.core.errors import NotOwned, PlanOutdated, UsageError
from countagg.core.names import OWNER_TAG
from countagg.operate.stack.deployment import Deployment, Plan, apply, list_again, remove, tally
from countagg.provision.bundle import build_bundle
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.reconcile import Action, Change, Holds
from tests.aws.kept_accounts import once
from tests.aws.world import BUCKET, PLACE, Calls, touched
from tests.fakes.provisioning import silent

DEPLOYED = Remembered(bucket="deployed-bucket", prefix="deployed-in/", output_prefix="deployed-out/")
SAID = Chosen("countagg", BUCKET, create_bucket=True)
NOTHING: frozenset[Holds] = frozenset()

SetUp = Callable[[], tuple[Change, ...]]


@pytest.fixture
def set_up(deployment: Deployment) -> SetUp:
    return lambda: once("deployment", lambda: tuple(apply(deployment.plan(SAID), silent)))


def planned_removal(deployment: Deployment, bucket: str | None = None, forced: Forced = Forced()) -> Plan:  # noqa: B008 - frozen
    return deployment.plan_removal("countagg", bucket, NOTHING, forced)


# What was chosen


def test_what_is_said_goes_before_what_is_deployed() -> None:
    said = Chosen("countagg", "deployed-bucket", prefix="in/", output_prefix="out/")
    settings = said.settings(DEPLOYED)
    assert (settings.prefix, settings.output_prefix) == ("in/", "out/")


def test_what_is_deployed_goes_before_the_defaults() -> None:
    settings = Chosen("countagg").settings(DEPLOYED)
    assert settings.bucket == "deployed-bucket"
    assert (settings.prefix, settings.output_prefix) == ("deployed-in/", "deployed-out/")


def test_without_either_there_are_the_defaults() -> None:
    settings = Chosen("countagg", BUCKET).settings(Remembered())
    assert (settings.prefix, settings.output_prefix) == ("counters/", "totals/")
    assert settings.create_bucket is False


def test_each_setting_is_completed_by_itself() -> None:
    settings = Chosen("countagg", output_prefix="said/").settings(DEPLOYED)
    assert (settings.prefix, settings.output_prefix) == ("deployed-in/", "said/")


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_a_bucket_that_setup_made_once_is_its_own_from_then_on(*, before: bool, said: bool) -> None:
    deployed = replace(DEPLOYED, choices={"create_bucket": before})

    assert Chosen("countagg", create_bucket=said).settings(deployed).create_bucket is (before or said)


def test_a_stack_needs_a_bucket() -> None:
    with pytest.raises(UsageError) as caught:
        Chosen("countagg").settings(Remembered())
    assert caught.value.where == "--bucket"
    assert caught.value.hint


def test_a_stack_does_not_move_to_another_bucket() -> None:
    with pytest.raises(UsageError, match="deployed-bucket") as caught:
        Chosen("countagg", "other").settings(DEPLOYED)
    assert caught.value.where == "--bucket"
    # A variable or a file of the user's own may name it, for other stacks.
    assert caught.value.hint.startswith("leave the bucket out to keep that one, ")


def test_prefixes_that_overlap_are_refused() -> None:
    with pytest.raises(UsageError):
        Chosen("countagg", prefix="deployed-out/x/").settings(DEPLOYED)


def test_a_name_that_cannot_be_one_is_refused(deployment: Deployment) -> None:
    with pytest.raises(UsageError):
        deployment.plan(Chosen("NOT A NAME", BUCKET))


# Plan and setup


def test_the_plan_is_what_setup_does_and_changes_nothing(deployment: Deployment, calls: Calls) -> None:
    planned = deployment.plan(SAID)
    assert calls.mutating == []
    done = tuple(apply(planned, silent))
    assert [(each.resource, each.action) for each in planned.changes] == [
        (each.resource, each.action) for each in done
    ]
    assert tally(done) == {"create": len(done), "update": 0, "keep": 0, "delete": 0}


def test_the_functions_run_our_bundle(clients: Clients, set_up: SetUp) -> None:
    set_up()
    found = clients.lambda_.get_function_configuration(FunctionName="countagg-aggregator")
    assert found["CodeSha256"] == build_bundle().sha256


def test_another_prefix_changes_what_depends_on_it(deployment: Deployment, set_up: SetUp) -> None:
    set_up()
    changes = deployment.plan(Chosen("countagg", prefix="in/")).changes
    (note,) = [change.note for change in changes if change.note]
    assert "below counters/ go on counting" in note
    assert touched(changes) == [
        ("role/processor", Action.UPDATE, ("policies",)),
        ("function/processor", Action.UPDATE, ("environment",)),
        ("function/aggregator", Action.UPDATE, ("environment",)),
        ("function/publisher", Action.UPDATE, ("environment",)),
        ("notification/uploads", Action.UPDATE, ("prefix",)),
    ]


def test_a_plan_asks_for_nothing_twice(deployment: Deployment, calls: Calls, set_up: SetUp) -> None:
    set_up()
    calls.reset()
    deployment.plan(SAID)
    asked = Counter((operation, repr(params)) for operation, params in calls.asked_for)
    operations = [operation for operation, _ in asked]
    assert operations.count("DescribeAlarms") == operations.count("DescribeLogGroups") == 1
    assert [call for call, times in asked.items() if times > 1] == []
    # What the bucket holds matters to who deletes it.
    assert "ListObjectVersions" not in operations
    functions = [PLACE.function_arn(f"countagg-{each}") for each in ("processor", "aggregator", "publisher")]
    assert not [each for each in asked for arn in functions if each[0] == "ListTags" and arn in each[1]]


def test_what_a_plan_has_asked_once_is_asked_again_before_anything_is_changed(
    deployment: Deployment, clients: Clients, set_up: SetUp
) -> None:
    set_up()
    planned = deployment.plan(SAID)
    clients.cloudwatch.delete_alarms(AlarmNames=["countagg-dead-letters"])
    with pytest.raises(PlanOutdated, match="to be created, which was not shown") as caught:
        tuple(apply(planned, silent))
    assert caught.value.where == "alarm/dead-letters countagg-dead-letters"
    clients.sns.untag_resource(ResourceArn=PLACE.topic_arn("countagg-uploads"), TagKeys=[OWNER_TAG])
    with pytest.raises(NotOwned) as refused:
        tuple(apply(planned, silent))
    assert refused.value.where == "topic/uploads"


def test_setup_is_announced_resource_by_resource(deployment: Deployment) -> None:
    announced: list[tuple[str, Action]] = []
    done = []
    for change in apply(deployment.plan(SAID), lambda node, action: announced.append((node, action))):
        done.append((change.resource, change.action))
        assert announced == done


def retain(clients: Clients, days: int) -> None:
    clients.logs.put_retention_policy(logGroupName="/aws/lambda/countagg-processor", retentionInDays=days)


def delete_group(clients: Clients) -> None:
    clients.logs.delete_log_group(logGroupName="/aws/lambda/countagg-processor")


def keep_for_three_days(clients: Clients) -> None:
    retain(clients, 3)


def keep_for_a_week(clients: Clients) -> None:
    retain(clients, 7)


@pytest.mark.parametrize(
    ("before", "after", "due"),
    [
        (None, keep_for_three_days, "updated"),
        (None, delete_group, "created"),
        (keep_for_three_days, delete_group, "created"),
        (keep_for_three_days, keep_for_a_week, "updated"),
    ],
)
def test_what_the_plan_did_not_show_is_not_done_unless_all_is_agreed_to(
    deployment: Deployment,
    clients: Clients,
    calls: Calls,
    set_up: SetUp,
    *,
    before: Callable[[Clients], None] | None,
    after: Callable[[Clients], None],
    due: str,
) -> None:
    set_up()
    if before:
        before(clients)
    planned = deployment.plan(SAID)
    after(clients)
    calls.reset()
    with pytest.raises(PlanOutdated, match=f"to be {due}, which was not shown") as caught:
        tuple(apply(planned, silent))
    assert caught.value.where.startswith("logs/processor ")
    assert calls.mutating == []
    tuple(apply(planned, silent, anything=True))
    assert touched(deployment.plan(SAID).changes) == []


def test_what_another_setup_has_made_meanwhile_is_brought_to_what_was_shown(
    deployment: Deployment, clients: Clients
) -> None:
    planned = deployment.plan(SAID)
    tuple(apply(deployment.plan(SAID), silent))
    keep_for_three_days(clients)
    assert touched(apply(planned, silent)) == [("logs/processor", Action.UPDATE, ("retention",))]


def test_what_came_after_the_plan_of_a_teardown_stays(
    deployment: Deployment, clients: Clients, set_up: SetUp
) -> None:
    set_up()
    delete_group(clients)
    planned = planned_removal(deployment)
    set_up()
    with pytest.raises(PlanOutdated, match="to be deleted, which was not shown"):
        tuple(remove(planned, NOTHING, silent))
    tuple(remove(planned, NOTHING, silent, anything=True))
    assert planned_removal(deployment).changes == ()


def test_setup_stops_at_what_is_not_ours(deployment: Deployment, clients: Clients) -> None:
    clients.iam.create_role(RoleName=f"countagg-processor-{PLACE.region}", AssumeRolePolicyDocument="{}")
    with pytest.raises(NotOwned, match="role/processor"):
        deployment.plan(SAID)


# Teardown


def test_teardown_finds_the_bucket_by_itself_and_leaves_nothing(
    deployment: Deployment, calls: Calls, set_up: SetUp
) -> None:
    created = set_up()
    calls.reset()
    planned = planned_removal(deployment)
    assert calls.mutating == []
    assert [change.resource for change in planned.changes] == [change.resource for change in created][::-1]
    removed = tuple(remove(planned, NOTHING, silent))
    assert removed == planned.changes
    assert tally(removed)["delete"] == len(created)
    assert list_again(planned.nodes, removed) == ()
    assert planned_removal(deployment).changes == ()


def test_without_a_stack_there_is_no_bucket_to_look_at(deployment: Deployment) -> None:
    assert {"bucket", "notification/uploads"}.isdisjoint(node.id for node in planned_removal(deployment).nodes)


def without_functions(deployment: Deployment, clients: Clients) -> None:
    """Tear down where no function tells the bucket, as far as that goes."""
    for name in ("processor", "aggregator", "publisher"):
        clients.lambda_.delete_function(FunctionName=f"countagg-{name}")
    clients.s3.delete_bucket_tagging(Bucket=BUCKET)
    tuple(remove(planned_removal(deployment), NOTHING, silent))
    assert [bucket["Name"] for bucket in clients.s3.list_buckets()["Buckets"]] == [BUCKET]
    clients.s3.put_bucket_tagging(
        Bucket=BUCKET, Tagging={"TagSet": [{"Key": "countagg:stack", "Value": "countagg"}]}
    )


@pytest.mark.parametrize("named", [True, False])
def test_a_bucket_that_was_left_over_is_found_by_its_name_and_by_its_tag(
    deployment: Deployment, clients: Clients, set_up: SetUp, *, named: bool
) -> None:
    set_up()
    without_functions(deployment, clients)
    planned = planned_removal(deployment, BUCKET if named else None)
    assert [change.resource for change in remove(planned, NOTHING, silent)] == ["notification/uploads", "bucket"]
    assert clients.s3.list_buckets()["Buckets"] == []


def test_a_bucket_of_another_stack_is_not_found_by_its_tag(deployment: Deployment, clients: Clients) -> None:
    clients.s3.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    clients.s3.put_bucket_tagging(
        Bucket="other", Tagging={"TagSet": [{"Key": "countagg:stack", "Value": "countagg-2"}]}
    )
    assert planned_removal(deployment).changes == ()


def test_teardown_refuses_another_bucket_than_the_stacks(deployment: Deployment, set_up: SetUp) -> None:
    set_up()
    with pytest.raises(UsageError, match=f"works on the bucket '{BUCKET}', not on 'other'") as caught:
        planned_removal(deployment, "other")
    assert caught.value.where == "--bucket"
    assert len(planned_removal(deployment, BUCKET).changes) == len(planned_removal(deployment).changes)


def test_what_came_back_is_left_over_and_named(deployment: Deployment, clients: Clients, set_up: SetUp) -> None:
    set_up()
    planned = planned_removal(deployment)
    changes = tuple(remove(planned, NOTHING, silent))
    name = "/aws/lambda/countagg-processor"
    clients.logs.create_log_group(logGroupName=name, tags={"countagg:stack": "countagg"})
    clients.iam.create_role(RoleName=f"countagg-publisher-{PLACE.region}", AssumeRolePolicyDocument="{}")
    assert list_again(planned.nodes, changes) == (f"logs/processor {name}",)


# Both


def test_the_address_for_alarms_is_subscribed_replaced_and_taken_back(
    deployment: Deployment, clients: Clients, set_up: SetUp
) -> None:
    def told() -> list[str]:
        found = clients.sns.list_subscriptions_by_topic(TopicArn=PLACE.topic_arn("countagg-alerts"))
        return [each["Endpoint"] for each in found["Subscriptions"]]

    def choose(address: str | None) -> list[tuple[str, Action]]:
        changes = tuple(apply(deployment.plan(Chosen("countagg", alarm_email=address)), silent))
        return [(change.resource, change.action) for change in changes if change.resource.startswith("email/")]

    set_up()
    assert choose("a@example.org") == [("email/a@example.org", Action.CREATE)]
    assert choose(None) == [("email/a@example.org", Action.KEEP)]
    assert told() == ["a@example.org"]
    replaced = [("email/a@example.org", Action.DELETE), ("email/b@example.org", Action.CREATE)]
    assert choose("b@example.org") == replaced
    assert told() == ["b@example.org"]
    assert choose("none") == [("email/b@example.org", Action.DELETE)]
    assert told() == []
    assert choose(None) == []


def test_teardown_tells_of_the_address_that_was_subscribed(deployment: Deployment) -> None:
    said = Chosen("countagg", BUCKET, create_bucket=True, alarm_email="a@example.org")
    tuple(apply(deployment.plan(said), silent))
    assert "email/a@example.org" in [change.resource for change in planned_removal(deployment).changes]


def test_setup_mends_an_environment_that_lost_its_settings(
    deployment: Deployment, clients: Clients, set_up: SetUp
) -> None:
    set_up()
    before = clients.lambda_.get_function_configuration(FunctionName="countagg-processor")["Environment"][
        "Variables"
    ]
    clients.lambda_.update_function_configuration(
        FunctionName="countagg-processor", Environment={"Variables": {"COUNTAGG_BUCKET": BUCKET}}
    )
    changes = [change for change in apply(deployment.plan(Chosen("countagg")), silent) if change.fields]
    assert [(change.resource, [field.name for field in change.fields]) for change in changes] == [
        ("function/processor", ["environment"])
    ]
    after = clients.lambda_.get_function_configuration(FunctionName="countagg-processor")["Environment"][
        "Variables"
    ]
    assert after == before


@pytest.mark.parametrize("function", ["processor", "aggregator", "publisher"])
def test_choices_survive_a_function_that_lost_its_environment(
    deployment: Deployment, clients: Clients, function: str
) -> None:
    said = Chosen("countagg", BUCKET, create_bucket=True, prefix="in/", memory={"publisher": 128})
    tuple(apply(deployment.plan(said), silent))
    clients.lambda_.update_function_configuration(
        FunctionName=f"countagg-{function}", Environment={"Variables": {}}
    )
    changes = tuple(apply(deployment.plan(Chosen("countagg")), silent))
    assert touched(changes) == [(f"function/{function}", Action.UPDATE, ("environment",))]


def test_a_dropped_tag_goes_everywhere_although_setup_was_killed_on_the_way(
    deployment: Deployment, clients: Clients
) -> None:
    tuple(apply(deployment.plan(Chosen("countagg", BUCKET, create_bucket=True, tags={"team": "x"})), silent))
    for change in apply(deployment.plan(Chosen("countagg", tags={})), silent):
        if change.resource == "function/processor":
            break
    tuple(apply(deployment.plan(Chosen("countagg")), silent))
    tags = clients.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert [tag["Key"] for tag in tags] == ["countagg:stack"]


def test_a_half_made_stack_is_removed(deployment: Deployment, clients: Clients) -> None:
    setup: Any = apply(deployment.plan(SAID), silent)
    while next(setup).resource != "role/aggregator":
        pass
    planned = planned_removal(deployment)
    changes = tuple(remove(planned, NOTHING, silent))
    assert changes[0].resource == "role/aggregator"
    assert list_again(planned.nodes, changes) == ()
    assert clients.iam.list_roles()["Roles"] == []


def test_a_tally_counts_every_action() -> None:
    changes = [Change("a", Action.CREATE), Change("b", Action.CREATE), Change("c", Action.KEEP)]
    assert tally(changes) == {"create": 2, "update": 0, "keep": 1, "delete": 0}
    assert list(tally([])) == ["create", "update", "keep", "delete"]
