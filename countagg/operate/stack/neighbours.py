"""Other stacks on the same bucket: what they read and publish must not be what ours reads and publishes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from countagg.aws.environments import read_environment
from countagg.core.errors import AccessDenied, UsageError
from countagg.provision.choices import Remembered
from countagg.provision.notifications import stacks_on
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings

if TYPE_CHECKING:
    from countagg.aws.session import Clients


def read_neighbours(
    clients: Clients, settings: StackSettings, place: Place, notifications: Mapping[str, Any]
) -> dict[str, Remembered | None]:
    """Return the other stacks that a bucket notifies, by name, each with what it remembers.

    Args:
        clients: to read with.
        settings: of the stack in question.
        place: where it lives.
        notifications: the bucket's; a stack is known by its entry there.

    Returns:
        None for a stack whose settings this principal may not read.
    """
    return {stack: _read(clients, stack) for stack in stacks_on(notifications, place) if stack != settings.stack}


def _read(clients: Clients, stack: str) -> Remembered | None:
    try:
        return Remembered.from_environment(read_environment(clients, stack))
    except AccessDenied:
        return None


def check_neighbours(settings: StackSettings, neighbours: Mapping[str, Remembered | None]) -> None:
    """Refuse settings by which two stacks would work on the same objects.

    Raises:
        UsageError: the stack is named, with what to do.
    """
    for stack, other in neighbours.items():
        if other is None:
            continue
        for ours, theirs in _shared(settings, other):
            raise UsageError(
                f"{ours} is in the way of the stack {stack!r}, which works on {settings.bucket} too and {theirs}",
                where="--prefix, --output-prefix",
                hint="choose prefixes that none of its own begins with, nor they with one of its own",
            )


def _shared(settings: StackSettings, other: Remembered) -> Iterator[tuple[str, str]]:
    theirs = {other.prefix: "reads files below", other.output_prefix: "publishes below"}
    for mine, (prefix, verb) in product((settings.prefix, settings.output_prefix), theirs.items()):
        if prefix and (mine.startswith(prefix) or prefix.startswith(mine)):
            yield mine, f"{verb} {prefix}"


def unknown_neighbours(neighbours: Mapping[str, Remembered | None]) -> str | None:
    """Return a remark on the stacks whose settings could not be read; None if there are none."""
    unknown = sorted(stack for stack, other in neighbours.items() if other is None)
    if not unknown:
        return None
    return (
        f"may not read where {', '.join(unknown)} publishes in this bucket: take care that --output-prefix differs"
    )
