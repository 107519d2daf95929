from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.provision.choices import MEMORY_VARIABLE, Chosen, Remembered, remember, remember_too
from countagg.provision.settings import CHOICES, LOG_RETENTIONS, PerFunction, Retention, StackSettings
from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.provision.stacks import email, make_stack, state_of

SUBSCRIPTIONS = (
    Subscriber(SubscriptionKind.EMAIL, "oncall@example.org"),
    Subscriber(SubscriptionKind.FUNCTION, "act", ("http_*", "errors"), "theirs/act-role"),
    Subscriber(SubscriptionKind.HTTPS, "https://example.org/alerts?key=1"),
    Subscriber(SubscriptionKind.QUEUE, "arn:aws:sqs:eu-central-1:123456789012:oncall"),
)
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0d5f3b7e"
ALL: dict[str, Any] = {
    "create_bucket": True,
    "bucket_versioning": True,
    "tags": {"team": "fleet"},
    "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    "role_path": "/ops/",
    "kms_key": KEY,
    "point_in_time_recovery": True,
    "deletion_protection": False,
    "memory": PerFunction(512, 1_024, 128),
    "window": PerFunction(5, 2, 60),
    "max_concurrency": 20,
    "alarm_uploads": 500,
    "stale_alarm": "15m",
    "dashboard": True,
    "retention": Retention(7, 50, 90),
    "architecture": "x86_64",
    "text_logs": True,
    "lanes": 3,
    "counter_shards": 2,
    "max_counters": 30_000,
    "alarm_email": "ops@example.org",
    "subscriptions": SUBSCRIPTIONS,
}
"""Every choice that a stack remembers, none of them the default."""

settings_with_choices = st.builds(
    StackSettings,
    st.just("countagg"),
    st.just("fleet-counters"),
    create_bucket=st.booleans(),
    bucket_versioning=st.none() | st.booleans(),
    tags=st.dictionaries(
        st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.sampled_from(["", "x y", "ü"]), max_size=4
    ),
    permissions_boundary=st.sampled_from([None, ALL["permissions_boundary"]]),
    role_path=st.sampled_from(["/", "/ops/"]),
    kms_key=st.sampled_from([None, KEY]),
    point_in_time_recovery=st.none() | st.booleans(),
    deletion_protection=st.none() | st.booleans(),
    memory=st.builds(PerFunction, *[st.sampled_from([256, 512])] * 3),
    window=st.builds(PerFunction, *[st.integers(0, 300)] * 3),
    max_concurrency=st.integers(2, 1_000),
    alarm_uploads=st.integers(1, 1_000_000),
    stale_alarm=st.sampled_from([None, "15m", "12h"]),
    dashboard=st.booleans(),
    retention=st.builds(Retention, st.just(35), st.integers(35, 3_650), st.sampled_from(sorted(LOG_RETENTIONS))),
    architecture=st.sampled_from([None, "arm64", "x86_64"]),
    text_logs=st.booleans(),
    lanes=st.integers(1, 10),
    counter_shards=st.integers(1, 10),
    max_counters=st.sampled_from([1, 20_000, 250_000]),
    alarm_email=st.sampled_from([None, "ops@example.org"]),
    subscriptions=st.sampled_from([(), SUBSCRIPTIONS]),
)


def deployed(settings: StackSettings) -> Remembered:
    """Return what a stack of these settings remembers, by way of its functions' environment."""
    stack = make_stack(**{item.name: getattr(settings, item.name) for item in fields(settings) if item.init})
    return Remembered.from_environment(state_of(stack, "function/aggregator").environment)


@given(settings_with_choices)
def test_a_stack_remembers_every_choice(settings: StackSettings) -> None:
    assert Chosen("countagg").settings(deployed(settings)) == settings


def test_the_functions_are_told_how_days_are_spread() -> None:
    stack = make_stack(lanes=3, counter_shards=2)
    for function in ("processor", "aggregator", "publisher"):
        environment = state_of(stack, f"function/{function}").environment
        assert (environment["COUNTAGG_LANES"], environment["COUNTAGG_COUNTER_SHARDS"]) == ("3", "2")


