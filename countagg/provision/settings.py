"""What an operator can choose about a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from countagg.core.names import Names
from countagg.core.object_keys import check_prefixes_disjoint, normalise_prefix

DEFAULT_PREFIX: Final = "counters/"
DEFAULT_OUTPUT_PREFIX: Final = "totals/"


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Settings of a stack.

    Attributes:
        stack: its name.
        bucket: the bucket with the counter files.
        create_bucket: whether the bucket is ours to create and to delete.
        prefix: of the counter files, with its slash.
        output_prefix: of the published totals, with its slash.
        snapshot_retention_days: days that a snapshot is kept, and that a file may lag behind the clock.
        totals_retention_days: days that totals and counters are kept.
        log_retention_days: days that logs are kept; one of the numbers that CloudWatch Logs allows.
    """

    stack: str
    bucket: str
    create_bucket: bool = False
    prefix: str = DEFAULT_PREFIX
    output_prefix: str = DEFAULT_OUTPUT_PREFIX
    snapshot_retention_days: int = 35
    totals_retention_days: int = 400
    log_retention_days: int = 30
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        """Check what can be checked without AWS.

        Raises:
            UsageError: the stack's name or a prefix cannot be used, or the prefixes overlap.
        """
        object.__setattr__(self, "names", Names(self.stack))
        object.__setattr__(self, "prefix", normalise_prefix(self.prefix, "--prefix"))
        object.__setattr__(self, "output_prefix", normalise_prefix(self.output_prefix, "--output-prefix"))
        check_prefixes_disjoint(self.prefix, self.output_prefix)
