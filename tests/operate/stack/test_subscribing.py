"""Subscribing others to a stack: what is done, mended, undone, and survives a death at every call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from countagg.aws.kinds.context import Forced
from countagg.aws.session import Clients
from countagg.core.errors import CountaggError, NotOwned, StackNotFound, UsageError
from countagg.operate.stack.deployment import Deployment, Plan, apply, remove
from countagg.operate.stack.subscribed import Subscribed, list_subscribed
from countagg.operate.stack.subscribing import Subscribing
from countagg.provision.choices import Chosen
from countagg.provision.deliveries import queue_statement
from countagg.provision.reconcile import Action
from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.aws.by_hand import mapping
from tests.aws.inventory import inventory
from tests.aws.kept_accounts import once
from tests.aws.others import THEIR_POLICY
from tests.aws.subscribers import (
    FUNCTION,
    OTHER_ROLE,
    QUEUE_ARN,
    ROLE,
    SUBSCRIBERS,
    THEIR_STATEMENT,
    URL,
    alert_subscription,
    make_function,
    make_subscribers,
    put_queue_policy,
    queue_policy,
    role_arn,
    role_policies,
)
from tests.aws.test_interruption import die_at_every_call
from tests.aws.world import BUCKET, PLACE, Calls, OneClient, World, touched
from tests.fakes.provisioning import silent
from tests.operate.conftest import CALLER
from tests.provision.stacks import email

SAID = Chosen("countagg", BUCKET, create_bucket=True)
ADDRESS = "on-call@example.org"
ALL = (email(ADDRESS), *SUBSCRIBERS)
POLICY = f"countagg-countagg-{PLACE.region}"
MEMORIES = ["function/processor", "function/aggregator", "function/publisher"]
PARTS = [
    f"email/{ADDRESS}",
    f"consumer-policy/{ROLE}",
    f"consumer/{FUNCTION}",
    "https/example.org/alerts",
    "alert-queue-policy/on-call",
    f"alert-queue/{QUEUE_ARN}",
]
"""What the subscriptions of ALL consist of, in the order of creation."""


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def world(clients: Clients, calls: Calls, deployment: Deployment) -> World:
    """Give a stack in an account in which others have a function and a queue."""
    world = World(clients, calls)

    def make() -> None:
        make_subscribers(world)
        tuple(apply(deployment.plan(SAID), silent))

    once("stack with others", make)
    calls.reset()
    return world


def subscribing(world: World, warnings: list[str] | None = None) -> Subscribing:
    patience = replace(world.patience, warn=(warnings if warnings is not None else []).append)
    return Subscribing(world.clients, CALLER, patience, "countagg")


def subscribe(world: World, *subscribers: Subscriber) -> list[tuple[str, Action, tuple[str, ...]]]:
    """Subscribe them one after the other; return what was touched besides the functions' memories."""
    found = []
    for each in subscribers:
        done = tuple(apply(subscribing(world).plan_adding(each), silent))
        found += [change for change in touched(done) if change[0] not in MEMORIES]
    return found


def end(world: World, endpoint: str) -> list[str]:
    ours = subscribing(world)
    found = ours.find(endpoint)
    if found is None:
        return []
    return [change.resource for change in apply(ours.plan_removing(found), silent)]


def others(plan: Plan) -> list[tuple[str, Action, tuple[str, ...]]]:
    return touched(plan.changes)


def test_the_plan_shows_what_is_made_and_what_remembers_it_and_changes_nothing(world: World) -> None:
    planned = subscribing(world).plan_adding(SUBSCRIBERS[0])

    assert world.mutating == []
    assert [change.resource for change in planned.changes] == [*MEMORIES, *PARTS[1:3]]
    (memory, *_), (mapping,) = planned.changes[0].fields, planned.changes[-1:]
    assert (memory.name, memory.current) == ("subscribed", {})
    assert memory.desired == {f"function {FUNCTION}": f'{{"counters":["http_*"],"role":"ops/{ROLE}"}}'}
    told = {field.name: field.desired for field in mapping.fields}
    assert (told["tries"], told["bisect"]) == (10, True)
    assert told["on_failure"] == PLACE.queue_arn("countagg-dead-letters")
    assert json.loads(told["filters"][0])["dynamodb"]["Keys"] == {"Counter": {"S": [{"prefix": "http_"}]}}


