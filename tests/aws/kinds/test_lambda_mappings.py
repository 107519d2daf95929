from __future__ import annotations

import json
from typing import Any

import pytest

from countagg.aws.kinds.lambda_mappings import EventSourceMapping
from countagg.core.errors import AwsCallFailed
from countagg.provision.reconcile import Action
from tests.aws import by_hand
from tests.aws.by_hand import MAPPINGS, mapping, replace_stream
from tests.aws.world import PLACE, World, answer, make_context, touched

PARTS = by_hand.PARTS["mapping"]

AGGREGATOR = ("queue", "table/snapshots", "role/aggregator", "function/aggregator", "mapping/aggregator")


@pytest.fixture
def aggregator(world: World) -> World:
    """Give the parts of a stack around the aggregator."""
    world.focus(*AGGREGATOR).set_up()
    return world


def test_the_mappings_are_as_designed(deployed: World) -> None:
    queue, snapshots, totals = (mapping(deployed, name) for name in MAPPINGS.values())
    assert queue["EventSourceArn"] == PLACE.queue_arn("countagg-uploads")
    assert queue["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "StartingPosition" not in queue
    assert snapshots["StartingPosition"] == totals["StartingPosition"] == "TRIM_HORIZON"
    assert [json.loads(each["Pattern"]) for each in snapshots["FilterCriteria"]["Filters"]] == [
        {"dynamodb": {"NewImage": {"Change": {"S": change}}}, "eventName": ["INSERT", "MODIFY"]}
        # What earlier versions wrote does not say what it changes.
        for change in (["counters"], [{"exists": False}])
    ]
    for each, tries in ((snapshots, 10), (totals, 30)):
        assert each["DestinationConfig"]["OnFailure"]["Destination"] == PLACE.queue_arn("countagg-dead-letters")
        assert each["MaximumRetryAttempts"] == tries


def test_a_filter_in_other_words_is_no_drift(aggregator: World) -> None:
    present = mapping(aggregator, "countagg-aggregator")
    patterns = [json.loads(each["Pattern"]) for each in present["FilterCriteria"]["Filters"]]
    filters: Any = [{"Pattern": json.dumps(pattern, indent=1)} for pattern in patterns]
    aggregator.clients.lambda_.update_event_source_mapping(
        UUID=present["UUID"], FilterCriteria={"Filters": filters}
    )
    assert touched(aggregator.plan()) == []


def test_a_new_mapping_names_no_filter_and_no_destination_that_it_has_not(world: World) -> None:
    world.set_up()
    sent = {request["FunctionName"]: request.keys() for request in world.sent("CreateEventSourceMapping")}
    assert {"FilterCriteria", "DestinationConfig"} & sent["countagg-processor"] == set()
    assert {"FilterCriteria", "DestinationConfig"} <= sent["countagg-publisher"]
    assert {"FilterCriteria", "DestinationConfig"} <= sent["countagg-aggregator"]


def test_the_queue_alone_is_kept_to_so_many_invocations_at_a_time(deployed: World) -> None:
    assert mapping(deployed, "countagg-processor")["ScalingConfig"] == {"MaximumConcurrency": 100}
    assert not mapping(deployed, "countagg-aggregator").get("ScalingConfig")
    assert touched(deployed.choose(max_concurrency=20).set_up())
    assert mapping(deployed, "countagg-processor")["ScalingConfig"] == {"MaximumConcurrency": 20}


def test_mappings_of_other_sources_are_not_ours(deployed: World) -> None:
    aws = deployed.clients
    aws.sqs.create_queue(QueueName="theirs")
    aws.lambda_.create_event_source_mapping(
        FunctionName="countagg-processor", EventSourceArn=PLACE.queue_arn("theirs")
    )
    assert touched(deployed.set_up()) == []
    (node,) = deployed.nodes("mapping/processor")
    deployed.tear_down([node])
    assert mapping(deployed, "countagg-processor")["EventSourceArn"] == PLACE.queue_arn("theirs")


def test_the_mapping_of_another_table_whose_name_begins_like_ours_is_not_ours(aggregator: World) -> None:
    (node,) = aggregator.nodes("mapping/aggregator")
    aws = aggregator.clients
    arn = aws.dynamodb.create_table(
        TableName="countagg-snapshots-2",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]["LatestStreamArn"]
    aggregator.tear_down([node])
    aws.lambda_.create_event_source_mapping(
        FunctionName="countagg-aggregator", EventSourceArn=arn, StartingPosition="LATEST"
    )
    assert node.resource.read() is None


def test_teardown_removes_every_mapping_of_our_function_and_our_source(aggregator: World) -> None:
    # moto accepts the second one, AWS only one to another stream of the table.
    aggregator.clients.lambda_.create_event_source_mapping(
        FunctionName="countagg-aggregator",
        EventSourceArn=mapping(aggregator, "countagg-aggregator")["EventSourceArn"],
        StartingPosition="LATEST",
    )
    (node,) = aggregator.nodes("mapping/aggregator")
    aggregator.tear_down([node])
    assert aggregator.mutating == ["UpdateEventSourceMapping", "DeleteEventSourceMapping"] * 2
    assert node.resource.read() is None


def test_a_mapping_whose_function_was_deleted_by_hand_is_still_ours(deployed: World) -> None:
    deployed.clients.lambda_.delete_function(FunctionName="countagg-publisher")
    (node,) = deployed.nodes("mapping/publisher")
    observed = node.resource.read()
    assert observed is None or observed.owned
    deployed.tear_down()
    assert deployed.clients.lambda_.list_event_source_mappings()["EventSourceMappings"] == []


def stream_arn(world: World) -> str:
    return world.clients.dynamodb.describe_table(TableName="countagg-snapshots")["Table"]["LatestStreamArn"]


def test_a_plan_foresees_that_a_stream_made_anew_is_mapped_anew(aggregator: World) -> None:
    (before,) = aggregator.nodes("mapping/aggregator")
    replace_stream(aggregator, "table/snapshots", "KEYS_ONLY")
    before.resource.delete()
    aggregator.clients.lambda_.create_event_source_mapping(
        FunctionName="countagg-aggregator",
        EventSourceArn=stream_arn(aggregator),
        StartingPosition="TRIM_HORIZON",
    )
    foreseen = [(name, action) for name, action, _ in touched(aggregator.plan())]
    assert foreseen == [("table/snapshots", Action.UPDATE), ("mapping/aggregator", Action.UPDATE)]
    (_, (_, _, fields)) = touched(aggregator.plan())
    assert "source" in fields
    assert [(name, action) for name, action, _ in touched(aggregator.set_up())] == foreseen
    assert touched(aggregator.plan()) == []


@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("way", ["before", "after"])
def test_a_stream_being_made_anew_survives_a_death_at_any_call(aggregator: World, call: int, way: str) -> None:
    replace_stream(aggregator, "table/snapshots", "KEYS_ONLY")
    with aggregator.dying(**{way: call}) as died:
        aggregator.set_up()
    assert died
    aggregator.set_up()
    assert touched(aggregator.plan()) == []
    found = mapping(aggregator, "countagg-aggregator")
    assert (found["EventSourceArn"], found["StartingPosition"]) == (stream_arn(aggregator), "TRIM_HORIZON")


# A function that is gone


def orphaned(world: World) -> None:
    """Delete the function; Lambda then answers so to a question for its mappings, which moto does not."""
    world.clients.lambda_.delete_function(FunctionName="countagg-aggregator")
    world.answers("ListEventSourceMappings", "ResourceNotFoundException", "Function not found", times=1)


def test_a_mapping_whose_function_is_gone_is_still_found_and_ours(aggregator: World) -> None:
    arn = mapping(aggregator, "countagg-aggregator")["EventSourceArn"]
    orphaned(aggregator)
    (node,) = aggregator.nodes("mapping/aggregator")
    observed = node.resource.read()
    assert observed is not None
    assert observed.owned
    assert observed.state.source == arn


def test_of_all_mappings_only_those_of_the_function_that_is_gone_are_ours(deployed: World) -> None:
    deployed.clients.lambda_.delete_function(FunctionName="countagg-aggregator")
    (node,) = deployed.nodes("mapping/aggregator")
    node.resource.delete()
    deployed.clients.lambda_.create_event_source_mapping(
        FunctionName="countagg-publisher", EventSourceArn=stream_arn(deployed), StartingPosition="LATEST"
    )
    deployed.answers("ListEventSourceMappings", "ResourceNotFoundException", "Function not found")
    assert node.resource.read() is None


def test_teardown_removes_a_mapping_whose_function_is_gone(aggregator: World) -> None:
    orphaned(aggregator)
    # What an update answers then is not promised; there is nothing to drain in any case.
    aggregator.calls.errors["UpdateEventSourceMapping"] = [answer("ResourceNotFoundException", "no function")]
    aggregator.tear_down(aggregator.nodes("mapping/aggregator"))
    assert aggregator.mutating == ["UpdateEventSourceMapping", "DeleteEventSourceMapping"]
    assert aggregator.clients.lambda_.list_event_source_mappings()["EventSourceMappings"] == []


def test_setup_makes_the_function_anew_and_keeps_its_mapping(aggregator: World) -> None:
    before = mapping(aggregator, "countagg-aggregator")["UUID"]
    aggregator.clients.lambda_.delete_function(FunctionName="countagg-aggregator")
    assert touched(aggregator.set_up()) == [("function/aggregator", Action.CREATE, ())]
    assert mapping(aggregator, "countagg-aggregator")["UUID"] == before


def test_other_answers_to_the_question_for_mappings_rise(aggregator: World) -> None:
    (node,) = aggregator.nodes("mapping/aggregator")
    aggregator.answers("ListEventSourceMappings", "ServiceException", "later")
    with pytest.raises(AwsCallFailed, match="mapping/aggregator: ListEventSourceMappings failed: later"):
        node.resource.read()


# States that moto's mappings never have


class SlowMappings:
    """Mappings that go through their transitional states; the last one stays, and none is no mapping."""

    def __init__(self, *states: str, refusals: int = 0) -> None:
        self.states = list(states)
        self.refusals = refusals
        self.made: list[str] = []

    def get_paginator(self, _name: str) -> SlowMappings:
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        found = {
            "UUID": "u",
            "State": state,
            "EventSourceArn": PLACE.queue_arn("countagg-uploads"),
            "EventSourceMappingArn": "arn:u",
        }
        return [{"EventSourceMappings": [found] if state else []}]

    def list_tags(self, **_: object) -> dict[str, Any]:
        return {"Tags": {"countagg:stack": "countagg"}}

    def update_event_source_mapping(self, *, Enabled: bool, **_: object) -> None:  # noqa: N803 - AWS's name
        self.made.append("enable" if Enabled else "disable")

    def delete_event_source_mapping(self, **_: object) -> None:
        self.made.append("delete")
        if self.refusals:
            self.refusals -= 1
            raise answer("ResourceInUseException", "Cannot delete the event source mapping: it is in use")
        if self.states[0] == "":
            raise answer("ResourceNotFoundException", "The resource you requested does not exist.")


def slow_mapping(world: World, fake: Any) -> Any:
    source = PLACE.queue_arn("countagg-uploads")
    return EventSourceMapping(fake, "countagg-processor", source, make_context(world.patience))


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Disabling", "Updating"])
def test_a_mapping_that_is_changing_is_waited_for(world: World, state: str) -> None:
    observed = slow_mapping(world, SlowMappings(state, state, "Enabled")).read()
    assert observed.state.enabled
    assert len(world.clock.pauses) == 2


def test_what_aws_leaves_out_is_its_default(world: World) -> None:
    state = slow_mapping(world, SlowMappings("Disabled")).read().state
    assert not state.enabled
    assert (state.tries, state.record_age, state.parallel, state.window) == (-1, -1, 1, 0)
    assert (state.filters, state.on_failure, state.bisect, state.partial_answers) == ((), "", False, False)
    assert state.max_concurrency is None


def test_deletion_drains_the_mapping_first_and_waits_until_it_is_gone(world: World) -> None:
    fake = SlowMappings("Enabling", "Enabled", "Disabling", "Disabled", "Deleting", "Deleting", "", refusals=1)
    slow_mapping(world, fake).delete()
    assert fake.made == ["disable", "delete", "delete"]
    assert len(world.clock.pauses) == 5
    assert len(world.waited_for) == 4


def test_deletion_of_a_disabled_mapping_does_not_disable_it(world: World) -> None:
    fake = SlowMappings("Disabled", "")
    slow_mapping(world, fake).delete()
    assert fake.made == ["delete"]


def test_a_mapping_that_is_listed_for_a_while_after_its_deletion_is_deleted_once(world: World) -> None:
    fake = SlowMappings("Disabled", "Disabled", "Disabled", "")
    slow_mapping(world, fake).delete()
    assert fake.made == ["delete"]
    assert len(world.clock.pauses) == 2


def test_a_mapping_that_somebody_else_deletes_meanwhile_is_gone(world: World) -> None:
    fake = SlowMappings("Enabled", "")
    slow_mapping(world, fake).delete()
    assert fake.made == ["disable", "delete"]
