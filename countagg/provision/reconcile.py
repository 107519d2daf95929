"""The loop that brings a stack about, and takes it away: read, compare, create, update, delete.

It knows no AWS. A resource is found by its name alone, never by a state file, so that whatever a killed run left
behind is seen by the next one, which finishes it. The plan is this loop without its writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from countagg.core.errors import AccessDenied, CountaggError, ImmutableField, MadeMeanwhile, NotOwned
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.differences import KNOWN_AFTER_SETUP, FieldChange, creation, diff
from countagg.provision.order import in_order

S = TypeVar("S")
_LOOKS: Final = 5
"""How often a resource is looked at again because somebody else works on it too."""


class Action(StrEnum):
    """What is done, or would be done, to a resource."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    DELETE = "delete"


class Holds(StrEnum):
    """What is lost when a resource goes; teardown can be asked to keep it."""

    DATA = "data"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Observed(Generic[S]):
    """A resource as it is.

    Attributes:
        state: parsed into the shape of the desired state.
        outputs: what others need of it and nobody can know before it exists, such as a stream's ARN.
        owned: whether it is this stack's.
        retained: why it must not be deleted now; None if it may be.
        contents: what would be lost with it, in words; None if nothing, or unknown.
        remark: what the operator should know of something that is not ours; None for nothing.
    """

    state: S
    outputs: Mapping[str, str] = field(default_factory=dict)
    owned: bool = True
    retained: str | None = None
    contents: str | None = None
    remark: str | None = None


class Resource(Protocol[S]):
    """One resource, bound to a client and to the name it is found by."""

    def read(self) -> Observed[S] | None:
        """Return it as it is; None only if there is none. Any other answer of AWS rises as an error."""

    def create(self, desired: S) -> None:
        """Create it. What a death half-way leaves undone shows as an update in the next run.

        From here on `read` waits until there is something to read.

        Raises:
            MadeMeanwhile: it is there since it was read.
        """

    def update(self, desired: S, changes: Sequence[FieldChange]) -> None:
        """Bring the changed fields to their desired values, and touch no other.

        Raises:
            MadeMeanwhile: somebody changed it since it was read.
        """

    def delete(self) -> None:
        """Delete it; that it is gone already is success."""


class NodeOutputs:
    """Outputs of the resources read so far, by the id of their node."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, str]] = {}

    def record(self, node: str, outputs: Mapping[str, str]) -> None:
        """Keep the outputs of a node."""
        self._known[node] = outputs

    def get(self, node: str, name: str, foreseen: str = KNOWN_AFTER_SETUP) -> str:
        """Return an output; while its resource does not exist, what is foreseen."""
        return self._known.get(node, {}).get(name, foreseen)


@dataclass(frozen=True, slots=True)
class Node(Generic[S]):
    """One resource of a stack, and what it should be.

    Attributes:
        id: kind and short name, such as `table/snapshots`.
        name: what AWS calls it.
        resource: the resource.
        desired: its desired state, given the outputs of what it needs.
        needs: ids of the nodes that must exist before it.
        immutable: fields that AWS cannot change.
        holds: what is lost with it.
        borrowed: what to do where it is not there, if it may belong to somebody else and is then used as it is;
            None if it is ours to create.
        unwanted: it shall not be there any more: setup deletes it if it is ours.
    """

    id: str
    name: str
    resource: Resource[S]
    desired: Callable[[NodeOutputs], S]
    needs: tuple[str, ...] = ()
    immutable: frozenset[str] = frozenset()
    holds: Holds | None = None
    borrowed: str | None = None
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What was done, or would be done, to one resource.

    Attributes:
        resource: id of the node.
        action: what.
        name: what AWS calls it.
        fields: what differs, for an update; what will be, for a creation.
        note: why it is kept, where that is not plain; None for nothing.
        holds: what is lost with it.
        contents: how much of that, in words; None if nothing, or unknown.
    """

    resource: str
    action: Action
    name: str = ""
    fields: tuple[FieldChange, ...] = ()
    note: str | None = None
    holds: Holds | None = None
    contents: str | None = None

    def covers(self, other: Change) -> bool:
        """Tell whether whoever was shown this change of a resource knows what the other one does to it.

        What was to be created may have been made meanwhile by another setup: then less is done.
        """
        if other.action is Action.KEEP:
            return True
        if other.action is Action.UPDATE and self.action is Action.UPDATE:
            shown = [(field.name, field.current) for field in self.fields]
            return all((field.name, field.current) in shown for field in other.fields)
        return self.action is other.action or (self.action, other.action) == (Action.CREATE, Action.UPDATE)


Announce = Callable[[str, Action], None]
"""Called before a resource is touched, with its id and the action."""
Approve = Callable[[Change], None]
"""Called before that, with all that is due; raises to leave the resource as it is."""


