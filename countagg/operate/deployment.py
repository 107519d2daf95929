"""Plan, setup and teardown of a stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from countagg.aws.binding import Binder
from countagg.aws.pipeline import read_environment
from countagg.aws.session import Caller, Clients
from countagg.aws.waiting import Patience
from countagg.core.errors import TimedOut, UsageError
from countagg.core.settings import DeployedChoice
from countagg.provision.bundle import build_bundle, make_code
from countagg.provision.reconcile import Action, Announce, Change, Holds, Node, deploy, destroy
from countagg.provision.settings import DEFAULT_OUTPUT_PREFIX, DEFAULT_PREFIX, StackSettings
from countagg.provision.stack import Stack

_SHOWN_AFTER_DELETION: Final = 120.0
"""Seconds; SQS lists a deleted queue for up to 60 (AWS-FACTS section 9)."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the operator said about a stack; None where nothing was said.

    What was not said is taken from the deployed stack, and then from the defaults.
    """

    stack: str
    bucket: str | None = None
    create_bucket: bool = False
    prefix: str | None = None
    output_prefix: str | None = None

    def settings(self, deployed: DeployedChoice) -> StackSettings:
        """Complete the settings.

        Raises:
            UsageError: no bucket is named anywhere, or a deployed stack uses another one.
        """
        bucket = self.bucket or deployed.bucket
        if not bucket:
            hint = "give --bucket NAME, and --create-bucket if it is to be created"
            raise UsageError("no bucket is named", where="--bucket", hint=hint)
        if deployed.bucket and bucket != deployed.bucket:
            raise UsageError(
                f"the stack {self.stack!r} works on the bucket {deployed.bucket!r}, not on {bucket!r}",
                where="--bucket",
                hint="tear it down first, or choose another --stack",
            )
        return StackSettings(
            stack=self.stack,
            bucket=bucket,
            create_bucket=self.create_bucket,
            prefix=self.prefix or deployed.prefix or DEFAULT_PREFIX,
            output_prefix=self.output_prefix or deployed.output_prefix or DEFAULT_OUTPUT_PREFIX,
        )


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

    def nodes(self, chosen: Chosen) -> list[Node[Any]]:
        """Return the stack's resources, with what they should be.

        Raises:
            UsageError: the settings are incomplete or wrong.
        """
        settings = chosen.settings(self._deployed(chosen.stack))
        stack = Stack(settings, self._place, build_bundle())
        return self._binder(chosen.stack).bind(stack.specs())

    def nodes_to_remove(self, stack: str, bucket: str | None, *, delete_objects: bool) -> list[Node[Any]]:
        """Return the stack's resources by their names alone.

        Args:
            stack: its name.
            bucket: where no part of the stack is left that tells it.
            delete_objects: whether a bucket of ours goes with its objects.
        """
        settings = StackSettings(stack, bucket or self._deployed(stack).bucket)
        specs = Stack(settings, self._place, make_code(b"")).specs()
        return self._binder(stack, delete_objects=delete_objects).bind(specs)

    def left_over(self, nodes: list[Node[Any]], changes: Sequence[Change]) -> tuple[str, ...]:
        """List again after a teardown, for as long as AWS goes on showing what is deleted.

        Args:
            nodes: the stack's resources.
            changes: what the teardown did; what it kept is expected.

        Returns:
            Ids of what is still there.
        """
        listings: list[tuple[str, ...]] = []

        def is_clean() -> bool:
            listings.append(list_again(nodes, changes))
            return not listings[-1]

        with suppress(TimedOut):
            replace(self._patience, deadline=_SHOWN_AFTER_DELETION).until(
                is_clean, "what was deleted, until AWS no longer lists it"
            )
        return listings[-1]

    def _deployed(self, stack: str) -> DeployedChoice:
        return DeployedChoice.from_environment(read_environment(self._clients, stack) or {})

    def _binder(self, stack: str, *, delete_objects: bool = False) -> Binder:
        return Binder(self._clients, self._place, stack, self._patience, delete_objects=delete_objects)


def plan(nodes: list[Node[Any]]) -> tuple[Change, ...]:
    """Return what setup would do. Nothing is touched."""
    return tuple(deploy(nodes, dry_run=True, announce=_silent))


def apply(nodes: list[Node[Any]], announce: Announce) -> Iterator[Change]:
    """Do it, resource by resource."""
    return deploy(nodes, dry_run=False, announce=announce)


def plan_removal(nodes: list[Node[Any]], keep: frozenset[Holds]) -> tuple[Change, ...]:
    """Return what teardown would do. Nothing is touched."""
    return tuple(destroy(nodes, keep=keep, dry_run=True, announce=_silent))


def remove(nodes: list[Node[Any]], keep: frozenset[Holds], announce: Announce) -> Iterator[Change]:
    """Do it, resource by resource."""
    return destroy(nodes, keep=keep, dry_run=False, announce=announce)


def list_again(nodes: list[Node[Any]], changes: Sequence[Change]) -> tuple[str, ...]:
    """Return the ids of what is ours and there, although the changes did not keep it."""
    expected = {change.resource for change in changes if change.action is Action.KEEP}
    return tuple(
        node.id
        for node in nodes
        if node.id not in expected and (found := node.resource.read()) is not None and found.owned
    )


def _silent(_node: str, _action: Action) -> None:
    """Announce nothing."""


def tally(changes: Sequence[Change]) -> dict[str, int]:
    """Count the actions, each of them, also those that do not occur."""
    counts = Counter(change.action for change in changes)
    return {str(action): counts[action] for action in Action}
