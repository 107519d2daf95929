"""The order of a stack's nodes: each comes after those that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from countagg.core.errors import CountaggError

if TYPE_CHECKING:
    from countagg.provision.reconcile import Node


def in_order(nodes: Iterable[Node[Any]]) -> list[Node[Any]]:
    """Return the nodes so that each comes after those that it needs, otherwise in the given order.

    Raises:
        CountaggError: they need each other in a circle, which is named.
    """
    listed = list(nodes)
    position = {node.id: index for index, node in enumerate(listed)}
    sorter = TopologicalSorter({node.id: node.needs for node in listed})
    try:
        sorter.prepare()
    except CycleError as error:
        raise CountaggError(f"resources need each other in a circle: {' -> '.join(error.args[1])}") from error
    ordered: list[Node[Any]] = []
    ready: list[int] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, position[name])
        node = listed[heappop(ready)]
        ordered.append(node)
        sorter.done(node.id)
    return ordered
