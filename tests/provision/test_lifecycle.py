"""Lifecycle rules: ours as they should be, others as they are."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from countagg.provision.lifecycle import lifecycle_rules, merge_rules, our_rules
from tests.provision.stacks import make_stack, state_of

OURS: Final = lifecycle_rules(35)
THEIRS: Final[dict[str, Any]] = {
    "ID": "archive",
    "Status": "Enabled",
    "Filter": {"Prefix": "theirs/"},
    "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
}


def test_old_versions_are_kept_as_long_as_a_day_takes_files_and_parts_for_a_day() -> None:
    old, parts = json.loads(state_of(make_stack(), "bucket").lifecycle)

    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": 35}
    assert old["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert parts["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert all(rule["Filter"] == {"Prefix": ""} and rule["Status"] == "Enabled" for rule in (old, parts))


def test_no_file_that_is_current_ever_expires() -> None:
    for rule in json.loads(OURS):
        assert set(rule.get("Expiration", {})) <= {"ExpiredObjectDeleteMarker"}
        assert "Transitions" not in rule
        assert "NoncurrentVersionTransitions" not in rule


def test_rules_and_settings_of_others_stay_as_they_are() -> None:
    before: dict[str, Any] = {"Rules": [THEIRS], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}

    merged = merge_rules(before, OURS)

    assert merged["Rules"] == [THEIRS, *json.loads(OURS)]
    assert merged["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert merge_rules(merged, OURS) == merged
    assert our_rules(merged) == OURS
    assert our_rules(before) == our_rules({}) == "[]"


@pytest.mark.parametrize("form", [{"Filter": {"Prefix": ""}}, {"Filter": {}}, {"Prefix": ""}, {}])
def test_every_form_of_a_rule_for_all_objects_is_the_same_rule(form: dict[str, Any]) -> None:
    plain = [{name: each for name, each in rule.items() if name != "Filter"} for rule in json.loads(OURS)]
    told = [{**rule, **form} for rule in plain]

    assert our_rules({"Rules": told[::-1]}) == OURS
    narrowed = [{**told[0], "Filter": {"Prefix": "a/"}}, told[1]]
    assert our_rules({"Rules": narrowed}) != OURS
