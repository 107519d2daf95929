"""What the resources of a stack have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from countagg.aws.kinds.shared_reads import SharedReads
from countagg.aws.waiting import Patience
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import OWNER_TAG
from countagg.provision.place import Place


@dataclass(frozen=True, slots=True)
class Forced:
    """What a teardown may delete besides the plain: a bucket of ours with its objects, and protected tables."""

    objects: bool = False
    protected: bool = False


@dataclass(frozen=True, slots=True)
class StackContext:
    """Whose resources they are, where they live, and how they are read and waited for.

    Attributes:
        place: where the stack lives.
        stack: its name, which the owner's tag bears.
        patience: how waiting is done.
        forced: what may be deleted besides the plain; None if nothing that holds data is to be deleted.
        reads: answers of AWS that the resources share during a pass.
    """

    place: Place
    stack: str
    patience: Patience
    forced: Forced | None = None
    reads: SharedReads = field(default_factory=SharedReads)

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a resource with these tags is the stack's."""
        return tags.get(OWNER_TAG) == self.stack
