"""Whose counters they are, where nobody says it: the EC2 instance's, or the host's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import MAX_INSTANCE_LENGTH

INSTANCE_VARIABLE: Final = "COUNTAGG_INSTANCE_ID"
_OF_CONTAINERS: Final = ("ECS_CONTAINER_METADATA_URI_V4", "KUBERNETES_SERVICE_HOST")
"""Variables that ECS and Kubernetes set. There the EC2 instance is that of several, and the host name of one."""
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9._-]+")
_OF_MANY: Final = frozenset({"", "localhost", "localhost.localdomain"})
"""Host names that tell no machine from another."""


@dataclass(frozen=True, slots=True)
class InstanceId:
    """An instance id.

    Attributes:
        text: the id.
        origin: whose it is, for people.
    """

    text: str
    origin: str


def find_instance_id(
    environ: Mapping[str, str], fetch: Callable[[], str | None], host_name: Callable[[], str]
) -> InstanceId:
    """Return the id of an instance that nobody has named.

    Args:
        environ: variables of the environment.
        fetch: asks for the id of the EC2 instance; None if this is none.
        host_name: tells the host's name.

    Raises:
        UsageError: the host has no name of its own either.
    """
    in_container = any(name in environ for name in _OF_CONTAINERS)
    if not in_container and (found := fetch()):
        return InstanceId(found, "of this EC2 instance")
    name = host_name()
    legal = _ILLEGAL.sub("-", name)[:MAX_INSTANCE_LENGTH]
    if legal.lower() in _OF_MANY or not legal.strip("-."):
        raise UsageError(
            f"no instance is named, and the host name {name!r} does not tell this machine from others",
            where="--instance-id",
            hint=f"give it, or {INSTANCE_VARIABLE}",
        )
    return InstanceId(legal, "the host name")
