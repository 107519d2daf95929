from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from countagg.aws.session import Caller, Clients
from countagg.aws.waiting import Patience
from countagg.core.errors import NotOwned, UsageError
from countagg.core.settings import DeployedChoice
from countagg.operate.deployment import (
    Chosen,
    Deployment,
    apply,
    list_again,
    plan,
    plan_removal,
    remove,
    tally,
)
from countagg.provision.bundle import build_bundle
from countagg.provision.reconcile import Action, Change, Holds
from tests.aws.world import BUCKET, ENVIRONMENT, PLACE, Calls, account, make_clients, silent, touched

DEPLOYED = DeployedChoice(bucket="deployed-bucket", prefix="deployed-in/", output_prefix="deployed-out/")
CALLER = Caller("arn:aws:iam::123456789012:root", PLACE, "https://e")
SAID = Chosen("countagg", BUCKET, create_bucket=True)


@pytest.fixture(scope="module")
def recorded() -> tuple[Clients, Calls]:
    calls = Calls()
    return make_clients(calls), calls


@pytest.fixture
def calls(recorded: tuple[Clients, Calls], monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    for name, value in ENVIRONMENT.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    recorded[1].reset()
    with account():
        yield recorded[1]


@pytest.fixture
def clients(recorded: tuple[Clients, Calls], calls: Calls) -> Clients:
    assert calls is recorded[1]
    return recorded[0]


def refuse_to_wait(what: str) -> None:
    pytest.fail(f"waited for {what}")


@pytest.fixture
def deployment(clients: Clients) -> Deployment:
    return Deployment(
        clients, Caller("arn:aws:iam::123456789012:root", PLACE, "https://e"), Patience(refuse_to_wait)
    )


@pytest.fixture
def set_up(deployment: Deployment) -> Callable[[], tuple[Change, ...]]:
    return lambda: tuple(apply(deployment.nodes(SAID), silent))


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
    settings = Chosen("countagg", "b").settings(DeployedChoice())
    assert (settings.prefix, settings.output_prefix) == ("counters/", "totals/")
    assert settings.create_bucket is False


def test_each_setting_is_completed_by_itself() -> None:
    settings = Chosen("countagg", output_prefix="said/").settings(DEPLOYED)
    assert (settings.prefix, settings.output_prefix) == ("deployed-in/", "said/")


@pytest.mark.parametrize("create", [True, False])
def test_whether_the_bucket_is_made_is_only_said(*, create: bool) -> None:
    assert Chosen("countagg", create_bucket=create).settings(DEPLOYED).create_bucket is create


def test_a_stack_needs_a_bucket() -> None:
    with pytest.raises(UsageError) as caught:
        Chosen("countagg").settings(DeployedChoice())
    assert caught.value.where == "--bucket"
    assert caught.value.hint


def test_a_stack_does_not_move_to_another_bucket() -> None:
    with pytest.raises(UsageError, match="deployed-bucket") as caught:
        Chosen("countagg", "other").settings(DEPLOYED)
    assert caught.value.where == "--bucket"


def test_prefixes_that_overlap_are_refused() -> None:
    with pytest.raises(UsageError):
        Chosen("countagg", prefix="deployed-out/x/").settings(DEPLOYED)


def test_a_name_that_cannot_be_one_is_refused(deployment: Deployment) -> None:
    with pytest.raises(UsageError):
        deployment.nodes(Chosen("NOT A NAME", "b"))


# Plan and setup


def test_the_plan_is_what_setup_does_and_changes_nothing(
    deployment: Deployment, calls: Calls, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    planned = plan(deployment.nodes(SAID))
    assert calls.mutating == []
    done = set_up()
    assert [(each.resource, each.action) for each in planned] == [(each.resource, each.action) for each in done]
    assert tally(done) == {"create": len(done), "update": 0, "keep": 0, "delete": 0}


def test_the_second_setup_needs_no_bucket_and_changes_nothing(
    deployment: Deployment, calls: Calls, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    calls.reset()
    assert touched(apply(deployment.nodes(Chosen("countagg")), silent)) == []
    assert calls.mutating == []


def test_the_functions_run_our_bundle(clients: Clients, set_up: Callable[[], tuple[Change, ...]]) -> None:
    set_up()
    found = clients.lambda_.get_function_configuration(FunctionName="countagg-aggregator")
    assert found["CodeSha256"] == build_bundle().sha256


def test_another_prefix_changes_what_depends_on_it(
    deployment: Deployment, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    changes = plan(deployment.nodes(Chosen("countagg", prefix="in/")))
    assert touched(changes) == [
        ("role/processor", Action.UPDATE, ("policies",)),
        ("function/processor", Action.UPDATE, ("environment",)),
        ("function/aggregator", Action.UPDATE, ("environment",)),
        ("function/publisher", Action.UPDATE, ("environment",)),
        ("notification/uploads", Action.UPDATE, ("prefix",)),
    ]


def test_setup_is_announced_resource_by_resource(deployment: Deployment) -> None:
    announced: list[tuple[str, Action]] = []
    done = []
    for change in apply(deployment.nodes(SAID), lambda node, action: announced.append((node, action))):
        done.append((change.resource, change.action))
        assert announced == done


def test_setup_stops_at_what_is_not_ours(deployment: Deployment, clients: Clients) -> None:
    clients.iam.create_role(RoleName=f"countagg-processor-{PLACE.region}", AssumeRolePolicyDocument="{}")
    with pytest.raises(NotOwned, match="role/processor"):
        plan(deployment.nodes(SAID))


# Teardown


def test_teardown_finds_the_bucket_by_itself_and_leaves_nothing(
    deployment: Deployment, calls: Calls, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    created = set_up()
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    calls.reset()
    planned = plan_removal(nodes, frozenset())
    assert calls.mutating == []
    assert [change.resource for change in planned] == [change.resource for change in created][::-1]
    removed = tuple(remove(nodes, frozenset(), silent))
    assert removed == planned
    assert tally(removed)["delete"] == len(created)
    assert list_again(nodes, removed) == ()
    assert plan_removal(deployment.nodes_to_remove("countagg", None, delete_objects=False), frozenset()) == ()


def test_without_a_stack_there_is_no_bucket_to_look_at(deployment: Deployment) -> None:
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    assert {"bucket", "notification/uploads"}.isdisjoint(node.id for node in nodes)


def test_a_bucket_that_was_left_over_is_removed_by_its_name(
    deployment: Deployment, clients: Clients, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    clients.lambda_.delete_function(FunctionName="countagg-processor")
    tuple(remove(deployment.nodes_to_remove("countagg", None, delete_objects=False), frozenset(), silent))
    assert [bucket["Name"] for bucket in clients.s3.list_buckets()["Buckets"]] == [BUCKET]
    nodes = deployment.nodes_to_remove("countagg", BUCKET, delete_objects=False)
    assert [change.resource for change in remove(nodes, frozenset(), silent)] == ["notification/uploads", "bucket"]
    assert clients.s3.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("delete_objects", [True, False])
def test_a_bucket_with_objects_goes_only_on_demand(
    deployment: Deployment,
    clients: Clients,
    set_up: Callable[[], tuple[Change, ...]],
    *,
    delete_objects: bool,
) -> None:
    set_up()
    # moto ignores the condition of our policy and would refuse every object.
    clients.s3.delete_bucket_policy(Bucket=BUCKET)
    clients.s3.put_object(Bucket=BUCKET, Key="counters/x", Body=b"")
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=delete_objects)
    changes = tuple(remove(nodes, frozenset(), silent))
    assert bool(clients.s3.list_buckets()["Buckets"]) is not delete_objects
    kept = [change.resource for change in changes if change.action is Action.KEEP]
    assert kept == ([] if delete_objects else ["bucket"])
    assert list_again(nodes, changes) == ()


def test_what_was_to_be_kept_is_not_left_over(
    deployment: Deployment, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    changes = tuple(remove(nodes, frozenset(Holds), silent))
    assert tally(changes)["keep"] == 7
    assert list_again(nodes, changes) == ()


def test_what_came_back_is_left_over_and_named(
    deployment: Deployment, clients: Clients, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    changes = tuple(remove(nodes, frozenset(), silent))
    clients.logs.create_log_group(
        logGroupName="/aws/lambda/countagg-processor", tags={"countagg:stack": "countagg"}
    )
    clients.iam.create_role(RoleName=f"countagg-publisher-{PLACE.region}", AssumeRolePolicyDocument="{}")
    assert list_again(nodes, changes) == ("logs/processor",)


class Pauses:
    """A clock that goes by pauses alone; something may happen after so many of them."""

    def __init__(self, happening: Callable[[], object], after: int) -> None:
        self._happening = happening
        self._after = after
        self.count = 0
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.count += 1
        self.seconds += seconds
        if self.count == self._after:
            self._happening()

    def patience(self) -> Patience:
        return Patience(lambda _: None, sleep=self.sleep, clock=lambda: self.seconds)


def test_what_aws_goes_on_listing_for_a_while_is_waited_out(
    clients: Clients, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    name = "/aws/lambda/countagg-processor"
    pauses = Pauses(lambda: clients.logs.delete_log_group(logGroupName=name), after=3)
    deployment = Deployment(clients, CALLER, pauses.patience())
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    changes = tuple(remove(nodes, frozenset(), silent))
    assert deployment.left_over(nodes, changes) == ()
    assert pauses.count == 0

    clients.logs.create_log_group(logGroupName=name, tags={"countagg:stack": "countagg"})
    assert deployment.left_over(nodes, changes) == ()
    assert pauses.count == 3


def test_what_stays_is_named_after_two_minutes(clients: Clients, set_up: Callable[[], tuple[Change, ...]]) -> None:
    set_up()
    pauses = Pauses(list, after=0)
    deployment = Deployment(clients, CALLER, pauses.patience())
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    changes = tuple(remove(nodes, frozenset(), silent))
    clients.logs.create_log_group(
        logGroupName="/aws/lambda/countagg-processor", tags={"countagg:stack": "countagg"}
    )
    assert deployment.left_over(nodes, changes) == ("logs/processor",)
    assert pauses.seconds >= 120


def test_setup_mends_an_environment_that_lost_its_settings(
    deployment: Deployment, clients: Clients, set_up: Callable[[], tuple[Change, ...]]
) -> None:
    set_up()
    before = clients.lambda_.get_function_configuration(FunctionName="countagg-processor")["Environment"][
        "Variables"
    ]
    clients.lambda_.update_function_configuration(
        FunctionName="countagg-processor", Environment={"Variables": {"COUNTAGG_BUCKET": BUCKET}}
    )
    changes = [change for change in apply(deployment.nodes(Chosen("countagg")), silent) if change.fields]
    assert [(change.resource, [field.name for field in change.fields]) for change in changes] == [
        ("function/processor", ["environment"])
    ]
    after = clients.lambda_.get_function_configuration(FunctionName="countagg-processor")["Environment"][
        "Variables"
    ]
    assert after == before


def test_a_half_made_stack_is_removed(deployment: Deployment, clients: Clients) -> None:
    setup: Any = apply(deployment.nodes(SAID), silent)
    while next(setup).resource != "role/aggregator":
        pass
    nodes = deployment.nodes_to_remove("countagg", None, delete_objects=False)
    changes = tuple(remove(nodes, frozenset(), silent))
    assert changes[0].resource == "role/aggregator"
    assert list_again(nodes, changes) == ()
    assert clients.iam.list_roles()["Roles"] == []


def test_a_tally_counts_every_action() -> None:
    changes = [Change("a", Action.CREATE), Change("b", Action.CREATE), Change("c", Action.KEEP)]
    assert tally(changes) == {"create": 2, "update": 0, "keep": 1, "delete": 0}
    assert list(tally([])) == ["create", "update", "keep", "delete"]
