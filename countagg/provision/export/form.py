"""How CloudFormation writes one kind of desired state: each of its fields by the properties that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass

Properties = dict[str, Any]
Write = Callable[[Any, Any], Properties]
"""Returns the properties for a field's value, given the whole state too."""


@dataclass(frozen=True, slots=True)
class PolicyResource:
    """The resource that bears a shared policy: CloudFormation has one of its own for that.

    Attributes:
        type: its type.
        bearer: its property that names whose policy it is.
        many: whether that property is a list.
    """

    type: str
    bearer: str
    many: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of state is written.

    Attributes:
        type: the resource's type.
        found_by: the properties that it is found by, given what a node is bound with (`blueprint.Bind`).
        fields: the properties of each field.
        left_out: the fields that a template does not say, with the reason.
        policy: the resource for the field `statements`, where there is one.
        outputs: the attributes behind the node's outputs; empty for what `Ref` returns.
        arn: the attribute that is its ARN; empty for what `Ref` returns, None if others do not refer to it.
        part_of: id of the node whose resource it is a part of; None for a resource of its own.
    """

    type: str
    found_by: Callable[..., Properties]
    fields: Mapping[str, Write]
    left_out: Mapping[str, str] = field(default_factory=dict)
    policy: PolicyResource | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    arn: str | None = None
    part_of: str | None = None

    def properties(self, state: Any, *parts: str) -> Properties:  # noqa: ANN401 - the kind's state
        """Return the properties of a state.

        Raises:
            CountaggError: the state has a field that nobody wrote down here.
        """
        written = self.found_by(*parts)
        for each in fields(state):
            if each.name in self.fields:
                written = merged(written, self.fields[each.name](getattr(state, each.name), state))
            elif each.name not in self.left_out and not (self.policy and each.name == "statements"):
                raise CountaggError(f"{each.name} of {type(state).__name__} has no form in {self.type}")
        return written


def merged(one: Properties, other: Properties) -> Properties:
    """Return both; what is a mapping in both is merged in turn, of all else the second counts."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            both[name] = merged(one[name], other[name])
    return both
