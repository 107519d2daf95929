from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import InvalidObjectKey, UsageError
from countagg.core.object_keys import (
    CounterFileKey,
    build_object_key,
    check_prefixes_disjoint,
    is_prefix,
    normalise_prefix,
    parse_object_key,
)
from tests.core.strategies import days

PREFIX = "counters/"
INSTANCES = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)


@given(st.sampled_from(["counters/", "fleet/counters/", "a.b/"]), days(), INSTANCES)
def test_a_built_key_parses_to_the_same_day_and_instance(prefix: str, day: str, instance: str) -> None:
    assert parse_object_key(build_object_key(prefix, day, instance), prefix) == CounterFileKey(day, instance)


@given(st.text(max_size=60).map(lambda rest: PREFIX + rest))
def test_any_key_is_a_counter_file_skipped_or_refused(key: str) -> None:
    try:
        found = parse_object_key(key, PREFIX)
    except InvalidObjectKey:
        return
    assert found is None or build_object_key(PREFIX, found.day, found.instance) == key


@pytest.mark.parametrize(
    ("key", "instance"),
    [
        ("counters/2026-11-20/values_i-deadbeef", "i-deadbeef"),
        ("counters/2026-11-20/values_values_1", "values_1"),
        ("counters/2026-11-20/values__", "_"),
        ("counters/2026-11-20/values_A.b-9", "A.b-9"),
        ("counters/2026-11-20/values_" + "x" * 128, "x" * 128),
    ],
)
def test_the_instance_is_everything_after_the_first_values_(key: str, instance: str) -> None:
    assert parse_object_key(key, PREFIX) == CounterFileKey("2026-11-20", instance)


@pytest.mark.parametrize(
    "key",
    [
        "counters/",
        "counters/README.md",
        "counters/2026-11-20/",
        "counters/2026-11-20/value_i-1",
        "counters/2026-11-20/Values_i-1",
        "counters/2026-11-20/x/values_i-1",
        "counters/archive/2026-11-20/values_i-1",
        "counters/today/values_i-1",
        "counters/20261120/values_i-1",
        "counters//2026-11-20/values_i-1",
        "Counters/2026-11-20/values_i-1",
        "totals/2026-11-20/values_i-1",
        "2026-11-20/values_i-1",
        "",
    ],
)
def test_keys_without_the_shape_are_no_counter_files(key: str) -> None:
    assert parse_object_key(key, PREFIX) is None


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "2026-1-1", "26-11-20", "02026-11-20", "0000-00-00"])
def test_a_date_that_is_not_real_is_refused(day: str) -> None:
    with pytest.raises(InvalidObjectKey) as refused:
        parse_object_key(f"counters/{day}/values_i-1", PREFIX)
    assert refused.value.what == f"'{day}' is not a date of the form YYYY-MM-DD"


@pytest.mark.parametrize("instance", ["", "i 1", "i/1", "i\n", "i\n1", "\u00e9", "i@1", "i+1", "x" * 129])
def test_an_instance_id_of_other_characters_or_length_is_refused(instance: str) -> None:
    with pytest.raises(InvalidObjectKey) as refused:
        parse_object_key(f"counters/2026-11-20/values_{instance}", PREFIX)
    assert refused.value.what == (f"the instance id {instance[:40]!r} is not 1 to 128 of A-Z a-z 0-9 . _ -")


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("counters/", "counters/"),
        ("counters", "counters/"),
        ("counters///", "counters/"),
        ("fleet/eu.west/c", "fleet/eu.west/c/"),
        ("a_.-9/B", "a_.-9/B/"),
    ],
)
def test_a_prefix_gets_exactly_one_slash_at_its_end(text: str, prefix: str) -> None:
    assert normalise_prefix(text, "--prefix") == prefix
    assert normalise_prefix(prefix, "--prefix") == prefix


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "//", "/counters", "a//b", "a b/", "caf\u00e9/", "a%20b/", "a+b/", "a=b/", "a\n", "a:b"),
        *("a!/", "it's/", "a*", "(a)/", "a~", "a,b", "a&b", "a@b", "a$/", "a;b", "a?b", "a\\b", "\u0660/", "a|b"),
    ],
)
def test_other_prefixes_are_a_usage_error_that_names_the_option(text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        normalise_prefix(text, "--output-prefix")
    assert wrong.value.where == "--output-prefix"
    assert wrong.value.what.startswith(f"{text!r} cannot be a prefix: S3's notification filters are only sure to ")
    assert wrong.value.hint
    assert not is_prefix(text)


@pytest.mark.parametrize(
    ("prefix", "output"),
    [("counters/", "totals/"), ("counters/", "counters-totals/"), ("fleet/in/", "fleet/out/"), ("a/", "b/a/")],
)
def test_prefixes_side_by_side_are_fine(prefix: str, output: str) -> None:
    check_prefixes_disjoint(prefix, output)


@pytest.mark.parametrize(
    ("prefix", "output"), [("counters/", "counters/"), ("counters/", "counters/totals/"), ("a/b/", "a/")]
)
def test_a_prefix_inside_the_other_is_refused(prefix: str, output: str) -> None:
    with pytest.raises(UsageError) as wrong:
        check_prefixes_disjoint(prefix, output)
    assert wrong.value.where == "--prefix, --output-prefix"
    assert prefix in wrong.value.what
    assert output in wrong.value.what
