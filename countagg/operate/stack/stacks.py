"""The stacks of an account and region, found by their tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from countagg.core.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FoundStack:
    """A stack by what bears its tag. Roles are not among it: the tagging API knows none.

    Attributes:
        stack: its name.
        resources: how many bear its tag.
        functions: how many of them are functions; none of a stack that was torn down with `--keep-data`.
        tables: how many are tables.
        bucket: that setup created; None if it works on another one.
    """

    stack: str
    resources: int
    functions: int
    tables: int
    bucket: str | None


def find_stacks(tagged: Mapping[str, Iterable[str]]) -> list[FoundStack]:
    """Return the stacks by name, given the ARNs that bear the tag of each."""
    return [_stack(name, list(tagged[name])) for name in sorted(tagged)]


def _stack(name: str, arns: list[str]) -> FoundStack:
    # arn:partition:service:region:account:resource
    services = Counter(arn.split(":", 5)[2] for arn in arns)
    buckets = [arn.rpartition(":")[2] for arn in arns if arn.split(":", 5)[2] == "s3"]
    return FoundStack(
        stack=name,
        resources=len(arns),
        functions=services["lambda"],
        tables=services["dynamodb"],
        bucket=buckets[0] if buckets else None,
    )