def test_whoever_is_subscribed_is_subscribed_once(world: World) -> None:
    assert [name for name, *_ in subscribe(world, *ALL)] == PARTS
    world.calls.reset()

    assert subscribe(world, *ALL) == []
    assert world.mutating == []


def test_a_later_setup_keeps_what_was_subscribed(world: World, deployment: Deployment) -> None:
    subscribe(world, *ALL)
    world.calls.reset()

    planned = deployment.plan(Chosen("countagg"))

    assert others(planned) == []
    assert {change.resource for change in planned.changes} >= set(PARTS)
    assert planned.settings is not None
    assert planned.settings.subscriptions == tuple(sorted(ALL))


def test_the_functions_remember_and_nothing_else_of_them_is_changed(world: World) -> None:
    def environments() -> list[dict[str, str]]:
        names = (f"countagg-{name.partition('/')[2]}" for name in MEMORIES)
        aws = world.clients.lambda_
        return [aws.get_function_configuration(FunctionName=name)["Environment"]["Variables"] for name in names]

    before = environments()
    subscribe(world, *ALL)
    during = environments()
    assert [each.keys() for each in during] == [each.keys() for each in before]
    for one, other in zip(before, during, strict=True):
        assert {name for name in one if one[name] != other[name]} == {"COUNTAGG_CHOICES"}
    for each in ALL:
        end(world, each.endpoint)
    assert environments() == before


def test_what_is_ended_leaves_roles_and_queues_as_they_were(world: World) -> None:
    before = inventory(world.clients)
    subscribe(world, *ALL)
    assert role_policies(world) == [POLICY, "theirs"] or role_policies(world) == ["theirs", POLICY]
    ours = queue_statement(QUEUE_ARN, PLACE.topic_arn("countagg-alerts"))
    assert queue_policy(world)["Statement"] == [THEIR_STATEMENT, ours]

    for each in ALL:
        assert [part for part in end(world, each.endpoint) if part not in MEMORIES]
        assert end(world, each.endpoint) == []

    assert inventory(world.clients) == before


def test_a_teardown_ends_all_of_it(clients: Clients, calls: Calls, deployment: Deployment) -> None:
    world = World(clients, calls)
    make_subscribers(world)
    before = inventory(clients)
    tuple(apply(deployment.plan(SAID), silent))
    subscribe(world, *ALL)

    planned = deployment.plan_removal("countagg", None, frozenset(), Forced())
    done = [change.resource for change in remove(planned, frozenset(), silent)]

    assert done[: len(PARTS)] == PARTS[::-1]
    assert inventory(clients) == before


def test_killed_at_any_call_the_same_again_finishes(world: World, deployment: Deployment) -> None:
    nobody = inventory(world.clients)

    assert die_at_every_call(world, lambda: subscribe(world, *ALL)) > len(PARTS) + 3 * len(ALL) - 1
    assert others(deployment.plan(Chosen("countagg"))) == []

    def end_all() -> None:
        for each in ALL:
            end(world, each.endpoint)

    assert die_at_every_call(world, end_all) > len(PARTS)
    assert others(deployment.plan(Chosen("countagg"))) == []
    assert inventory(world.clients) == nobody


def test_what_a_killed_subscription_left_is_finished_by_setup_or_ended_by_teardown(
    world: World, deployment: Deployment
) -> None:
    with world.dying(after=0) as died:
        subscribe(world, SUBSCRIBERS[0])
    assert died

    planned = deployment.plan(Chosen("countagg"))

    assert [name for name, *_ in others(planned)] == [*MEMORIES[1:], *PARTS[1:3]]
    tuple(apply(planned, silent))
    assert subscribe(world, SUBSCRIBERS[0]) == []


def widen_role_policy(world: World) -> None:
    world.clients.iam.put_role_policy(RoleName=ROLE, PolicyName=POLICY, PolicyDocument=THEIR_POLICY)


def remove_role_policy(world: World) -> None:
    world.clients.iam.delete_role_policy(RoleName=ROLE, PolicyName=POLICY)


