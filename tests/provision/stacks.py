"""Stacks to look at without a client."""

from __future__ import annotations

from typing import Any, Final

from countagg.provision.bundle import make_code
from countagg.provision.place import Place
from countagg.provision.reconcile import Outputs
from countagg.provision.settings import StackSettings
from countagg.provision.stack import Spec, Stack

PLACE = Place("123456789012", "eu-central-1")
CODE = make_code(b"the zip")
IDS: Final = [
    "topic/uploads",
    "topic/alerts",
    "queue/dead-letters",
    "queue/uploads",
    "subscription/uploads",
    "table/snapshots",
    "table/totals",
    "table/counters",
    "logs/processor",
    "logs/aggregator",
    "logs/publisher",
    "role/processor",
    "role/aggregator",
    "role/publisher",
    "function/processor",
    "function/aggregator",
    "function/publisher",
    "mapping/processor",
    "mapping/aggregator",
    "mapping/publisher",
    "bucket",
    "notification/uploads",
]
"""Every resource of a stack, in the order of creation."""


def make_stack(place: Place = PLACE, *, stack: str = "countagg", bucket: str = "b", **chosen: Any) -> Stack:
    """Make a stack on the bucket b."""
    return Stack(StackSettings(stack, bucket, **chosen), place, CODE)


def spec_of(stack: Stack, name: str) -> Spec[Any]:
    """Return one spec by its id."""
    return next(spec for spec in stack.specs() if spec.id == name)


def state_of(stack: Stack, name: str) -> Any:
    """Return what one resource should be, with made-up outputs of those that it needs."""
    outputs = Outputs()
    outputs.record("queue/dead-letters", {"url": "https://queue.test/dead-letters"})
    for table in ("table/snapshots", "table/totals"):
        outputs.record(table, {"stream_arn": f"arn:of:{table}"})
    return spec_of(stack, name).desired(outputs)
