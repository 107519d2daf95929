"""Plan, setup and teardown of a stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from countagg.aws.binding import Binder
from countagg.aws.pipeline import read_settings
from countagg.aws.session import Caller, Clients
from countagg.aws.waiting import Patience
from countagg.core.errors import UsageError
from countagg.core.settings import FunctionSettings
from countagg.provision.bundle import build_bundle, make_code
from countagg.provision.reconcile import Action, Announce, Change, Holds, Node, deploy, destroy
from countagg.provision.settings import DEFAULT_OUTPUT_PREFIX, DEFAULT_PREFIX, StackSettings
from countagg.provision.stack import Stack


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

    def settings(self, deployed: FunctionSettings | None) -> StackSettings:
        """Complete the settings.

        Raises:
            UsageError: no bucket is named anywhere, or a deployed stack uses another one.
        """
        bucket = self.bucket or (deployed.bucket if deployed else None)
        if bucket is None:
            raise UsageError(
                "which bucket?", where="--bucket", hint="give --bucket NAME, and --create-bucket for a new one"
            )
        if deployed and bucket != deployed.bucket:
            raise UsageError(
                f"the stack {self.stack!r} works on the bucket {deployed.bucket!r}, not on {bucket!r}",
                where="--bucket",
                hint="tear it down first, or choose another --stack",
            )
        return StackSettings(
            stack=self.stack,
            bucket=bucket,
            create_bucket=self.create_bucket,
            prefix=self.prefix or (deployed.prefix if deployed else DEFAULT_PREFIX),
            output_prefix=self.output_prefix or (deployed.output_prefix if deployed else DEFAULT_OUTPUT_PREFIX),
        )


class Deployment:
    """Plans, sets up and tears down one stack.

    Args:
        clients: to provision with.
        caller: who acts, and where.
        waiting_for: told what is waited for.
    """

    def __init__(self, clients: Clients, caller: Caller, waiting_for: Callable[[str], None]) -> None:
        self._clients = clients
        self._place = caller.place
        self._patience = Patience(waiting_for)

    def nodes(self, chosen: Chosen) -> list[Node[Any]]:
        """Return the stack's resources, with what they should be.

        Raises:
            UsageError: the settings are incomplete or wrong.
        """
        settings = chosen.settings(read_settings(self._clients, chosen.stack))
        stack = Stack(settings, self._place, build_bundle())
        return self._binder(chosen.stack).bind(stack.specs())

    def nodes_to_remove(self, stack: str, bucket: str | None, *, delete_objects: bool) -> list[Node[Any]]:
        """Return the stack's resources by their names alone.

        Args:
            stack: its name.
            bucket: where no part of the stack is left that tells it.
            delete_objects: whether a bucket of ours goes with its objects.
        """
        deployed = read_settings(self._clients, stack)
        settings = StackSettings(stack, bucket or (deployed.bucket if deployed else ""))
        specs = Stack(settings, self._place, make_code(b"")).specs()
        return self._binder(stack, delete_objects=delete_objects).bind(specs)

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


def left_over(nodes: list[Node[Any]], kept: Sequence[Change]) -> tuple[str, ...]:
    """List again, after a teardown: ids of what is still there although it was not to be kept."""
    expected = {change.resource for change in kept if change.action is Action.KEEP}
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
