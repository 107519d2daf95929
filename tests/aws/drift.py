"""Changes by hand, and what countagg must do about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from countagg.provision.reconcile import Action
from tests.aws.world import World, touched

Touched = tuple[str, Action, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Drift:
    """A field of a resource that somebody changes.

    Attributes:
        node: id of the resource.
        field: name of the field in its state.
        change: what is done by hand; what it returns may be a context, which lasts until the end.
        calls: the mutating calls that put it back.
        how: which of several changes of the field it is.
        along: what else setup must touch, because it depends on it.
        calls_along: the mutating calls that do so.
    """

    node: str
    field: str
    change: Callable[[World], object]
    calls: tuple[str, ...]
    how: str = ""
    along: tuple[Touched, ...] = ()
    calls_along: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What pytest calls it."""
        return " ".join(filter(None, (self.node, self.field, self.how)))

    @property
    def touches(self) -> tuple[Touched, ...]:
        """What setup must touch."""
        return ((self.node, Action.UPDATE, (self.field,)), *self.along)


def rounds(drifts: Iterable[Drift]) -> list[list[Drift]]:
    """Spread changes over as few rounds as there are changes of one resource: a round touches none twice."""
    found: list[list[Drift]] = []
    for drift in drifts:
        names = {name for name, *_ in drift.touches}
        for each in found:
            if names.isdisjoint(name for other in each for name, *_ in other.touches):
                each.append(drift)
                break
        else:
            found.append([drift])
    return found


def check_drifts(world: World, drifts: Iterable[Drift]) -> None:
    """Check that plan names exactly these fields, and that setup puts them back by their calls alone, in order."""
    nodes = {node.id: node for node in world.nodes()}
    before = {drift.node: nodes[drift.node].resource.read() for drift in drifts}
    order = list(nodes)
    expected = sorted((each for drift in drifts for each in drift.touches), key=lambda each: order.index(each[0]))
    calls = {drift.node: drift.calls for drift in drifts}
    calls |= {name: drift.calls_along for drift in drifts for name, *_ in drift.along}
    with ExitStack() as context:
        for drift in drifts:
            changed = drift.change(world)
            if isinstance(changed, AbstractContextManager):
                context.enter_context(changed)
        assert touched(world.plan()) == expected
        assert touched(world.set_up()) == expected
        assert world.mutating == [call for name, *_ in expected for call in calls[name]]
        assert touched(world.set_up()) == []
        assert world.mutating == []
    for drift in drifts:
        then, after = before[drift.node], nodes[drift.node].resource.read()
        assert then is not None
        assert after is not None
        assert after.owned
        if drift.field == "source":
            assert after.state.source != then.state.source
            then = replace(then, state=replace(then.state, source=after.state.source))
        assert after.state == then.state, drift.name
