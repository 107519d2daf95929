from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.operate.stack.plan_fields import leaves
from countagg.provision.code import Code
from countagg.provision.differences import FieldChange, Tags, creation, diff
from countagg.provision.states import IndexState, LogGroupState, TopicState
from tests.provision.stacks import make_stack, state_of

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def sid(name: str, statement: dict[str, Any]) -> dict[str, Any]:
    return {"Sid": name, **statement}


# Plain values


@pytest.mark.parametrize(
    ("current", "desired"), [(60, 345_600), (0, 5), (False, True), ("", "x"), ("x", ""), (["a"], ["a", "b"])]
)
def test_a_plain_value_is_a_leaf(current: object, desired: object) -> None:
    assert leaves(FieldChange("f", current, desired)) == (FieldChange("f", current, desired),)


def test_tuples_and_states_within_them_become_json() -> None:
    change = FieldChange("indexes", (), (IndexState("ByDate", "Date"),))
    assert leaves(change) == (FieldChange("indexes", [], [{"name": "ByDate", "partition_key": "Date"}]),)


def test_a_zip_is_its_hash() -> None:
    change = FieldChange("code", Code("b2xk", b"old bytes"), Code("bmV3", b"new bytes"))
    assert leaves(change) == (FieldChange("code", "sha256:b2xk", "sha256:bmV3"),)
    assert leaves(FieldChange("code", None, Code("bmV3", b"new bytes"))) == (
        FieldChange("code", None, "sha256:bmV3"),
    )


@pytest.mark.parametrize("text", ["[not json", "{nor this", "{}x"])
def test_text_that_only_begins_like_json_stays_text(text: str) -> None:
    assert leaves(FieldChange("description", "", text)) == (FieldChange("description", "", text),)


# Mappings


def test_of_a_mapping_each_entry_is_a_leaf() -> None:
    change = FieldChange("environment", {"A": "1", "GONE": "x"}, {"A": "2", "NEW": "y"})
    assert leaves(change) == (
        FieldChange("environment.A", "1", "2"),
        FieldChange("environment.GONE", "x", None),
        FieldChange("environment.NEW", None, "y"),
    )


@pytest.mark.parametrize("nothing", [None, "", {}])
def test_entries_that_come_and_go_are_leaves_of_their_own(nothing: object) -> None:
    entries = {"A": "1", "B": {"C": "2"}}
    assert leaves(FieldChange("f", nothing, entries)) == (
        FieldChange("f.A", None, "1"),
        FieldChange("f.B.C", None, "2"),
    )
    assert leaves(FieldChange("f", entries, nothing)) == (
        FieldChange("f.A", "1", None),
        FieldChange("f.B.C", "2", None),
    )


def test_json_in_text_is_taken_apart() -> None:
    change = FieldChange("redrive_policy", "", '{"deadLetterTargetArn": "arn", "maxReceiveCount": 5}')
    assert leaves(change) == (
        FieldChange("redrive_policy.deadLetterTargetArn", None, "arn"),
        FieldChange("redrive_policy.maxReceiveCount", None, 5),
    )


def test_an_entry_that_is_there_and_empty_differs_from_none() -> None:
    change = FieldChange("environment", {}, {"COUNTAGG_CHOICES": "{}"})
    assert leaves(change) == (FieldChange("environment.COUNTAGG_CHOICES", None, {}),)


def test_a_mapping_instead_of_a_value_is_one_leaf() -> None:
    assert leaves(FieldChange("f", "text", {"A": 1})) == (FieldChange("f", "text", {"A": 1}),)


# Policies


def test_of_a_policy_each_statement_that_differs_is_a_leaf_named_by_its_sid() -> None:
    current = {"countagg": policy(sid("Same", READ), sid("Changed", READ), sid("Gone", READ))}
    desired = {"countagg": policy(sid("Same", READ), sid("Changed", WRITE), sid("New", WRITE))}
    assert leaves(FieldChange("policies", current, desired)) == (
        FieldChange("policies.countagg.Changed", READ, WRITE),
        FieldChange("policies.countagg.Gone", READ, None),
        FieldChange("policies.countagg.New", None, WRITE),
    )


