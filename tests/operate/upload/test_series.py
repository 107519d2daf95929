from __future__ import annotations

import re
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from countagg.core.counter_file import check_counter_name
from countagg.operate.upload.series import plain_name, series_name

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = TEXTS.filter(bool)


@given(NAMES, st.dictionaries(NAMES, TEXTS, max_size=4))
@example("a", {"b": '",x="'})
@example("a{", {"=": "%7B}"})
@example("a b", {})
def test_the_name_says_which_series_it_is(metric: str, labels: dict[str, str]) -> None:
    first, _, others = series_name(metric, labels).partition("{")
    found = re.findall(r'([^{}=,"]+)="([^"]*)"[,}]', others)

    assert unquote(first, errors="strict") == metric
    assert {unquote(label): unquote(value, errors="strict") for label, value in found} == labels


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


def test_a_key_with_white_space_becomes_a_name() -> None:
    assert plain_name("total bytes") == "total%20bytes"
    assert plain_name('a="b" %') == "a=%22b%22%20%25"
