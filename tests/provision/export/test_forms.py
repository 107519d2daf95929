"""Every field of every desired state is in the template, or left out with a reason."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import pytest

from countagg.core.errors import CountaggError
from countagg.provision import states
from countagg.provision.bundle import make_code
from countagg.provision.differences import Tags
from countagg.provision.export.forms import FORMS
from countagg.provision.policies import canonical
from countagg.provision.stack import stack_nodes
from tests.provision.export.templates import EVERYTHING
from tests.provision.stacks import make_stack, state_of

NO_RESOURCES: Final = {
    states.KeyState: "a key is always somebody else's",
    states.QueueGrantState: "the queue is somebody else's, and CloudFormation would replace its whole policy",
    states.IndexState: "is a part of a table",
}

_OTHERS: Final[dict[tuple[str, str], Any]] = {
    ("QueueState", "redrive_policy"): canonical({"deadLetterTargetArn": "arn:of:another", "maxReceiveCount": 9}),
    ("SubscriptionState", "redrive_policy"): canonical({"deadLetterTargetArn": "arn:of:another"}),
    ("SubscriptionState", "filter_policy"): canonical({"kind": ["a"]}),
    ("TableState", "indexes"): (states.IndexState("Other", "Instance"),),
    ("RoleState", "trust"): canonical({"Version": "2012-10-17", "Statement": []}),
    ("RoleState", "policies"): {"other": canonical({"Version": "2012-10-17", "Statement": []})},
    ("RolePolicyState", "policy"): canonical({"Version": "2012-10-17", "Statement": []}),
    ("BucketState", "lifecycle"): canonical([{"ID": "countagg-other", "Status": "Enabled"}]),
    ("BucketState", "encryption"): "AES256",
    ("FunctionState", "log_format"): "Text",
    ("FunctionState", "code"): make_code(b"another zip"),
    ("MappingState", "max_concurrency"): 7,
    ("MappingState", "starting_position"): "AT_TIMESTAMP",
}
"""Another value of a field, where any other would not do."""


def classes() -> list[type[Any]]:
    found: list[Any] = [each for _, each in inspect.getmembers(states, is_dataclass)]
    return [each for each in found if each.__module__ == states.__name__]


def test_every_kind_of_state_has_a_form_or_a_reason_to_have_none() -> None:
    assert FORMS.keys() | NO_RESOURCES.keys() == set(classes())


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.__name__)
def test_a_form_names_the_fields_of_its_state_and_no_others(kind: type[Any]) -> None:
    form = FORMS[kind]
    written = [*form.fields, *form.left_out, *(["statements"] if form.policy else [])]
    assert sorted(written) == sorted(each.name for each in fields(kind))
    assert all(form.left_out.values())


@pytest.fixture(scope="module")
def found() -> dict[type[Any], Any]:
    """Return a state of each kind."""
    stack = make_stack(**EVERYTHING)
    return {type(state): state for node in stack_nodes(stack) if (state := state_of(stack, node.id))}


def other(state: Any, name: str) -> Any:
    """Return another value of a field."""
    value = getattr(state, name)
    if (special := _OTHERS.get((type(state).__name__, name))) is not None:
        return special
    if isinstance(value, bool):
        return not value
    if isinstance(value, Tags):
        return Tags({**value.of, "x": "x"})
    if isinstance(value, Mapping):
        return {**value, "x": "x"}
    return value + {int: 1, float: 1.0, str: "x", tuple: ("x",)}[type(value)]


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.__name__)
def test_a_field_that_changes_changes_the_template(kind: type[Any], found: dict[type[Any], Any]) -> None:
    form, state = FORMS[kind], found[kind]
    parts = ("one", "two", "three")[: sum(each.default is each.empty for each in parameters(form.found_by))]
    unsaid = [
        name
        for name in form.fields
        if form.properties(replace(state, **{name: other(state, name)}), *parts) == form.properties(state, *parts)
    ]
    # The code is a parameter: see the name of the zip in test_cloudformation.
    assert unsaid == (["code"] if kind is states.FunctionState else [])


def parameters(function: Callable[..., object]) -> Iterable[inspect.Parameter]:
    return inspect.signature(function).parameters.values()


def test_a_field_that_nobody_wrote_down_ends_the_export() -> None:
    form = FORMS[states.LogGroupState]
    partial = replace(form, fields={"tags": form.fields["tags"]})
    with pytest.raises(CountaggError, match="retention of LogGroupState has no form in AWS::Logs::LogGroup"):
        partial.properties(states.LogGroupState(30, Tags({})), "name")


def test_a_part_of_a_lifecycle_rule_that_nobody_wrote_down_ends_the_export() -> None:
    state = replace(state_of(make_stack(create_bucket=True), "bucket"), lifecycle='[{"Transitions":[]}]')
    with pytest.raises(KeyError, match="Transitions"):
        FORMS[states.BucketState].properties(state, "name")
