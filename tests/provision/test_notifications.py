from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import CountaggError
from countagg.provision.notifications import (
    check_overlaps,
    count_entries,
    filter_of,
    foreign_entries,
    our_entry,
    stacks_on,
)
from countagg.provision.place import Place
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
    assert "narrow that entry" in caught.value.hint


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


@pytest.mark.parametrize(
    ("filters", "said", "other_prefix"),
    [
        ({}, "all keys", False),
        ({"suffix": ".txt"}, "the suffix '.txt'", False),
        ({"prefix": "c", "suffix": ".txt"}, "the prefix 'c' and the suffix '.txt'", True),
    ],
)
def test_another_prefix_is_advised_only_where_it_would_help(
    filters: dict[str, str], said: str, *, other_prefix: bool
) -> None:
    theirs = {"TopicConfigurations": [entry("TopicConfigurations", "s3:ObjectCreated:Put", **filters)]}
    with pytest.raises(CountaggError, match=f" of s3:ObjectCreated:Put for {said}; S3 takes no second") as caught:
        check(theirs)
    assert ("another --prefix" in caught.value.hint) is other_prefix


def for_our_topic(name: str, *events: str, prefix: str = "counters/") -> dict[str, Any]:
    """Return an entry for our topic by whoever: CloudFormation makes one for each event, and S3 picks the ids."""
    return {**entry("TopicConfigurations", *events, prefix=prefix, name=name), "TopicArn": OURS.topic}


def test_entries_for_our_topic_are_ours_whatever_their_id_and_count_together() -> None:
    made = [for_our_topic("NmQ1Y2", OURS.events[1]), for_our_topic("ZGI3Zm", OURS.events[0])]
    found = {"TopicConfigurations": [*made, entry("TopicConfigurations", "s3:ObjectTagging:*")]}
    assert our_entry(found, ENTRY, OURS.topic) == OURS
    assert foreign_entries(found, ENTRY, OURS.topic) == {"TopicConfigurations": found["TopicConfigurations"][2:]}
    check(found)


def test_entries_for_our_topic_that_do_not_agree_are_no_more_what_ours_should_be() -> None:
    made = [for_our_topic("a", *OURS.events), for_our_topic("b", "s3:ObjectCreated:*", prefix="fleet/")]
    found = our_entry({"TopicConfigurations": made}, ENTRY, OURS.topic)
    assert found is not None
    assert (found.prefix, found.topic) == ("counters/ and fleet/", OURS.topic)


def test_stacks_are_known_by_their_topics_whoever_made_the_entries() -> None:
    place = Place("123456789012", "eu-central-1")
    topics = [place.topic_arn(name) for name in ("one-uploads", "one-uploads", "photos", "two-uploads")]
    topics.append(Place("210987654321", "eu-central-1").topic_arn("three-uploads"))
    made = [{"Id": f"id-{number}", "TopicArn": topic, "Events": []} for number, topic in enumerate(topics)]
    assert stacks_on({"TopicConfigurations": made}, place) == ["one", "two"]


def test_the_switch_for_event_bridge_is_kept_and_counted() -> None:
    found: dict[str, Any] = {"EventBridgeConfiguration": {}, "TopicConfigurations": []}
    assert foreign_entries(found, ENTRY, OURS.topic) == {"EventBridgeConfiguration": {}}
    assert count_entries(foreign_entries(found, ENTRY, OURS.topic)) == 1
    check(found)


_ENTRIES = st.lists(st.builds(entry, st.just("TopicConfigurations"), name=st.sampled_from(["a", "b", ENTRY])))


@given(_ENTRIES)
def test_what_is_foreign_stays_as_it_is_in_its_order(entries: list[dict[str, Any]]) -> None:
    others = foreign_entries({"TopicConfigurations": entries}, ENTRY, OURS.topic)
    assert others.get("TopicConfigurations", []) == [each for each in entries if each["Id"] != ENTRY]
    assert count_entries(others) == len(others.get("TopicConfigurations", []))


@pytest.mark.parametrize("name", ["prefix", "Prefix"])
def test_rules_are_found_however_s3_writes_them(name: str) -> None:
    found = {"Filter": {"Key": {"FilterRules": [{"Name": name, "Value": "in/"}]}}}
    assert (filter_of(found, "prefix"), filter_of(found, "suffix"), filter_of({}, "prefix")) == ("in/", "", "")