def widen_queue_policy(world: World) -> None:
    policy = queue_policy(world)
    del policy["Statement"][1]["Condition"]
    put_queue_policy(world, policy)


def remove_statement(world: World) -> None:
    put_queue_policy(world, {"Version": "2012-10-17", "Statement": [THEIR_STATEMENT]})


def change_mapping(world: World) -> None:
    world.clients.lambda_.update_event_source_mapping(UUID=mapping(world, FUNCTION)["UUID"], BatchSize=7)


def remove_mapping(world: World) -> None:
    world.clients.lambda_.delete_event_source_mapping(UUID=mapping(world, FUNCTION)["UUID"])


def change_delivery(world: World) -> None:
    world.clients.sns.set_subscription_attributes(
        SubscriptionArn=alert_subscription(world, QUEUE_ARN),
        AttributeName="RawMessageDelivery",
        AttributeValue="false",
    )


def unsubscribe(endpoint: str) -> Callable[[World], object]:
    return lambda world: world.clients.sns.unsubscribe(SubscriptionArn=alert_subscription(world, endpoint))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (widen_role_policy, (PARTS[1], Action.UPDATE, ("policy",))),
        (remove_role_policy, (PARTS[1], Action.CREATE, ())),
        (change_mapping, (PARTS[2], Action.UPDATE, ("batch_size",))),
        (remove_mapping, (PARTS[2], Action.CREATE, ())),
        (widen_queue_policy, (PARTS[4], Action.UPDATE, ("statement",))),
        (remove_statement, (PARTS[4], Action.CREATE, ())),
        (change_delivery, (PARTS[5], Action.UPDATE, ("raw_delivery",))),
        (unsubscribe(QUEUE_ARN), (PARTS[5], Action.CREATE, ())),
        (unsubscribe(ADDRESS), (PARTS[0], Action.CREATE, ())),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_setup_puts_back_what_somebody_changed(
    world: World, deployment: Deployment, change: Callable[[World], object], expected: object
) -> None:
    subscribe(world, *ALL)
    change(world)

    planned = deployment.plan(Chosen("countagg"))

    assert others(planned) == [expected]
    tuple(apply(planned, silent))
    assert others(deployment.plan(Chosen("countagg"))) == []
    assert queue_policy(world)["Statement"][0] == THEIR_STATEMENT
    assert "theirs" in role_policies(world)


def test_to_subscribe_a_function_again_changes_its_counters(world: World) -> None:
    subscribe(world, SUBSCRIBERS[0])

    done = subscribe(world, replace(SUBSCRIBERS[0], counters=()))

    assert done == [(f"consumer/{FUNCTION}", Action.UPDATE, ("filters",))]
    assert [each.counters for each in subscribing(world).settings.subscriptions] == [()]


def test_a_function_with_another_role_leaves_nothing_in_the_one_before(world: World) -> None:
    subscribe(world, SUBSCRIBERS[0])
    aws = world.clients.lambda_
    aws.update_function_configuration(FunctionName=FUNCTION, Role=role_arn(OTHER_ROLE))

    again = subscribing(world).of_function(FUNCTION, ("http_*",))
    done = subscribe(world, again)

    assert again.role == f"ops/{OTHER_ROLE}"
    assert [(name, action) for name, action, _ in done] == [
        (f"consumer-policy/{ROLE}", Action.DELETE),
        (f"consumer-policy/{OTHER_ROLE}", Action.CREATE),
    ]
    assert role_policies(world) == ["theirs"]


def test_killed_while_a_function_changes_its_role_the_same_again_leaves_nothing_in_the_one_before(
    world: World,
) -> None:
    subscribe(world, SUBSCRIBERS[0])
    world.clients.lambda_.update_function_configuration(FunctionName=FUNCTION, Role=role_arn(OTHER_ROLE))

    die_at_every_call(world, lambda: subscribe(world, subscribing(world).of_function(FUNCTION, ("http_*",))))

    assert (role_policies(world), POLICY in role_policies(world, OTHER_ROLE)) == (["theirs"], True)