def approve_anything(_change: Change) -> None:
    """Let whatever is due be done."""


def deploy(
    nodes: Iterable[Node[Any]],
    *,
    dry_run: bool,
    announce: Announce,
    approve: Approve = approve_anything,
    outputs: NodeOutputs | None = None,
) -> Iterator[Change]:
    """Bring every resource to its desired state, or tell what would be done; fill in outputs for who wants them.

    Raises:
        NotOwned: a resource of that name is not this stack's.
        ImmutableField: a difference that AWS cannot mend.
    """
    outputs = NodeOutputs() if outputs is None else outputs
    for node in in_order(nodes):
        if node.unwanted:
            yield from _without(node, dry_run=dry_run, announce=announce, approve=approve)
            continue
        observed = node.resource.read()
        desired = node.desired(outputs)
        change = _planned(node, observed, desired)
        if change.action is not Action.KEEP and not dry_run:
            approve(change)
            announce(node.id, change.action)
            change = _carried_out(node, change, desired, approve)
            observed = node.resource.read()
        outputs.record(node.id, observed.outputs if observed else {})
        yield change


def _without(node: Node[Any], *, dry_run: bool, announce: Announce, approve: Approve) -> Iterator[Change]:
    """Delete what shall not be there if it is ours; who may not look is told, and not kept from all else."""
    try:
        observed = node.resource.read()
    except AccessDenied as error:
        yield Change(node.id, Action.KEEP, node.name, note=f"whether it is there was not seen: {error.what}")
        return
    if observed is not None and observed.owned:
        yield _delete(node, observed, dry_run=dry_run, announce=announce, approve=approve)


def _carried_out(node: Node[Any], change: Change, desired: Any, approve: Approve) -> Change:  # noqa: ANN401 - its state
    """Do what was planned, and return what was done: less than that if another setup did it meanwhile."""
    for looks_left in reversed(range(_LOOKS)):
        try:
            if change.action is Action.CREATE:
                node.resource.create(desired)
            elif change.action is Action.UPDATE:
                node.resource.update(desired, change.fields)
        except MadeMeanwhile:
            if not looks_left:
                raise
            change = _planned(node, node.resource.read(), desired)
            approve(change)
        else:
            break
    return change


def _planned(node: Node[Any], observed: Observed[Any] | None, desired: Any) -> Change:  # noqa: ANN401 - its state
    if observed is None:
        if node.borrowed:
            raise CountaggError("it does not exist", where=f"{node.id} {node.name}", hint=node.borrowed)
        return Change(node.id, Action.CREATE, node.name, creation(desired))
    if not observed.owned:
        if node.borrowed:
            note = "; ".join(filter(None, ("not ours, used as it is", observed.remark)))
            return Change(node.id, Action.KEEP, node.name, note=note)
        raise NotOwned(
            f"{node.name} exists and does not belong to this stack; nothing was touched",
            where=node.id,
            hint="choose another --stack, or remove it if nobody needs it",
        )
    changes = diff(observed.state, desired)
    fixed = [change for change in changes if change.name in node.immutable]
    if fixed:
        raise ImmutableField(
            f"{fixed[0].name} is {fixed[0].current}, should be {fixed[0].desired}, and cannot be changed",
            where=f"{node.id} {node.name}",
            hint="tear the stack down and set it up again, or choose another --stack",
        )
    return Change(node.id, Action.UPDATE if changes else Action.KEEP, node.name, changes)


def destroy(
    nodes: Iterable[Node[Any]],
    *,
    keep: frozenset[Holds] = frozenset(),
    dry_run: bool,
    announce: Announce,
    approve: Approve = approve_anything,
) -> Iterator[Change]:
    """Delete what is ours, dependents first, or tell what would be deleted. What is absent is not mentioned."""
    for node in reversed(in_order(nodes)):
        observed = node.resource.read()
        if observed is None:
            continue
        reason = _reason_to_keep(node, observed, keep)
        if reason:
            yield Change(node.id, Action.KEEP, node.name, note=reason)
        else:
            yield _delete(node, observed, dry_run=dry_run, announce=announce, approve=approve)


def _reason_to_keep(node: Node[Any], observed: Observed[Any], keep: frozenset[Holds]) -> str | None:
    if not observed.owned:
        return "not ours"
    if node.holds in keep:
        return f"--keep-{node.holds}"
    return observed.retained


def _delete(
    node: Node[Any], observed: Observed[Any], *, dry_run: bool, announce: Announce, approve: Approve
) -> Change:
    change = Change(node.id, Action.DELETE, node.name, holds=node.holds, contents=observed.contents)
    if not dry_run:
        approve(change)
        announce(node.id, Action.DELETE)
        node.resource.delete()
    return change
