"""What several resources of a stack read of the same thing, which a pass that only reads asks AWS for once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class SharedReads:
    """Answers of AWS that resources share during one pass over a stack; at other times each asks for itself.

    A plan may be carried out long after it was made: nothing of it is remembered when its pass has ended, so that
    whoever changes a resource has read it just before.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] | None = None

    @contextmanager
    def during_one_pass(self) -> Iterator[None]:
        """Share what is read in the block, in which nothing may be changed, and forget it at its end."""
        self._known = {}
        try:
            yield
        finally:
            self._known = None

    def once(self, what: Hashable, read: Callable[[], T]) -> T:
        """Return what this pass has read already, or read it."""
        if self._known is None:
            return read()
        if what not in self._known:
            self._known[what] = read()
        known: T = self._known[what]
        return known

    def listed(
        self, kind: Hashable, name: str, prefix: str, list_named: Callable[[str], Mapping[str, T]]
    ) -> T | None:
        """Return what a list has under a name; a pass lists at once all whose names begin as those of the stack.

        Args:
            kind: of what is listed.
            name: which one is wanted; None is returned if there is none.
            prefix: how the names of the stack begin.
            list_named: lists by name what begins with a text.
        """
        return self.once(kind, lambda: list_named(name if self._known is None else prefix)).get(name)

    def remember(self, what: Hashable, answer: object) -> None:
        """Keep for this pass what came with the answer to another question."""
        if self._known is not None:
            self._known[what] = answer


def tags_of(arn: str) -> Hashable:
    """Return what the tags of a resource are shared as."""
    return "tags", arn
