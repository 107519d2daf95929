from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import CountaggError
from countagg.provision.notifications import check_overlaps, count_entries, filter_of, foreign_entries
from countagg.provision.states import NotificationState

ENTRY = "countagg-uploads"
OURS = NotificationState("arn:ours", ("s3:ObjectCreated:*", "s3:ObjectRemoved:*"), "counters/")
KINDS = {
    "TopicConfigurations": "TopicArn",
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}


def entry(
    kind: str, *events: str, prefix: str | None = None, suffix: str | None = None, name: str = "theirs"
) -> dict[str, Any]:
    """Return an entry as S3 gives it back: the names of its rules capitalised."""
    rules = [{"Name": rule, "Value": value} for rule, value in (("Prefix", prefix), ("Suffix", suffix)) if value]
    found: dict[str, Any] = {"Id": name, KINDS[kind]: f"arn:of:{name}", "Events": list(events)}
    return {**found, "Filter": {"Key": {"FilterRules": rules}}} if rules else found


def check(configuration: dict[str, Any]) -> None:
    check_overlaps(OURS, ENTRY, json.dumps(configuration))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("events", "filters", "shared"),
    [
        (["s3:ObjectCreated:*"], {}, "s3:ObjectCreated:*"),
        (["s3:ObjectCreated:Put"], {}, "s3:ObjectCreated:Put"),
        (["s3:ObjectRemoved:Delete"], {"prefix": "counters/"}, "s3:ObjectRemoved:Delete"),
        (["s3:ObjectCreated:*"], {"prefix": "counters/2026"}, "s3:ObjectCreated:*"),
        (["s3:ObjectCreated:*"], {"prefix": "c"}, "s3:ObjectCreated:*"),
        (["s3:ObjectCreated:*"], {"suffix": ".txt"}, "s3:ObjectCreated:*"),
        (["s3:Replication:*", "s3:ObjectRemoved:*"], {"prefix": "counters/", "suffix": "x"}, "s3:ObjectRemoved:*"),
    ],
    ids=str,
)
def test_an_entry_that_s3_would_not_take_beside_ours_is_named(
    kind: str, events: list[str], filters: dict[str, str], shared: str
) -> None:
    with pytest.raises(CountaggError) as caught:
        check({kind: [entry(kind, *events, **filters)]})
    assert "arn:of:theirs" in caught.value.what
    assert "'theirs'" in caught.value.what
    assert shared in caught.value.what
    assert caught.value.where == "notification/uploads"
    assert "--prefix" in caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("events", "filters"),
    [
        (["s3:ObjectCreated:*"], {"prefix": "totals/"}),
        (["s3:ObjectCreated:*"], {"prefix": "counters-of-others/"}),
        (["s3:ObjectTagging:*", "s3:ObjectRestore:Post"], {}),
        (["s3:ReducedRedundancyLostObject"], {"prefix": "counters/"}),
        (["s3:LifecycleExpiration:*"], {"prefix": "counters/"}),
    ],
    ids=str,
)
def test_an_entry_that_s3_takes_beside_ours_is_no_matter(
    kind: str, events: list[str], filters: dict[str, str]
) -> None:
    check({kind: [entry(kind, *events, **filters)]})


def test_our_own_entry_does_not_overlap_itself() -> None:
    check({"TopicConfigurations": [entry("TopicConfigurations", *OURS.events, prefix="counters/", name=ENTRY)]})


def test_an_entry_of_another_kind_with_our_id_is_not_ours() -> None:
    with pytest.raises(CountaggError, match="arn:of:countagg-uploads"):
        check({"QueueConfigurations": [entry("QueueConfigurations", "s3:ObjectCreated:*", name=ENTRY)]})


def test_suffixes_that_differ_keep_two_entries_apart() -> None:
    ours = NotificationState("arn:ours", ("s3:ObjectCreated:*",), "counters/", suffix=".csv")
    theirs = {"TopicConfigurations": [entry("TopicConfigurations", "s3:ObjectCreated:*", suffix=".txt")]}
    check_overlaps(ours, ENTRY, json.dumps(theirs))
    theirs = {"TopicConfigurations": [entry("TopicConfigurations", "s3:ObjectCreated:*", suffix="sv")]}
    with pytest.raises(CountaggError):
        check_overlaps(ours, ENTRY, json.dumps(theirs))


def test_the_switch_for_event_bridge_is_kept_and_counted() -> None:
    found: dict[str, Any] = {"EventBridgeConfiguration": {}, "TopicConfigurations": []}
    assert foreign_entries(found, ENTRY) == {"EventBridgeConfiguration": {}}
    assert count_entries(foreign_entries(found, ENTRY)) == 1
    check(found)


_ENTRIES = st.lists(st.builds(entry, st.just("TopicConfigurations"), name=st.sampled_from(["a", "b", ENTRY])))


@given(_ENTRIES)
def test_what_is_foreign_stays_as_it_is_in_its_order(entries: list[dict[str, Any]]) -> None:
    others = foreign_entries({"TopicConfigurations": entries}, ENTRY)
    assert others.get("TopicConfigurations", []) == [each for each in entries if each["Id"] != ENTRY]
    assert count_entries(others) == len(others.get("TopicConfigurations", []))


@pytest.mark.parametrize("name", ["prefix", "Prefix"])
def test_rules_are_found_however_s3_writes_them(name: str) -> None:
    found = {"Filter": {"Key": {"FilterRules": [{"Name": name, "Value": "in/"}]}}}
    assert (filter_of(found, "prefix"), filter_of(found, "suffix"), filter_of({}, "prefix")) == ("in/", "", "")
