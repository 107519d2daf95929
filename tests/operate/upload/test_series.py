from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.core.counter_file import check_counter_name
from countagg.operate.upload.series import parse_series, plain_name, series_name

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = TEXTS.filter(bool)


@given(NAMES, st.dictionaries(NAMES, TEXTS, max_size=4))
@example("a", {"b": '",x="'})
@example("a{", {"=": "%7B}"})
@example("a b", {})
def test_the_name_says_which_series_it_is(metric: str, labels: dict[str, str]) -> None:
    assert parse_series(series_name(metric, labels)) == (metric, labels)


@given(NAMES, st.dictionaries(NAMES, TEXTS, max_size=4))
@example("\ufeffa", {"b": "\u2028\x1c"})
def test_the_name_is_one_that_a_counter_can_have_but_for_its_length(metric: str, labels: dict[str, str]) -> None:
    name = series_name(metric, labels)
    if len(name.encode()) <= 255:
        check_counter_name(name)


def test_labels_are_in_the_order_of_their_names_and_usual_ones_stay_as_they_are() -> None:
    assert series_name("requests_total", {"path": "/a b/ü", "code": "200"}) == (
        'requests_total{code="200",path="/a%20b/ü"}'
    )
    assert series_name("up", {}) == "up"


@pytest.mark.parametrize("name", ["a{", 'a{b="c"', 'a{b="c"}x', "a{b=c}", 'a{b="c"d="e"}', 'a{b="c"x}'])
def test_what_is_no_name_of_a_series_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a series"):
        parse_series(name)


def test_a_key_with_white_space_becomes_a_name() -> None:
    assert plain_name("total bytes") == "total%20bytes"
    assert plain_name('a="b" %') == "a=%22b%22%20%25"
