"""A world of resources in memory, and Hypothesis strategies for graphs in it.

Every change of the world is one mutation, as a call to AWS would be, and the world can die before or after any of
them. Creating takes two mutations, so that a death between them leaves a half-made resource behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from countagg.provision.differences import FieldChange, Tags
from countagg.provision.reconcile import Action, Change, Holds, Node, NodeOutputs, Observed, deploy, destroy

OURS = {"owner": "us"}
DRIFTING = ("size", "colour", "parents", "tags")


class Died(BaseException):
    """The process was killed. No `except Exception` stops it."""


@dataclass(frozen=True, slots=True)
class Thing:
    """State of a resource. `recipe` is what AWS would not give back: it takes no part in comparison."""

    size: int
    colour: str | None
    parents: tuple[str, ...] = ()
    tags: Tags = field(default_factory=lambda: Tags(OURS))
    recipe: str = field(default="", compare=False)


@dataclass
class World:
    """All resources by name, and how often something was changed."""

    things: dict[str, Thing] = field(default_factory=dict)
    incarnations: dict[str, int] = field(default_factory=dict)
    retained: dict[str, str] = field(default_factory=dict)
    mutations: list[str] = field(default_factory=list)
    dies_at: int | None = None

    def mutate(self, name: str, thing: Thing | None) -> None:
        """Change one resource, unless this is the mutation to die at."""
        if len(self.mutations) == self.dies_at:
            raise Died
        self.mutations.append(name)
        if thing is None:
            self.things.pop(name, None)
        else:
            self.things[name] = thing


@dataclass(frozen=True, slots=True)
class Fake:
    """One resource of the world. Its output changes with each incarnation, as the ARN of a stream does."""

    world: World
    name: str

    def read(self) -> Observed[Thing] | None:
        thing = self.world.things.get(self.name)
        if thing is None:
            return None
        return Observed(
            replace(thing, recipe=""),
            {"id": f"{self.name}#{self.world.incarnations.get(self.name, 0)}"},
            owned=thing.tags.of.get("owner") == "us",
            retained=self.world.retained.get(self.name),
            contents=f"{thing.size} eggs",
        )

    def create(self, desired: Thing) -> None:
        self.world.mutate(self.name, replace(desired, colour="none"))
        self.world.incarnations[self.name] = self.world.incarnations.get(self.name, 0) + 1
        self.world.mutate(self.name, desired)

    def update(self, desired: Thing, changes: Sequence[FieldChange]) -> None:
        for change in changes:
            self.set_field(change.name, getattr(desired, change.name))

    def set_field(self, name: str, value: object) -> None:
        thing = self.world.things[self.name]
        match name, value:
            case "size", int():
                thing = replace(thing, size=value)
            case "colour", str():
                thing = replace(thing, colour=value)
            case "parents", tuple():
                thing = replace(thing, parents=value)
            case "tags", Tags():
                kept = {key: each for key, each in thing.tags.of.items() if key not in value.dropped}
                thing = replace(thing, tags=Tags({**kept, **value.of}))
            case _:
                raise AssertionError(name)
        self.world.mutate(self.name, thing)

    def delete(self) -> None:
        if self.name in self.world.things:
            self.world.mutate(self.name, None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A node to be: what it needs, and in which of its fields it differs from others."""

    id: str
    needs: tuple[str, ...]
    size: int
    holds: Holds | None = None

    def node(self, world: World) -> Node[Thing]:
        """Bind it to a world."""

        def desired(outputs: NodeOutputs) -> Thing:
            return Thing(self.size, "blue", tuple(outputs.get(parent, "id") for parent in self.needs), recipe="!")

        return Node(self.id, f"the {self.id}", Fake(world, self.id), desired, self.needs, holds=self.holds)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Plan, ...]:
    """Acyclic graphs of up to seven nodes, in any order."""
    count = draw(st.integers(1, 7))
    names = [f"kind/{index}" for index in range(count)]
    plans = [
        Plan(
            name,
            tuple(draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else ()),
            draw(st.integers(1, 3)),
            draw(st.sampled_from((None, None, Holds.DATA, Holds.LOGS))),
        )
        for index, name in enumerate(names)
    ]
    return tuple(draw(st.permutations(plans)))


def bind(plans: Iterable[Plan], world: World) -> list[Node[Thing]]:
    """Bind all plans to one world."""
    return [plan.node(world) for plan in plans]


def silent(_node: str, _action: Action) -> None:
    """Announce nothing."""


def set_up(nodes: Iterable[Node[Thing]], *, dry_run: bool = False) -> tuple[Change, ...]:
    """Deploy to the end."""
    return tuple(deploy(nodes, dry_run=dry_run, announce=silent))


def tear_down(
    nodes: Iterable[Node[Thing]], *, keep: frozenset[Holds] = frozenset(), dry_run: bool = False
) -> tuple[Change, ...]:
    """Destroy to the end."""
    return tuple(destroy(nodes, keep=keep, dry_run=dry_run, announce=silent))


def killed_at(world: World, mutation: int, nodes: Iterable[Node[Thing]], *, destroying: bool = False) -> bool:
    """Run until the world dies at that mutation, counted from here; tell whether it came to that."""
    world.dies_at = len(world.mutations) + mutation
    try:
        if destroying:
            tear_down(nodes)
        else:
            set_up(nodes)
    except Died:
        return True
    finally:
        world.dies_at = None
    return False


def actions(changes: Iterable[Change]) -> list[tuple[str, Action, tuple[str, ...]]]:
    """Return what was done to which resource, and to which of its fields."""
    return [(change.resource, change.action, tuple(each.name for each in change.fields)) for change in changes]


def drifted(thing: Thing, name: str) -> Thing:
    """Return a state that somebody changed by hand, in one field."""
    changed: Mapping[str, Thing] = {
        "size": replace(thing, size=thing.size + 1),
        "colour": replace(thing, colour="red"),
        "parents": replace(thing, parents=("somebody else",)),
        "tags": replace(thing, tags=Tags({"owner": "us", "their": "tag"})),
    }
    return changed[name]