def test_every_setting_but_the_places_is_remembered() -> None:
    places = {
        "stack",
        "bucket",
        "prefix",
        "output_prefix",
        "dropped_tags",
        "dropped",
        "unfit_prefixes",
        "names",
    }
    assert {item.name for item in fields(StackSettings)} - places == ALL.keys()
    assert json.loads(remember(StackSettings("countagg", "fleet-counters", **ALL))).keys() == ALL.keys()


def test_what_is_remembered_besides_is_what_a_stack_of_those_choices_remembers() -> None:
    plain = {MEMORY_VARIABLE: remember(StackSettings("countagg", "fleet-counters", lanes=3)), "X": "y"}

    told = remember_too(remember_too(plain, text_logs=True), architecture="x86_64")

    chosen = StackSettings("countagg", "fleet-counters", lanes=3, text_logs=True, architecture="x86_64")
    assert told == {MEMORY_VARIABLE: remember(chosen), "X": "y"}


OLD_MEMORY = (
    '{"alarm_email":"ops@example.org","alarm_uploads":500,"architecture":"x86_64","bucket_versioning":true,'
    '"counter_shards":2,"create_bucket":true,"deletion_protection":false,"dropped_tags":["a","b"],'
    f'"kms_key":"{KEY}","lanes":3,"max_concurrency":20,"max_counters":30000,'
    '"memory":{"aggregator":1024,"processor":512,"publisher":128},'
    '"permissions_boundary":"arn:aws:iam::123456789012:policy/boundary","point_in_time_recovery":true,'
    '"retention":{"logs":90,"snapshots":7,"totals":50},"role_path":"/ops/","tags":{"team":"fleet"},'
    '"text_logs":true,"window":{"aggregator":2,"processor":5,"publisher":60}}'
)
"""As every release wrote it before it knew `stale_alarm`, `dashboard` and `subscriptions`."""


def test_the_memory_of_an_earlier_release_is_read_and_written_as_it_is() -> None:
    before = Remembered.from_environment({"COUNTAGG_BUCKET": "fleet-counters", MEMORY_VARIABLE: OLD_MEMORY})
    settings = Chosen("countagg").settings(before)
    later = {"stale_alarm", "dashboard", "subscriptions"}
    chosen = {name: value for name, value in ALL.items() if name not in later}
    assert settings == StackSettings("countagg", "fleet-counters", dropped_tags=frozenset({"a", "b"}), **chosen)
    assert remember(settings) == OLD_MEMORY


def test_of_numbers_in_a_memory_those_count_that_there_are() -> None:
    memory = {"memory": {"processor": 512, "spare": 1}, "window": {"publisher": "5"}, "retention": {"logs": 2.5}}
    written = {"COUNTAGG_BUCKET": "fleet-counters", MEMORY_VARIABLE: json.dumps(memory)}
    settings = Chosen("countagg").settings(Remembered.from_environment(written))
    assert settings == StackSettings("countagg", "fleet-counters", memory=PerFunction(512, 512, 256))


@pytest.mark.parametrize("name", ["permissions_boundary", "role_path", "kms_key", "alarm_email", "architecture"])
def test_an_empty_text_or_null_in_a_memory_is_no_choice(name: str) -> None:
    for nothing in ("", None):
        memory = {"COUNTAGG_BUCKET": "fleet-counters", MEMORY_VARIABLE: json.dumps({name: nothing})}
        assert Chosen("countagg").settings(Remembered.from_environment(memory)) == StackSettings(
            "countagg", "fleet-counters"
        )


def test_a_stack_of_defaults_remembers_nothing() -> None:
    assert remember(StackSettings("countagg", "fleet-counters")) == "{}"


@pytest.mark.parametrize("name", ["prefix", "output_prefix"])
@pytest.mark.parametrize("prefix", ["it's/", "a!b/", "a*/", "caf\u00e9/"])
def test_a_prefix_of_earlier_days_is_read_and_may_be_replaced_but_not_said_again(name: str, prefix: str) -> None:
    before = Remembered.from_environment({"COUNTAGG_BUCKET": "fleet-counters", f"COUNTAGG_{name.upper()}": prefix})

    settings = Chosen("countagg").settings(before)

    assert getattr(settings, name) == prefix
    assert settings.unfit_prefixes == {prefix}
    replaced = Chosen("countagg", **{name: "new/"}).settings(before)
    assert (getattr(replaced, name), replaced.unfit_prefixes) == ("new/", frozenset())
    with pytest.raises(UsageError, match="cannot be a prefix"):
        Chosen("countagg", **{name: prefix}).settings(before)


