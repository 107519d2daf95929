from __future__ import annotations

from typing import Any

import pytest

from countagg.provision.export.references import reference, referred_to, with_references


@pytest.mark.parametrize(
    ("text", "written", "names"),
    [
        ("plain", "plain", []),
        ("${Bucket}", {"Ref": "Bucket"}, ["Bucket"]),
        ("${AWS::Region}", {"Ref": "AWS::Region"}, ["AWS::Region"]),
        ("${Table.Arn}", {"Fn::GetAtt": ["Table", "Arn"]}, ["Table"]),
        ("${Table.Arn}/stream/*", {"Fn::Sub": "${Table.Arn}/stream/*"}, ["Table"]),
        ("${A}${B}", {"Fn::Sub": "${A}${B}"}, ["A", "B"]),
        ("an arn", {"Fn::GetAtt": ["Queue", "Arn"]}, ["Queue"]),
    ],
)
def test_a_text_becomes_what_cloudformation_replaces(text: str, written: Any, names: list[str]) -> None:
    known = {"an arn": reference("Queue", "Arn")}
    assert with_references({"a": [text, 5, None]}, known) == {"a": [written, 5, None]}
    assert list(referred_to({"a": [written, 5, None]})) == names


def test_a_reference_is_written_as_it_is_read() -> None:
    assert (reference("A"), reference("A", "Arn")) == ("${A}", "${A.Arn}")
