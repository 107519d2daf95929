"""What is told from what others made, where AWS offers less."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from countagg.aws.kinds.consumers import Consumer
from countagg.provision.deliveries import wanted
from countagg.provision.reconcile import Node, NodeOutputs
from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.aws.world import PLACE, answer, make_context
from tests.provision.stacks import make_stack

TABLE = PLACE.table_arn("countagg-counters")
DEAD_LETTERS = PLACE.queue_arn("countagg-dead-letters")
NOT_OFFERED = answer(
    "InvalidParameterValueException", "Unsupported resource type for tagging or invalid arn: arn:aws:lambda:x"
)


class Lambda:
    """Lambda of a region where mappings may have no tags."""

    def __init__(self, *mappings: Any) -> None:
        self.mappings = list(mappings)
        self.tags: dict[str, str] | None = None
        self.tagged: list[str] = []

    def get_paginator(self, _name: str) -> Lambda:
        return self

    def paginate(self, **_: object) -> list[Any]:
        return [{"EventSourceMappings": self.mappings}]

    def list_tags(self, **_: object) -> Any:
        if self.tags is None:
            raise NOT_OFFERED
        return {"Tags": self.tags}

    def tag_resource(self, **request: Any) -> None:
        self.tagged.append(request["Resource"])

    def create_event_source_mapping(self, **request: Any) -> None:
        if "Tags" in request:
            raise NOT_OFFERED
        self.mappings.append(mapping(request["DestinationConfig"]["OnFailure"]["Destination"]))


def mapping(on_failure: str) -> Any:
    return {
        "UUID": "1",
        "EventSourceArn": f"{TABLE}/stream/2026",
        "EventSourceMappingArn": PLACE.mapping_arn("1"),
        "FunctionArn": PLACE.function_arn("act"),
        "State": "Enabled",
        "DestinationConfig": {"OnFailure": {"Destination": on_failure}},
    }


def consumer(fake: Any) -> Consumer:
    return Consumer(fake, "act", TABLE, make_context())


def test_without_tags_a_mapping_is_ours_that_sends_its_failures_to_the_stack() -> None:
    for on_failure, is_ours in ((DEAD_LETTERS, True), (PLACE.queue_arn("theirs"), False)):
        observed = consumer(Lambda(mapping(on_failure))).read()
        assert observed is not None
        assert observed.owned is is_ours
        assert observed.state.tags is None


def test_a_tag_says_whose_a_mapping_is_before_anything_else() -> None:
    fake = Lambda(mapping(DEAD_LETTERS))
    for tags, is_ours in (
        ({"countagg:stack": "countagg"}, True),
        ({"countagg:stack": "another"}, False),
        ({}, True),
    ):
        fake.tags = tags
        observed = consumer(fake).read()
        assert observed is not None
        assert observed.owned is is_ours


def test_where_mappings_may_have_no_tags_the_function_of_others_gets_none_either() -> None:
    fake = Lambda()
    act = Subscriber(SubscriptionKind.FUNCTION, "act", (), "role")
    node: Node[Any]
    (node,) = (each for each in wanted(make_stack(subscriptions=(act,))) if each.id == "consumer/act")

    consumer(fake).create(node.desired(NodeOutputs()))

    assert len(fake.mappings) == 1
    assert fake.tagged == []
    assert isinstance(NOT_OFFERED, ClientError)
