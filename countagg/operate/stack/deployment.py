"""Plan, setup and teardown of a stack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.environments import read_environment
from countagg.aws.kinds.binding import Binder
from countagg.aws.tagged import tagged_arns
from countagg.core.errors import AccessDenied, PlanOutdated, TimedOut, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.operate.stack.neighbours import check_neighbours, read_neighbours, unknown_neighbours
from countagg.provision.blueprint import Blueprint
from countagg.provision.bundle import build_bundle, make_code
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.consequences import consequence_of, consequences, cost_of
from countagg.provision.notifications import count_entries, foreign_entries
from countagg.provision.place import Place
from countagg.provision.reconcile import (
    Action,
    Announce,
    Change,
    Holds,
    Node,
    NodeOutputs,
    approve_anything,
    deploy,
    destroy,
)
from countagg.provision.settings import StackSettings
from countagg.provision.stack import stack_nodes

if TYPE_CHECKING:
    from countagg.aws.kinds.context import Forced
    from countagg.aws.session import Caller, Clients
    from countagg.aws.waiting import Patience

_SHOWN_AFTER_DELETION: Final = 120.0
"""Seconds; SQS lists a deleted queue for up to 60 (docs/aws-facts.md#boto3)."""
_LATE_LOG_LINES: Final = 3.0
"""Seconds; a function's last lines may still be on their way when it is deleted, and make its log group anew."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A stack's resources, and what would be done to each.

    Attributes:
        nodes: the resources.
        changes: what would be done; nothing was touched.
        arns: of the resources, as far as they follow from their names.
        foreign: the bucket's notifications that are not ours; None if there is no bucket.
        settings: of the stack; None of one that is to be removed.
        zip: hash of the functions' zip, as Lambda tells it; None likewise.
    """

    nodes: tuple[Node[Any], ...]
    changes: tuple[Change, ...]
    arns: frozenset[str] = frozenset()
    foreign: dict[str, Any] | None = None
    settings: StackSettings | None = None
    zip: str | None = None

    @property
    def is_pending(self) -> bool:
        """Whether anything would be done."""
        return any(change.action is not Action.KEEP for change in self.changes)

    def require_shown(self, change: Change) -> None:
        """Let nothing be done that the plan did not show.

        Raises:
            PlanOutdated: somebody changed the resource since.
        """
        shown = {each.resource: each for each in self.changes}.get(change.resource)
        if shown is None or not shown.covers(change):
            raise PlanOutdated(
                f"it is to be {_DONE[change.action]}, which was not shown: somebody changed it meanwhile",
                where=f"{change.resource} {change.name}",
            )


_DONE: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a teardown leaves.

    Attributes:
        left_over: what is still there and should not: ids with names, or ARNs.
        searched_by_tag: whether the account was searched by tag too, or the principal may not.
        foreign: how many notifications of others the bucket had; None if there was no bucket.
        foreign_unchanged: whether they are as they were.
    """

    left_over: tuple[str, ...]
    searched_by_tag: bool
    foreign: int | None
    foreign_unchanged: bool


class Deployment:
    """Plans, sets up and tears down one stack.

    Args:
        clients: to provision with.
        caller: who acts, and where.
        patience: how waiting is done.
    """

    def __init__(self, clients: Clients, caller: Caller, patience: Patience) -> None:
        self._clients = clients
        self._place = caller.place
        self._patience = patience

    def plan(self, chosen: Chosen) -> Plan:
        """Return what setup would do. Nothing is touched.

        Raises:
            UsageError: the settings are incomplete or wrong, or another stack on the bucket is in the way.
        """
        remembered = self._remembered(chosen.stack)
        settings = chosen.settings(remembered)
        code = build_bundle()
        binder, outputs = self._binder(settings.stack), NodeOutputs()
        nodes = stack_nodes(Blueprint(settings, self._place, code, binder.bind))
        with binder.reads.during_one_pass():
            changes = tuple(deploy(nodes, dry_run=True, announce=_silent, outputs=outputs))
        self._check_neighbours(settings, outputs.get("bucket", "notifications", foreseen="{}"))
        notes = consequences(remembered, settings)
        shown = tuple(_with_note(change, notes) for change in changes)
        return Plan(nodes, shown, settings=settings, zip=code.sha256)

    def _check_neighbours(self, settings: StackSettings, notifications: str) -> None:
        neighbours = read_neighbours(self._clients, settings, self._place, json.loads(notifications))
        check_neighbours(settings, neighbours)
        if remark := unknown_neighbours(neighbours):
            self._patience.warn(remark)

    def plan_removal(self, stack: str, bucket: str | None, keep: frozenset[Holds], forced: Forced) -> Plan:
        """Return what teardown would do. Nothing is touched.

        Args:
            stack: its name.
            bucket: where no part of the stack is left that tells it.
            keep: what stays.
            forced: what goes although it would stay otherwise.

        Raises:
            UsageError: the stack uses another bucket.
        """
        binder = self._binder(stack, forced)
        nodes = self._nodes_to_remove(stack, bucket, binder)
        with binder.reads.during_one_pass():
            changes = tuple(destroy(nodes, keep=keep, dry_run=True, announce=_silent))
        arns = frozenset(arn for node in nodes if (arn := self._place.arn_of(node.id, node.name)))
        return Plan(nodes, changes, arns, _foreign(nodes, stack, self._place))

    def _nodes_to_remove(self, stack: str, bucket: str | None, binder: Binder) -> tuple[Node[Any], ...]:
        remembered = self._remembered(stack)
        if bucket and remembered.bucket not in (None, bucket):
            raise UsageError(
                f"the stack {stack!r} works on the bucket {remembered.bucket!r}, not on {bucket!r}",
                where="--bucket",
                hint="leave it out, or choose another --stack",
            )
        settings = StackSettings(
            stack,
            remembered.bucket or bucket or self._tagged_bucket(stack),
            alarm_email=remembered.choices.get("alarm_email"),
            subscriptions=remembered.choices.get("subscriptions", ()),
        )
        return stack_nodes(Blueprint(settings, self._place, make_code(b""), binder.bind))

    def _tagged_bucket(self, stack: str) -> str:
        """Find a bucket of ours by its tag, where nothing else is left that names it."""
        prefix = self._place.bucket_arn("")
        with suppress(AccessDenied):
            for arn in tagged_arns(self._clients, stack):
                if arn.startswith(prefix):
                    return arn.removeprefix(prefix)
        return ""

    def receipt(self, stack: str, plan: Plan, changes: Sequence[Change]) -> Receipt:
        """List again after a teardown, by name and by tag, for as long as AWS goes on showing what is deleted.

        Args:
            stack: its name.
            plan: what was planned.
            changes: what was done; what was kept is expected to be there.
        """
        self._delete_log_groups_again(plan, changes)
        by_name = self._until_empty(lambda: list_again(plan.nodes, changes))
        by_tag: tuple[str, ...] | None = None
        with suppress(AccessDenied):
            by_tag = self._until_empty(lambda: tuple(sorted(tagged_arns(self._clients, stack) - plan.arns)))
        foreign = _foreign(plan.nodes, stack, self._place)
        return Receipt(
            left_over=(*by_name, *(by_tag or ())),
            searched_by_tag=by_tag is not None,
            foreign=None if plan.foreign is None else count_entries(plan.foreign),
            foreign_unchanged=foreign is None or foreign == plan.foreign,
        )

    def _delete_log_groups_again(self, plan: Plan, changes: Sequence[Change]) -> None:
        deleted = {change.resource for change in changes if change.action is Action.DELETE}
        groups = [node for node in plan.nodes if node.holds is Holds.LOGS and node.id in deleted]
        if groups:
            self._patience.announce("late log lines, which could make a log group anew")
            self._patience.polling.sleep(_LATE_LOG_LINES)
        for node in groups:
            if node.resource.read() is not None:
                node.resource.delete()

    def _until_empty(self, listing: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        listings: list[tuple[str, ...]] = []

        def is_empty() -> bool:
            listings.append(listing())
            return not listings[-1]

        with suppress(TimedOut):
            self._patience.within(_SHOWN_AFTER_DELETION).until(
                is_empty, "what was deleted, until AWS no longer lists it"
            )
        return listings[-1]

    def _remembered(self, stack: str) -> Remembered:
        return Remembered.from_environment(read_environment(self._clients, stack))

    def _binder(self, stack: str, forced: Forced | None = None) -> Binder:
        return Binder(self._clients, self._place, stack, self._patience, forced)


def apply(plan: Plan, announce: Announce, *, anything: bool = False) -> Iterator[Change]:
    """Set up, resource by resource.

    Args:
        plan: that was shown.
        announce: called before each is touched.
        anything: do what is due although the plan did not show it.

    Raises:
        PlanOutdated: the plan did not show what is due.
    """
    approve = approve_anything if anything else plan.require_shown
    return deploy(plan.nodes, dry_run=False, announce=announce, approve=approve)


def remove(plan: Plan, keep: frozenset[Holds], announce: Announce, *, anything: bool = False) -> Iterator[Change]:
    """Tear down, resource by resource; as `apply`."""
    approve = approve_anything if anything else plan.require_shown
    return destroy(plan.nodes, keep=keep, dry_run=False, announce=announce, approve=approve)


def list_again(nodes: Sequence[Node[Any]], changes: Sequence[Change]) -> tuple[str, ...]:
    """Return what is ours and there, although the changes did not keep it."""
    expected = {change.resource for change in changes if change.action is Action.KEEP}
    return tuple(
        f"{node.id} {node.name}"
        for node in nodes
        if node.id not in expected and (observed := node.resource.read()) is not None and observed.owned
    )


def _foreign(nodes: Sequence[Node[Any]], stack: str, place: Place) -> dict[str, Any] | None:
    """Return the bucket's notifications that are not ours; None if there is no bucket."""
    for node in nodes:
        if node.id == "bucket" and (observed := node.resource.read()) is not None:
            ours = Names(stack).uploads
            return foreign_entries(json.loads(observed.outputs["notifications"]), ours, place.topic_arn(ours))
    return None


def _with_note(change: Change, notes: Mapping[str, str]) -> Change:
    match change.action:
        case Action.CREATE:
            note = cost_of(change.resource)
        case Action.UPDATE:
            note = notes.get(change.resource) or consequence_of(change.resource, change.fields)
        case _:
            note = None
    return replace(change, note=note) if note else change


def _silent(_node: str, _action: Action) -> None:
    """Announce nothing."""


def tally(changes: Sequence[Change]) -> dict[str, int]:
    """Count the actions, each of them, also those that do not occur."""
    counts = Counter(change.action for change in changes)
    return {str(action): counts[action] for action in Action}