@pytest.mark.parametrize("nothing", ["[]", ""])
def test_statements_that_were_not_there_are_leaves_of_their_own(nothing: str) -> None:
    change = FieldChange("statements", nothing, json.dumps([sid("A", READ), sid("B", WRITE)]))
    assert leaves(change) == (FieldChange("statements.A", None, READ), FieldChange("statements.B", None, WRITE))


def test_a_policy_that_is_removed_is_so_statement_by_statement() -> None:
    change = FieldChange("policies", {"by-hand": policy(sid("A", READ))}, {})
    assert leaves(change) == (FieldChange("policies.by-hand.A", READ, None),)


def test_statements_without_a_sid_are_named_by_their_number() -> None:
    change = FieldChange("trust", policy(READ, READ), policy(READ, WRITE))
    assert leaves(change) == (FieldChange("trust.2", READ, WRITE),)


def test_statements_of_one_sid_do_not_hide_each_other() -> None:
    change = FieldChange("trust", policy(sid("A", READ), sid("A", WRITE)), policy(sid("A", WRITE)))
    assert leaves(change) == (FieldChange("trust.A", READ, WRITE), FieldChange("trust.A (2)", WRITE, None))


def test_a_single_statement_needs_no_list() -> None:
    alone = json.dumps({"Version": "2012-10-17", "Statement": sid("A", READ)})
    assert leaves(FieldChange("trust", alone, policy(sid("A", WRITE)))) == (FieldChange("trust.A", READ, WRITE),)


def test_another_version_of_the_policy_language_is_a_leaf() -> None:
    change = FieldChange("trust", policy(READ, version="2008-10-17"), policy(READ))
    assert leaves(change) == (FieldChange("trust.Version", "2008-10-17", None),)
    unsaid = json.dumps({"Statement": [READ]})
    assert leaves(FieldChange("trust", unsaid, policy(READ))) == (
        FieldChange("trust.Version", "2008-10-17", None),
    )


def test_what_cannot_be_told_apart_is_shown_whole() -> None:
    one, other = policy(sid("A", READ), sid("B", WRITE)), policy(sid("B", WRITE), sid("A", READ))
    assert leaves(FieldChange("trust", one, other)) == (FieldChange("trust", one, other),)


# Whole resources


def test_a_new_resource_shows_each_field_and_nothing_that_is_empty() -> None:
    state = TopicState("[]", "", Tags({"countagg:stack": "s", "team": "t"}))
    found = [leaf for change in creation(state) for leaf in leaves(change)]
    assert found == [FieldChange("tags.countagg:stack", None, "s"), FieldChange("tags.team", None, "t")]


def test_a_new_function_shows_every_variable_and_no_byte_of_its_code() -> None:
    state = state_of(make_stack(), "function/processor")
    found = {leaf.name: leaf.desired for change in creation(state) for leaf in leaves(change)}
    assert found["environment.COUNTAGG_BUCKET"] == "fleet-counters"
    assert found["code"].startswith("sha256:")
    assert "environment.COUNTAGG_CHOICES" not in found
    assert json.dumps(found)
    assert "the zip" not in str(found)


def test_tags_show_what_is_set_and_what_is_dropped() -> None:
    current = LogGroupState(30, Tags({"a": "1", "gone": "2", "theirs": "3"}))
    desired = LogGroupState(30, Tags({"a": "5", "new": "6"}, frozenset({"gone"})))
    found = [leaf for change in diff(current, desired) for leaf in leaves(change)]
    assert found == [
        FieldChange("tags.a", "1", "5"),
        FieldChange("tags.new", None, "6"),
        FieldChange("tags.gone", "2", None),
    ]


# For all mappings

_scalars = st.integers(-3, 3) | st.booleans() | st.sampled_from(["x", "y", "arn:aws:s3:::b"])
_values = st.recursive(
    _scalars | st.lists(_scalars, min_size=1, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("ABCD"), inner, min_size=1, max_size=3),
    max_leaves=6,
)
_mappings = st.dictionaries(st.sampled_from("ABCD"), _values, max_size=4)


def flat(value: Any, path: str) -> dict[str, Any]:
    """Return everything in a mapping by its path."""
    if not isinstance(value, dict):
        return {path: value}
    return {name: each for key, inner in value.items() for name, each in flat(inner, f"{path}.{key}").items()}


