from __future__ import annotations

from typing import Any

import pytest

from countagg.data.attributes import BinaryAttribute, NumberAttribute, TextAttribute, unchanged

TEXT, NUMBER, BINARY = TextAttribute("T"), NumberAttribute("N", 1, 9), BinaryAttribute("B")
ITEM = {"T": {"S": "text"}, "N": {"N": "7"}, "B": {"B": b"bytes"}}


def test_what_is_put_is_read_and_found() -> None:
    assert TEXT.put("text") | NUMBER.put(7) | BINARY.put(b"bytes") == ITEM
    assert (TEXT.read(ITEM), NUMBER.read(ITEM), BINARY.read(ITEM)) == ("text", 7, b"bytes")
    assert (TEXT.find(ITEM), NUMBER.find(ITEM), BINARY.find(ITEM)) == ("text", 7, b"bytes")


@pytest.mark.parametrize("attribute", [TEXT, NUMBER, BINARY], ids=str)
@pytest.mark.parametrize("value", [None, {}, {"BOOL": True}, {"NULL": True}], ids=str)
def test_the_functions_refuse_damage_and_the_operator_sees_it(
    attribute: TextAttribute | NumberAttribute | BinaryAttribute, value: dict[str, Any] | None
) -> None:
    item = {} if value is None else {attribute.name: value}
    with pytest.raises((KeyError, TypeError, ValueError)):
        attribute.read(item)
    assert attribute.find(item) in ("", None, b"")


@pytest.mark.parametrize("text", ["0", "10", "-1", "7.5", "1E2", "", "seven", "\u0667"])
def test_a_number_out_of_its_bounds_or_of_another_form_is_not_found(text: str) -> None:
    assert NUMBER.find({"N": {"N": text}}) is None


def test_bytes_of_a_stream_event_are_base64() -> None:
    assert BINARY.read_event({"B": {"B": "Ynl0ZXM="}}) == b"bytes"
    with pytest.raises(ValueError, match="padding"):
        BINARY.read_event({"B": {"B": "YQ"}})


def test_what_was_read_is_to_be_there_still_and_what_was_not_is_to_be_absent() -> None:
    assert unchanged({"T": {"S": "text"}, "other": {"S": "x"}}, TEXT, NUMBER) == {
        "ConditionExpression": "#T = :T AND attribute_not_exists(#N)",
        "ExpressionAttributeNames": {"#T": "T", "#N": "N"},
        "ExpressionAttributeValues": {":T": {"S": "text"}},
    }
    assert "ExpressionAttributeValues" not in unchanged({}, TEXT)
