"""What every part of a stack is made from: its settings, where it lives, and its code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, Final, Protocol, TypeVar

from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import OWNER_TAG, Names
from countagg.provision.code import Code
from countagg.provision.differences import Tags
from countagg.provision.fitness import check_fitness
from countagg.provision.place import Place
from countagg.provision.reconcile import Holds, Node, NodeOutputs, Resource
from countagg.provision.settings import StackSettings
from countagg.provision.stack_policies import fill_policy

S = TypeVar("S")

KEY_NODE: Final = "key"


class Bind(Protocol):
    """Finds the class for a kind of resource and gives it its client."""

    def __call__(self, node: str, name: str, /, *parts: str) -> Resource[Any]:
        """Return a resource.

        Args:
            node: kind and short name, as of `Node.id`.
            name: what people call it.
            parts: what AWS finds it by, where that is not its name.
        """


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Settings, place and code of a stack.

    Attributes:
        settings: what the operator chose.
        place: where the stack lives.
        code: the functions' zip.
        bind: gives resources their clients.
        names: of its resources.
        tags: that its resources bear.
    """

    settings: StackSettings
    place: Place
    code: Code
    bind: Bind
    names: Names = field(init=False)
    tags: Tags = field(init=False)

    def __post_init__(self) -> None:
        """Derive names and tags.

        Raises:
            UsageError: a setting cannot work in that place.
        """
        settings = self.settings
        object.__setattr__(self, "names", settings.names)
        object.__setattr__(self, "tags", Tags({**settings.tags, OWNER_TAG: settings.stack}, settings.dropped_tags))
        check_fitness(settings, self.place.known)

    def node(  # noqa: PLR0913 - the fields of a node
        self,
        id: str,  # noqa: A002 - the field of a node
        name: str,
        desired: Callable[[NodeOutputs], S],
        *,
        parts: tuple[str, ...] = (),
        needs: tuple[str, ...] = (),
        immutable: frozenset[str] = frozenset(),
        holds: Holds | None = None,
        borrowed: str | None = None,
        unwanted: bool = False,
    ) -> Node[S]:
        """Return a node, bound; `parts` are those of `Bind`, all else is as in `Node`."""
        resource = self.bind(id, name, *parts)
        return Node(id, name, resource, desired, needs, immutable, holds, borrowed, unwanted)

    def policy(self, template: str) -> dict[str, Any]:
        """Return a policy of `policies/`, filled in for this stack."""
        return fill_policy(self.settings, self.place, template)

    @property
    def key_needed(self) -> tuple[str, ...]:
        """The node of the KMS key, for those that are encrypted with it."""
        return (KEY_NODE,) if self.settings.kms_key else ()

    @property
    def mapping_tags(self) -> Tags | None:
        """The tags of event source mappings; None where they may have none."""
        return self.tags if self.place.has_mapping_tags else None

    @property
    def dead_letters_arn(self) -> str:
        """ARN of the queue for failures."""
        return self.place.queue_arn(self.names.dead_letters)

    @property
    def alerts_arn(self) -> str:
        """ARN of the topic for alerts."""
        return self.place.topic_arn(self.names.alerts)
