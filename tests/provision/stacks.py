"""Stacks to look at without a client."""

from __future__ import annotations

from typing import Any, Final

from countagg.provision.blueprint import Blueprint
from countagg.provision.bundle import make_code
from countagg.provision.place import Place
from countagg.provision.reconcile import Node, NodeOutputs
from countagg.provision.settings import StackSettings
from countagg.provision.stack import stack_nodes
from countagg.provision.subscriptions import Subscriber, SubscriptionKind

PLACE = Place("123456789012", "eu-central-1")
CODE = make_code(b"the zip")
IDS: Final = [
    "logs/processor",
    "logs/aggregator",
    "logs/publisher",
    "topic/uploads",
    "topic/alerts",
    "queue/dead-letters",
    "queue/uploads",
    "subscription/uploads",
    "table/snapshots",
    "table/totals",
    "table/counters",
    "role/processor",
    "role/aggregator",
    "role/publisher",
    "function/processor",
    "function/aggregator",
    "function/publisher",
    "mapping/processor",
    "mapping/aggregator",
    "mapping/publisher",
    "alarm/processor-errors",
    "alarm/processor-throttles",
    "alarm/aggregator-errors",
    "alarm/aggregator-throttles",
    "alarm/aggregator-iterator-age",
    "alarm/publisher-errors",
    "alarm/publisher-throttles",
    "alarm/publisher-iterator-age",
    "alarm/files-refused",
    "alarm/uploads-age",
    "alarm/uploads-depth",
    "alarm/uploads-rate",
    "alarm/dead-letters",
    "bucket",
    "notification/uploads",
]
"""Every resource of a stack, in the order of creation."""


def email(address: str) -> Subscriber:
    """Return the subscription of an address."""
    return Subscriber(SubscriptionKind.EMAIL, address)


def make_stack(
    place: Place = PLACE, *, stack: str = "countagg", bucket: str = "fleet-counters", **chosen: Any
) -> Blueprint:
    """Make a stack."""
    return Blueprint(StackSettings(stack, bucket, **chosen), place, CODE, bind)


def bind(_node: str, name: str, *parts: str) -> Any:
    """Return, in place of a resource, what AWS finds it by."""
    return parts or (name,)


def node_of(stack: Blueprint, name: str) -> Node[Any]:
    """Return one node by its id."""
    return next(node for node in stack_nodes(stack) if node.id == name)


def state_of(stack: Blueprint, name: str) -> Any:
    """Return what one resource should be, with made-up outputs of those that it needs."""
    outputs = NodeOutputs()
    outputs.record("queue/dead-letters", {"url": "https://queue.test/dead-letters"})
    for table in ("table/snapshots", "table/totals"):
        outputs.record(table, {"stream_arn": f"arn:of:{table}"})
    return node_of(stack, name).desired(outputs)