def differs(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


@given(_mappings, _mappings)
def test_there_is_a_leaf_for_exactly_each_difference(current: Any, desired: Any) -> None:
    if current == desired:
        return
    found = leaves(FieldChange("f", current, desired))
    assert len({leaf.name for leaf in found}) == len(found)
    assert all(differs(leaf.current, leaf.desired) for leaf in found)
    before, after = flat(current, "f"), flat(desired, "f")
    # What the leaves take away and add turns what there is into what there should be, and touches nothing else.
    for leaf in found:
        for path in flat(leaf.current, leaf.name) if leaf.current is not None else {}:
            del before[path]
    for leaf in found:
        before |= flat(leaf.desired, leaf.name) if leaf.desired is not None else {}
    assert before == after


@given(_mappings.filter(bool), st.randoms())
def test_what_is_the_same_is_no_leaf_whatever_stands_around_it(entries: Any, random: Any) -> None:
    changed = random.choice(sorted(entries))
    found = leaves(FieldChange("f", entries, entries | {changed: "something else"}))
    assert {leaf.name.split(".")[1] for leaf in found} == {changed}


_statements = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from([READ, WRITE]), max_size=4)


@given(_statements, _statements)
def test_there_is_a_leaf_for_exactly_each_statement_that_differs(current: Any, desired: Any) -> None:
    def text(statements: Any) -> str:
        return policy(*(sid(name, statement) for name, statement in sorted(statements.items())))

    if current == desired:
        return
    expected = {
        f"trust.{name}": (current.get(name), desired.get(name))
        for name in current.keys() | desired.keys()
        if current.get(name) != desired.get(name)
    }
    found = leaves(FieldChange("trust", text(current), text(desired)))
    assert {leaf.name: (leaf.current, leaf.desired) for leaf in found} == expected


# Dashboards


def body_of(**chosen: Any) -> str:
    text: str = state_of(make_stack(dashboard=True, **chosen), "dashboard").body
    return text


def edited(change: Callable[[Any], object]) -> str:
    body = json.loads(body_of())
    change(body)
    return json.dumps(body)


def test_of_a_new_dashboard_each_widget_is_a_leaf_with_its_title() -> None:
    found = {leaf.name: leaf.desired for leaf in leaves(FieldChange("body", None, body_of()))}
    widgets = json.loads(body_of())["widgets"]
    assert len(found) == len(widgets) + 2
    assert found["body.start"] == "-PT6H"
    assert found["body.widgets.text"] == widgets[0]
    assert found["body.widgets.Publisher: lag"]["properties"]["title"] == "Publisher: lag"


def test_of_a_changed_dashboard_what_differs_is_a_leaf() -> None:
    renamed = edited(lambda body: body["widgets"][-1].update(height=9))
    name = json.loads(body_of())["widgets"][-1]["properties"]["title"]
    assert leaves(FieldChange("body", renamed, body_of())) == (FieldChange(f"body.widgets.{name}.height", 9, 6),)


def test_a_widget_that_is_new_or_gone_is_a_leaf() -> None:
    more = edited(lambda body: body["widgets"].append({"type": "text", "properties": {"markdown": "Mine"}}))
    (leaf,) = leaves(FieldChange("body", more, body_of()))
    number = len(json.loads(more)["widgets"])
    mine = {"type": "text", "properties": {"markdown": "Mine"}}
    assert leaf == FieldChange(f"body.widgets.text ({number})", mine, None)
    (leaf,) = leaves(FieldChange("body", edited(lambda body: body["widgets"].pop(1)), body_of()))
    assert (leaf.name, leaf.current) == ("body.widgets.Alarms", None)


@pytest.mark.parametrize(
    "theirs", ["[]", '{"widgets": 5}', '{"widgets": [{"type": 5, "properties": 5}, 5]}', "null"]
)
def test_a_dashboard_that_others_wrecked_is_shown_all_the_same(theirs: str) -> None:
    assert leaves(FieldChange("body", theirs, body_of()))


def test_another_order_of_widgets_is_shown_whole() -> None:
    turned = edited(lambda body: body["widgets"].reverse())
    change = FieldChange("body", turned, body_of())
    assert leaves(change) == (change,)