def test_what_somebody_else_subscribed_since_the_plan_was_made_stays(world: World) -> None:
    planned = subscribing(world).plan_adding(email(ADDRESS))
    subscribe(world, email("two@example.org"))

    tuple(apply(planned, silent, anything=True))

    assert set(subscribing(world).settings.deliveries) == {email(ADDRESS), email("two@example.org")}
    ending = subscribing(world).plan_removing(email(ADDRESS))
    subscribe(world, SUBSCRIBERS[1])
    tuple(apply(ending, silent, anything=True))
    assert set(subscribing(world).settings.deliveries) == {email("two@example.org"), SUBSCRIBERS[1]}


def test_functions_of_one_role_share_its_policy_until_the_last_of_them_goes(world: World) -> None:
    make_function(world, "act-too")
    subscribe(world, SUBSCRIBERS[0])
    assert subscribe(world, replace(SUBSCRIBERS[0], endpoint="act-too"))[0][0] == "consumer/act-too"

    assert end(world, FUNCTION) == ["consumer/act", *reversed(MEMORIES)]
    assert POLICY in role_policies(world)
    assert end(world, "act-too") == ["consumer/act-too", f"consumer-policy/{ROLE}", *reversed(MEMORIES)]


def test_a_function_that_is_gone_can_be_ended_and_leaves_nothing_in_its_role(world: World) -> None:
    subscribe(world, SUBSCRIBERS[0])
    world.clients.lambda_.delete_function(FunctionName=FUNCTION)

    end(world, FUNCTION)

    assert role_policies(world) == ["theirs"]
    left = world.clients.lambda_.list_event_source_mappings()["EventSourceMappings"]
    assert PLACE.function_arn(FUNCTION) not in {each["FunctionArn"] for each in left}


@pytest.mark.parametrize("gone", ["function", "role", "queue"])
def test_setup_says_of_what_is_gone_how_to_go_on_without_it(
    world: World, deployment: Deployment, gone: str
) -> None:
    subscribe(world, *ALL)
    match gone:
        case "function":
            remove_mapping(world)
            world.clients.lambda_.delete_function(FunctionName=FUNCTION)
        case "role":
            for policy in role_policies(world):
                world.clients.iam.delete_role_policy(RoleName=ROLE, PolicyName=policy)
            world.clients.iam.delete_role(RoleName=ROLE)
        case _:
            world.clients.sqs.delete_queue(
                QueueUrl=world.clients.sqs.get_queue_url(QueueName="on-call")["QueueUrl"]
            )

    with pytest.raises(CountaggError, match=f"{gone} .* is gone, and is subscribed") as caught:
        tuple(apply(deployment.plan(Chosen("countagg")), silent))

    assert "subscribe remove" in caught.value.hint
    end(world, QUEUE_ARN if gone == "queue" else FUNCTION)
    assert others(deployment.plan(Chosen("countagg"))) == []


def test_a_mapping_that_somebody_made_by_hand_is_not_touched(world: World) -> None:
    stream = world.clients.dynamodb.describe_table(TableName="countagg-counters")["Table"]["LatestStreamArn"]
    world.clients.lambda_.create_event_source_mapping(
        FunctionName=FUNCTION, EventSourceArn=stream, StartingPosition="LATEST"
    )
    world.calls.reset()

    with pytest.raises(NotOwned):
        subscribe(world, SUBSCRIBERS[0])

    assert world.mutating == []


def test_the_address_of_setup_is_one_of_the_subscriptions(world: World, deployment: Deployment) -> None:
    tuple(apply(deployment.plan(Chosen("countagg", alarm_email=ADDRESS)), silent))
    assert subscribing(world).plan_adding(email(ADDRESS)).is_pending is False
    found = list_subscribed(world.clients, PLACE, subscribing(world).settings)
    assert [(each.kind, each.endpoint, each.by_countagg) for each in found] == [("email", ADDRESS, True)]

    assert end(world, ADDRESS) == [f"email/{ADDRESS}", *reversed(MEMORIES)]

    assert others(deployment.plan(Chosen("countagg"))) == []
    assert subscribing(world).settings.deliveries == ()


