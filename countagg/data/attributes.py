"""Attributes of items, in DynamoDB's form, each with a strict and a tolerant way to read it.

`read` is for the functions: it raises KeyError, TypeError or ValueError where the attribute is missing or of
another type. `find` is for the operator, who is shown damage and does not stumble over it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.versions import MAX_VERSION

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TextAttribute:
    """An attribute that is a string; not found, it is empty."""

    name: str

    def __str__(self) -> str:
        return self.name

    def put(self, value: str) -> dict[str, Any]:
        """Return the attribute of an item."""
        return {self.name: {"S": value}}

    def read(self, item: Item) -> str:
        """Return the text."""
        value = item[self.name]["S"]
        if not isinstance(value, str):
            raise TypeError(f"expected a string, found {type(value).__name__}")
        return value

    def find(self, item: Item) -> str:
        """Return the text."""
        text: str = item.get(self.name, {}).get("S", "")
        return text


@dataclass(frozen=True, slots=True)
class NumberAttribute:
    """An attribute that is a whole number; `find` finds none below 0, nor outside of its bounds."""

    name: str
    least: int = 0
    most: int | None = None

    def __str__(self) -> str:
        return self.name

    def put(self, value: int) -> dict[str, Any]:
        """Return the attribute of an item."""
        return {self.name: {"N": str(value)}}

    def read(self, item: Item) -> int:
        """Return the number."""
        return int(item[self.name]["N"])

    def find(self, item: Item) -> int | None:
        """Return the number."""
        return self.parse(item.get(self.name))

    def parse(self, value: Item | None) -> int | None:
        """Return the number out of the attribute's value; None if there is none."""
        text = str((value or {}).get("N", ""))
        if not (text.isascii() and text.isdigit()):
            return None
        number = int(text)
        return number if number >= self.least and (self.most is None or number <= self.most) else None


@dataclass(frozen=True, slots=True)
class BinaryAttribute:
    """An attribute that is bytes; not found, it is empty."""

    name: str

    def __str__(self) -> str:
        return self.name

    def put(self, value: bytes) -> dict[str, Any]:
        """Return the attribute of an item."""
        return {self.name: {"B": value}}

    def read(self, item: Item) -> bytes:
        """Return the bytes."""
        return bytes(item[self.name]["B"])

    def read_event(self, image: Item) -> bytes:
        """Return the bytes: base64 text in Lambda's stream events, where boto3 would give bytes."""
        return base64.b64decode(image[self.name]["B"], validate=True)

    def find(self, item: Item) -> bytes:
        """Return the bytes."""
        return bytes(item.get(self.name, {}).get("B", b""))


Attribute = TextAttribute | NumberAttribute | BinaryAttribute

DATE: Final = TextAttribute("Date")
"""Key of all tables: a day, a partition of one (`core.partitions`), or a name that is neither."""
VERSION: Final = NumberAttribute("Version", 1, MAX_VERSION)
EXPIRES_AT: Final = NumberAttribute("ExpiresAt")
"""Seconds since 1970; DynamoDB deletes the item some time later."""


def unchanged(read: Item, *names: str | Attribute) -> dict[str, Any]:
    """Return the condition of a write that these attributes are as they were read, or still not there."""
    keys = [str(name) for name in names]
    clauses = [f"#{name} = :{name}" if name in read else f"attribute_not_exists(#{name})" for name in keys]
    values = {f":{name}": read[name] for name in keys if name in read}
    return {
        "ConditionExpression": " AND ".join(clauses),
        # Some of the names are words that DynamoDB reserves.
        "ExpressionAttributeNames": {f"#{name}": name for name in keys},
        **({"ExpressionAttributeValues": values} if values else {}),
    }
