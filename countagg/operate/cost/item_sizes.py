"""Sizes of DynamoDB items, and the write units that they cost: docs/aws-facts.md#dynamodb."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

KB: Final = 1024
MAX_ITEM_BYTES: Final = 400 * KB
READ_UNIT: Final = 4 * KB

_CONTAINER: Final = 3
"""Bytes that a map or a list takes, besides one for each of its elements."""


def write_units(size: int) -> int:
    """Return what it costs to write an item of so many bytes, before or after the write, whichever is larger."""
    return max(1, math.ceil(size / KB))


def item_size(item: Mapping[str, Any]) -> int:
    """Return the bytes of an item in DynamoDB's attribute form, its names included.

    Raises:
        ValueError: it holds a kind of value that no item of ours has.
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "B":
            return len(content)
        case "M":
            return _CONTAINER + sum(1 + len(name.encode()) + _value_size(each) for name, each in content.items())
    raise ValueError(f"the size of a value of kind {kind!r} is not known")


def _number_size(text: str) -> int:
    """Return about a byte for two digits, and one more."""
    return math.ceil(len(text.strip("-").replace(".", "")) / 2) + 1
