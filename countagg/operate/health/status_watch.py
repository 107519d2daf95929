"""Watching the hops: again and again, and which of them changed between two looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from countagg.core.lazy_dataclass import dataclass
from countagg.operate.health.status import HopHealth


@dataclass(frozen=True, slots=True)
class StatusLook:
    """What one look found.

    Attributes:
        hops: all of them.
        changed: those that are told otherwise than at the look before; all at the first. Nobody is told that
            something is a bit older than before.
    """

    hops: tuple[HopHealth, ...]
    changed: tuple[HopHealth, ...]


def watch_hops(look: Callable[[], tuple[HopHealth, ...]], looks: Iterable[None]) -> Iterator[StatusLook]:
    """Look again and again, and yield what each look found.

    Args:
        look: looks at all hops.
        looks: yields before each, as of `Polling`.
    """
    before: Mapping[str, tuple[object, ...]] = {}
    for _ in looks:
        hops = look()
        told = {hop.name: (hop.healthy, hop.state, hop.detail) for hop in hops}
        yield StatusLook(hops, tuple(hop for hop in hops if told[hop.name] != before.get(hop.name)))
        before = told
