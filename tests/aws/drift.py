"""One change by hand, and what countagg must do about it."""

from __future__ import annotations

from collections.abc import Callable
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
    """

    node: str
    field: str
    change: Callable[[World], object]
    calls: tuple[str, ...]
    how: str = ""
    along: tuple[Touched, ...] = ()

    @property
    def name(self) -> str:
        """What pytest calls it."""
        return " ".join(filter(None, (self.node, self.field, self.how)))


def check_drift(world: World, drift: Drift) -> None:
    """Check that plan names exactly this field, and that setup puts it back by these calls alone."""
    (node,) = world.nodes(drift.node)
    before = node.resource.read()
    with ExitStack() as context:
        changed = drift.change(world)
        if isinstance(changed, AbstractContextManager):
            context.enter_context(changed)
        expected = [(drift.node, Action.UPDATE, (drift.field,)), *drift.along]
        assert touched(world.plan()) == expected
        assert touched(world.set_up()) == expected
        assert world.mutating == list(drift.calls)
        assert touched(world.set_up()) == []
        assert world.mutating == []
    after = node.resource.read()
    assert before is not None
    assert after is not None
    assert after.owned
    if drift.field == "source":
        assert after.state.source != before.state.source
        before = replace(before, state=replace(before.state, source=after.state.source))
    assert after.state == before.state