def test_another_address_of_setup_leaves_one_that_is_subscribed(world: World, deployment: Deployment) -> None:
    tuple(apply(deployment.plan(Chosen("countagg", alarm_email=ADDRESS)), silent))
    subscribe(world, email("two@example.org"))
    tuple(apply(deployment.plan(Chosen("countagg", alarm_email="two@example.org")), silent))

    planned = deployment.plan(Chosen("countagg", alarm_email="none"))

    assert "email/two@example.org" in {change.resource for change in planned.changes}
    assert all(change.action is not Action.DELETE for change in planned.changes)


def test_a_third_reader_of_the_stream_is_warned_of(world: World, warnings: list[str]) -> None:
    for number, name in enumerate(("one", "two", "three")):
        make_function(world, name)
        ours = subscribing(world, warnings)
        tuple(apply(ours.plan_adding(ours.of_function(name, ())), silent))
        assert len(warnings) == (number == 2)
    assert "2 functions read its stream already" in warnings[0]
    assert subscribing(world, warnings).plan_adding(subscribing(world).of_function("one", ())).changes
    # Of those that are subscribed already, the others count.
    assert len(warnings) == 2


def test_a_queue_with_a_key_is_warned_of(world: World, warnings: list[str]) -> None:
    url = world.clients.sqs.get_queue_url(QueueName="on-call")["QueueUrl"]
    world.clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})

    subscribing(world, warnings).plan_adding(SUBSCRIBERS[2])

    assert "alias/aws/sqs" in warnings[0]


def test_what_cannot_be_subscribed_is_refused_before_anything_is_done(world: World) -> None:
    ours = subscribing(world)
    with pytest.raises(UsageError, match="there is no function 'nobody'"):
        ours.of_function("nobody", ())
    with pytest.raises(UsageError, match="of the stack itself"):
        ours.of_function("countagg-publisher", ())
    with pytest.raises(UsageError, match="there is no queue 'nothing'"):
        ours.plan_adding(Subscriber(SubscriptionKind.QUEUE, PLACE.queue_arn("nothing")))
    with pytest.raises(StackNotFound):
        Subscribing(world.clients, CALLER, world.patience, "another")
    assert world.mutating == []


def test_a_queue_of_another_account_gets_no_statement_and_no_dead_letters(world: World) -> None:
    elsewhere = Subscriber(SubscriptionKind.QUEUE, "arn:aws:sqs:eu-central-1:999999999999:theirs")

    planned = subscribing(world).plan_adding(elsewhere)

    assert [change.resource for change in planned.changes[3:]] == [f"alert-queue/{elsewhere.endpoint}"]
    assert [field.name for field in planned.changes[3].fields] == ["raw_delivery"]


def test_the_list_has_what_is_missing_and_what_others_made(world: World) -> None:
    subscribe(world, *ALL)
    remove_mapping(world)
    unsubscribe(ADDRESS)(world)
    alerts = PLACE.topic_arn("countagg-alerts")
    world.clients.sns.subscribe(TopicArn=alerts, Protocol="email", Endpoint="hand@example.org")

    found = list_subscribed(world.clients, PLACE, subscribing(world).settings)

    assert found[0] == Subscribed("email", ADDRESS, state="missing")
    assert found[1] == Subscribed("function", FUNCTION, ("http_*",), "missing", "")
    assert [(each.kind, each.state, each.by_countagg) for each in found[3:]] == [
        ("queue", "active", True),
        ("email", "active", False),
    ]


class Listed:
    """SNS with one subscription that waits to be confirmed, as it lists it."""

    def get_paginator(self, _name: str) -> Listed:
        return self

    def paginate(self, **_: object) -> list[object]:
        pending = {"SubscriptionArn": "PendingConfirmation", "Protocol": "https", "Endpoint": URL}
        return [{"Subscriptions": [pending]}]


def test_what_was_not_confirmed_is_pending(world: World) -> None:
    settings = replace(subscribing(world).settings, subscriptions=(SUBSCRIBERS[1],))
    clients: Any = OneClient(sns=Listed(), lambda_=world.clients.lambda_, dynamodb=world.clients.dynamodb)

    assert list_subscribed(clients, PLACE, settings) == (Subscribed("https", URL, state="pending"),)