def test_a_remembered_prefix_without_its_slash_is_mended() -> None:
    settings = Chosen("countagg", "fleet-counters").settings(Remembered(prefix="in"))
    assert (settings.prefix, settings.unfit_prefixes) == ("in/", frozenset())


def test_numbers_are_said_one_by_one() -> None:
    before = deployed(StackSettings("countagg", "fleet-counters", memory=PerFunction(512, 512, 512)))
    settings = Chosen("countagg", memory={"publisher": 128}).settings(before)
    assert settings.memory == PerFunction(512, 512, 128)


@pytest.mark.parametrize("name", ["memory", "window", "retention"])
def test_a_number_for_nothing_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="procesor") as caught:
        CHOICES[name].read(["procesor=1"], f"--{name}")
    assert caught.value.where == f"--{name}"


def test_tags_and_address_that_are_not_chosen_any_more_are_dropped() -> None:
    before = deployed(
        StackSettings("countagg", "fleet-counters", tags={"a": "1", "b": "2"}, alarm_email="a@b.org")
    )
    settings = Chosen("countagg", tags={"b": "3"}, alarm_email="c@d.org").settings(before)
    assert settings.dropped_tags == {"a"}
    assert (settings.dropped, settings.alarm_email) == (frozenset({email("a@b.org")}), "c@d.org")
    again = Chosen("countagg", tags={}, alarm_email="none").settings(before)
    assert again.dropped_tags == {"a", "b"}
    assert (again.dropped, again.alarm_email) == (frozenset({email("a@b.org")}), None)
    same = Chosen("countagg").settings(before)
    assert (same.dropped_tags, same.dropped) == (frozenset(), frozenset())


def test_dropped_tags_are_remembered_until_they_are_chosen_again() -> None:
    before = deployed(StackSettings("countagg", "fleet-counters", dropped_tags=frozenset({"a", "b"})))
    assert Chosen("countagg").settings(before).dropped_tags == {"a", "b"}
    assert Chosen("countagg", tags={"b": "1"}).settings(before).dropped_tags == {"a"}


@pytest.mark.parametrize("bucket", ["", "No Bucket", "x"])
def test_a_bucket_and_an_address_that_cannot_be_are_not_remembered(bucket: str) -> None:
    environment = {"COUNTAGG_BUCKET": bucket, MEMORY_VARIABLE: '{"alarm_email": "nobody"}'}
    assert Remembered.from_environment(environment) == Remembered()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*ALL, "x"]), inner, max_size=4)
        ),
    )
)
def test_a_memory_that_somebody_wrote_by_hand_breaks_nothing(written: Any) -> None:
    remembered = Remembered.from_environment(
        {MEMORY_VARIABLE: json.dumps(written), "COUNTAGG_BUCKET": "its-bucket"}
    )
    assert remembered.bucket == "its-bucket"
    # A number out of range is named, so that the operator can say another.
    with suppress(UsageError):
        assert Chosen("countagg").settings(remembered).bucket == "its-bucket"


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "17"])
def test_a_memory_that_is_no_json_object_is_none(text: str) -> None:
    assert Remembered.from_environment({MEMORY_VARIABLE: text}) == Remembered()


def test_choices_that_do_not_fit_into_the_environment_are_refused() -> None:
    tags = {f"key-{number}": "v" * 250 for number in range(20)}
    with pytest.raises(UsageError, match="4096") as caught:
        state_of(make_stack(tags=tags), "function/processor")
    assert caught.value.where == "--tag"


@pytest.mark.parametrize(
    ("remembered", "said", "least"),
    [({"totals": 50}, {"snapshots": 70}, 70), ({"snapshots": 70}, {"totals": 50}, 70), ({"totals": 10}, {}, 35)],
)
def test_retention_that_would_lose_totals_is_refused_also_by_what_was_chosen_before(
    remembered: dict[str, int], said: dict[str, int], least: int
) -> None:
    before = Remembered("fleet-counters", choices={"retention": remembered})
    with pytest.raises(UsageError) as caught:
        Chosen("countagg", retention=said).settings(before)
    assert (caught.value.where, caught.value.hint) == ("--retention", f"give --retention totals={least} or more")
