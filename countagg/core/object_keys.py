"""Object keys of counter files: `PREFIX/YYYY-MM-DD/values_INSTANCE-ID`."""

from __future__ import annotations

import re
from typing import Final

from countagg.core.days import parse_date
from countagg.core.errors import InvalidObjectKey, UsageError
from countagg.core.lazy_dataclass import dataclass

FILE_NAME_PREFIX: Final = "values_"
MAX_INSTANCE_LENGTH: Final = 128
_CHARACTERS: Final = "letters, digits, _ . and -"
SKIPPED: Final = "objects skipped that are no counter files"
"""What the processor logs about them, with the `key` of one; `status` looks for it."""
PREFIX_REASON: Final = f"S3's notification filters are only sure to match folders of {_CHARACTERS}"
_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SHAPE = re.compile(rf"([0-9]+-[0-9]+-[0-9]+)/{FILE_NAME_PREFIX}(.*)", re.DOTALL)
PREFIX_PATTERN: Final = r"(?:[A-Za-z0-9_.-]+/)+"
"""Folders, each with its slash."""


@dataclass(frozen=True, slots=True)
class CounterFileKey:
    """Which instance's file of which day an object is."""

    day: str
    instance: str


def parse_object_key(key: str, prefix: str) -> CounterFileKey | None:
    """Read a key (URL-decoded).

    Returns:
        None if the key does not have the shape of a counter file's key below the prefix.

    Raises:
        InvalidObjectKey: it has the shape, but the date is not real or the instance id breaks the rules.
    """
    if not key.startswith(prefix):
        return None
    match = _SHAPE.fullmatch(key, len(prefix))
    if match is None:
        return None
    day, instance = match.groups()
    if parse_date(day) is None:
        raise InvalidObjectKey(f"{day[:40]!r} is not a date of the form YYYY-MM-DD")
    if _INSTANCE.fullmatch(instance) is None:
        raise InvalidObjectKey(
            f"the instance id {instance[:40]!r} is not 1 to {MAX_INSTANCE_LENGTH} of A-Z a-z 0-9 . _ -"
        )
    return CounterFileKey(day, instance)


def has_file_shape(text: str) -> bool:
    """Tell whether a text has the shape of a counter file's key without a prefix, whatever date it names."""
    return _SHAPE.fullmatch(text) is not None


def build_object_key(prefix: str, day: str, instance: str) -> str:
    """Return the key of an instance's counter file."""
    return f"{prefix}{day}/{FILE_NAME_PREFIX}{instance}"


def normalise_prefix(text: str, option: str) -> str:
    """Check a prefix and return it with exactly one slash at its end.

    These characters alone are sure to match in the filter of a bucket notification
    (docs/aws-facts.md#surprises), so that the filter, the keys and the policies all say the same.

    Raises:
        UsageError: it is empty, begins with a slash or holds other characters; `option` is named.
    """
    if not is_prefix(text):
        raise UsageError(
            f"{text!r} cannot be a prefix: {PREFIX_REASON}",
            where=option,
            hint=f"use folders of {_CHARACTERS}, such as counters/ or fleet/counters/",
        )
    return _with_slash(text)


def is_prefix(text: str) -> bool:
    """Tell whether it can be a prefix, with or without its slash."""
    return re.fullmatch(PREFIX_PATTERN, _with_slash(text)) is not None


def _with_slash(text: str) -> str:
    return text.rstrip("/") + "/"


def check_prefixes_disjoint(prefix: str, output_prefix: str) -> None:
    """Refuse prefixes of which one begins with the other: published totals would be read as uploads, in a loop.

    Raises:
        UsageError: they overlap.
    """
    if prefix.startswith(output_prefix) or output_prefix.startswith(prefix):
        raise UsageError(
            f"input prefix {prefix!r} and output prefix {output_prefix!r} overlap",
            where="--prefix, --output-prefix",
            hint="choose two prefixes of which neither begins with the other",
        )
