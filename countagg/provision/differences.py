"""What differs between a resource as it is and as it should be, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass

KNOWN_AFTER_SETUP: Final = "(known after setup)"
"""Stands for a value that AWS gives when the resource exists, such as a stream's ARN."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags that we set. Others on the resource are not ours: they neither count as drift nor are removed.

    Attributes:
        of: by key.
        dropped: keys that we once set and that shall go.
    """

    of: Mapping[str, str]
    dropped: frozenset[str] = frozenset()

    def edits(self, current: Tags) -> dict[str, str | None]:
        """Return what is missing or different, and with None what shall go and is there."""
        missing = {key: value for key, value in self.of.items() if current.of.get(key) != value}
        return missing | dict.fromkeys(sorted(self.dropped & current.of.keys()))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field whose current value differs from the desired one; of mappings, only the entries that differ."""

    name: str
    current: Any
    desired: Any

    @property
    def tags_to_set(self) -> dict[str, str]:
        """Of a change of tags: those to set."""
        return {key: value for key, value in self.desired.items() if value is not None}

    @property
    def tags_to_drop(self) -> list[str]:
        """Of a change of tags: the keys of those to remove."""
        return [key for key, value in self.desired.items() if value is None]


def creation(desired: Any) -> tuple[FieldChange, ...]:  # noqa: ANN401 - a state
    """Return every field that a new resource gets; what nobody chose and what is empty is left out."""
    fresh = []
    for item in fields(desired):
        value = getattr(desired, item.name)
        if item.compare and value not in (None, "", (), {}):
            fresh.append(FieldChange(item.name, None, value.of if isinstance(value, Tags) else value))
    return tuple(fresh)


def diff(current: Any, desired: Any) -> tuple[FieldChange, ...]:  # noqa: ANN401 - two states of one dataclass
    """Compare two states.

    A desired None is a field that nobody chose: it stays as it is. Fields that do not take part in comparison are
    left out.
    """
    return tuple(_differences(current, desired))


def _differences(current: Any, desired: Any) -> Iterator[FieldChange]:  # noqa: ANN401 - two states of one dataclass
    for item in fields(desired):
        now, wanted = getattr(current, item.name), getattr(desired, item.name)
        if not item.compare or wanted is None or now == wanted:
            continue
        if isinstance(wanted, Tags) and now is None:
            continue  # There are no tags on it, and cannot be.
        if isinstance(wanted, Tags):
            edits = wanted.edits(now)
            if edits:
                yield FieldChange(item.name, {key: now.of.get(key) for key in edits}, edits)
        elif isinstance(wanted, Mapping):
            yield FieldChange(item.name, _apart(now, wanted), _apart(wanted, now))
        else:
            yield FieldChange(item.name, now, wanted)


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of one that the other has not."""
    return {key: value for key, value in one.items() if key not in other or other[key] != value}
