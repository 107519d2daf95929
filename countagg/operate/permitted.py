"""Reads that a principal may lack the permission for, where the rest is worth showing all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from countagg.core.errors import AccessDenied
from countagg.core.lazy_dataclass import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """In place of what a read that is not allowed would have found."""

    action: str

    @property
    def text(self) -> str:
        """What to tell people."""
        return f"not allowed: {self.action}"


def attempt(action: str, read: Callable[[], T]) -> T | NotAllowed:
    """Read, unless the principal may not; the action is named as AWS names it, or else as given."""
    try:
        return read()
    except AccessDenied as denied:
        return NotAllowed(denied.action or action)
