from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from countagg.provision.differences import FieldChange, Tags, creation, diff
from tests.fakes.provisioning import OURS, Thing


def test_equal_states_do_not_differ() -> None:
    assert diff(Thing(1, "blue"), Thing(1, "blue")) == ()


def test_each_difference_names_its_field_with_both_values() -> None:
    assert diff(Thing(1, "blue"), Thing(2, "red")) == (
        FieldChange("size", 1, 2),
        FieldChange("colour", "blue", "red"),
    )


def test_a_field_outside_comparison_is_no_difference() -> None:
    assert diff(Thing(1, "blue", recipe="old"), Thing(1, "blue", recipe="new")) == ()


def test_foreign_tags_are_no_difference() -> None:
    current = Thing(1, "blue", tags=Tags({**OURS, "cost-centre": "17"}))
    assert diff(current, Thing(1, "blue")) == ()


def test_only_tags_that_are_missing_or_wrong_are_told() -> None:
    current = Thing(1, "blue", tags=Tags({"a": "1", "b": "wrong", "theirs": "x"}))
    desired = Thing(1, "blue", tags=Tags({"a": "1", "b": "2", "c": "3"}))
    assert diff(current, desired) == (FieldChange("tags", {"b": "wrong", "c": None}, {"b": "2", "c": "3"}),)


@dataclass(frozen=True)
class _Nested:
    code: _Code


@dataclass(frozen=True)
class _Code:
    digest: str
    content: bytes = field(compare=False, default=b"")


def test_a_nested_field_outside_comparison_is_no_difference() -> None:
    assert diff(_Nested(_Code("x")), _Nested(_Code("x", b"zip"))) == ()
    assert [each.name for each in diff(_Nested(_Code("x")), _Nested(_Code("y", b"zip")))] == ["code"]


def test_what_nobody_chose_is_no_difference() -> None:
    assert diff(Thing(1, "blue"), Thing(1, None)) == ()


@dataclass(frozen=True)
class _Policies:
    by_name: Mapping[str, str]


def test_of_a_mapping_only_the_entries_that_differ_are_told() -> None:
    current = _Policies({"same": "x", "changed": "old", "added": "by hand"})
    desired = _Policies({"same": "x", "changed": "new", "missing": "y"})
    assert diff(current, desired) == (
        FieldChange("by_name", {"changed": "old", "added": "by hand"}, {"changed": "new", "missing": "y"}),
    )


_MAPPINGS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"))


@given(_MAPPINGS, _MAPPINGS)
def test_mappings_without_what_differs_are_equal(current: dict[str, str], desired: dict[str, str]) -> None:
    changes = diff(_Policies(current), _Policies(desired))
    assert bool(changes) == (current != desired)
    for change in changes:
        assert {**current, **change.desired}.items() >= desired.items()
        assert current.items() - change.current.items() == desired.items() - change.desired.items()


def test_tags_that_were_dropped_go_and_only_those() -> None:
    current = Thing(1, "blue", tags=Tags({**OURS, "team": "x", "theirs": "y"}))
    desired = Thing(1, "blue", tags=Tags(OURS, dropped=frozenset({"team", "gone already"})))
    (change,) = diff(current, desired)
    assert change == FieldChange("tags", {"team": "x"}, {"team": None})
    assert (change.tags_to_set, change.tags_to_drop) == ({}, ["team"])


def test_tags_are_set_and_dropped_at_once() -> None:
    (change,) = diff(
        Thing(1, "blue", tags=Tags({"old": "1"})), Thing(1, "blue", tags=Tags({"new": "2"}, frozenset({"old"})))
    )
    assert (change.tags_to_set, change.tags_to_drop) == ({"new": "2"}, ["old"])


def test_a_creation_shows_all_that_is_chosen() -> None:
    assert creation(Thing(3, None, (), Tags(OURS), recipe="secret")) == (
        FieldChange("size", None, 3),
        FieldChange("tags", None, OURS),
    )


def test_a_creation_shows_what_is_switched_off() -> None:
    @dataclass(frozen=True)
    class Switch:
        on: bool
        count: int

    assert creation(Switch(on=False, count=0)) == (FieldChange("on", None, False), FieldChange("count", None, 0))  # noqa: FBT003 - values
