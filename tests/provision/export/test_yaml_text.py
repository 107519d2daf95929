from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.provision.export.yaml_text import yaml_text
from tests.provision.export.templates import EVERYTHING, make_template, read_template

_NAMES = st.text(string.ascii_letters + string.digits + ":/.-_ ", min_size=1, max_size=12)
_TEXTS = st.one_of(
    _NAMES,
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff"), max_size=12
    ),
    st.sampled_from(
        ["", "yes", "No", "null", "~", "1e5", "0x1", "1:30", "2026-11-29", "a: b", "a #b", "- a", "a\nb\t"]
    ),
)
_SCALARS = st.one_of(
    _TEXTS, st.booleans(), st.integers(-(10**6), 10**6), st.builds(lambda name: {"Ref": name}, _NAMES)
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3))
)


@given(st.dictionaries(st.sampled_from(["Parameters", "Resources", "Outputs"]), _VALUES, min_size=1))
def test_what_is_written_is_read_back_the_same(document: dict[str, Any]) -> None:
    assert read_template(yaml_text(document)) == document


@pytest.mark.parametrize("chosen", [{}, EVERYTHING], ids=["plain", "everything"])
def test_a_template_is_read_back_the_same(chosen: dict[str, Any]) -> None:
    document = make_template(**chosen).document
    text = yaml_text(document)
    assert read_template(text) == document
    assert "  SnapshotsTable:\n    Type: AWS::DynamoDB::Table\n" in text
    assert "EventSourceArn: !GetAtt SnapshotsTable.StreamArn\n" in text


def test_a_template_is_the_same_each_time() -> None:
    assert yaml_text(make_template(**EVERYTHING).document) == yaml_text(make_template(**EVERYTHING).document)
