from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.core.names import MAX_STACK_LENGTH, Names

STACKS = st.from_regex(r"[a-z][a-z0-9-]{0,30}[a-z0-9]", fullmatch=True)
RESOURCES = [
    name
    for name, member in inspect.getmembers(Names)
    if isinstance(member, property) and inspect.get_annotations(member.fget or str)["return"] == "str"
]
LONGEST_REGION = "x" * 20


@given(STACKS)
def test_every_resource_is_named_after_the_stack_and_within_the_limits_of_aws(stack: str) -> None:
    names = Names(stack)
    found = {resource: getattr(names, resource) for resource in RESOURCES}
    assert len(set(found.values())) == len(found) == 9
    for name in found.values():
        assert name.startswith(f"{stack}-")
        assert re.fullmatch(r"[a-zA-Z0-9_-]{3,64}", name)
    for function in (names.processor, names.aggregator, names.publisher):
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", Names.role(function, LONGEST_REGION))
        assert Names.log_group(function) == f"/aws/lambda/{function}"


@given(STACKS, STACKS)
def test_two_stacks_share_no_name(one: str, other: str) -> None:
    if one != other:
        ours = {getattr(Names(one), resource) for resource in RESOURCES}
        assert ours.isdisjoint(getattr(Names(other), resource) for resource in RESOURCES)


def test_names_are_those_of_the_design() -> None:
    names = Names("countagg")
    assert {resource: getattr(names, resource) for resource in RESOURCES} == {
        "uploads": "countagg-uploads",
        "alerts": "countagg-alerts",
        "dead_letters": "countagg-dead-letters",
        "snapshots": "countagg-snapshots",
        "totals": "countagg-totals",
        "counters": "countagg-counters",
        "processor": "countagg-processor",
        "aggregator": "countagg-aggregator",
        "publisher": "countagg-publisher",
    }
    assert Names.role(names.processor, "eu-west-1") == "countagg-processor-eu-west-1"


@pytest.mark.parametrize("stack", ["ab", "a1", "prod-eu-1", "a" * MAX_STACK_LENGTH])
def test_short_lower_case_names_are_accepted(stack: str) -> None:
    assert Names(stack).stack == stack


@pytest.mark.parametrize(
    "stack",
    ["", "a", "1a", "-a", "a-", "Ab", "a_b", "a.b", "a b", "ab\n", "\u00e4b", 'a"b', "a" * (MAX_STACK_LENGTH + 1)],
)
def test_other_names_are_a_usage_error_that_names_the_option(stack: str) -> None:
    with pytest.raises(UsageError) as wrong:
        Names(stack)
    assert wrong.value.where == "--stack"
    assert wrong.value.what == f"{stack!r} cannot be the name of a stack"
    assert wrong.value.hint == "use 2 to 32 of a-z 0-9 -, beginning with a letter, not ending with -"
