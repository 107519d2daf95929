"""Watching the hops: again and again, and which of them changed between two looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from countagg.operate.health.status import Hop


@dataclass(frozen=True, slots=True)
class StatusLook:
    """What one look found.

    Attributes:
        hops: all of them.
        changed: those that are told otherwise than at the look before; all at the first. Nobody is told that
            something is a bit older than before.
    """

    hops: tuple[Hop, ...]
    changed: tuple[Hop, ...]


def watch_hops(look: Callable[[], tuple[Hop, ...]], pause: Callable[[], None]) -> Iterator[StatusLook]:
    """Look again and again, for ever, and yield what each look found.

    Args:
        look: looks at all hops.
        pause: waits for the next look.
    """
    before: Mapping[str, tuple[object, ...]] = {}
    while True:
        hops = look()
        told = {hop.name: (hop.healthy, hop.state, hop.detail) for hop in hops}
        yield StatusLook(hops, tuple(hop for hop in hops if told[hop.name] != before.get(hop.name)))
        before = told
        pause()
