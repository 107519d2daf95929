"""Names of everything a stack consists of. They follow from the stack's name alone: there is no state file."""

from __future__ import annotations

import re
from typing import Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass

OWNER_TAG: Final = "countagg:stack"
METRICS_NAMESPACE: Final = "countagg"
BY_DATE_INDEX: Final = "ByDate"

MAX_STACK_LENGTH: Final = 32
"""Longest name derived from it: the role `{stack}-aggregator-{region}`, of at most 64 characters; regions have
up to 20 (`ap-southeast-1` has 14, those of isolated partitions more)."""

VARIABLE_PREFIX: Final = "COUNTAGG_"
"""Of the environment variables of command line and functions."""

_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")


def variable_of(setting: str) -> str:
    """Return the environment variable that says a setting."""
    return VARIABLE_PREFIX + setting.upper()


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one stack's resources."""

    stack: str

    def __post_init__(self) -> None:
        if _STACK.fullmatch(self.stack) is None:
            raise UsageError(
                f"{self.stack!r} cannot be the name of a stack",
                where="--stack",
                hint=f"use 2 to {MAX_STACK_LENGTH} of a-z 0-9 -, beginning with a letter, not ending with -",
            )

    @property
    def uploads(self) -> str:
        """Topic and queue that carry S3's events, and the id of our entry in the bucket's notifications."""
        return f"{self.stack}-uploads"

    @property
    def alerts(self) -> str:
        """Topic for passed limits and alarms."""
        return f"{self.stack}-alerts"

    @property
    def dead_letters(self) -> str:
        """Queue for the failures of every hop."""
        return f"{self.stack}-dead-letters"

    @property
    def snapshots(self) -> str:
        """Table with one item a file."""
        return f"{self.stack}-snapshots"

    @property
    def totals(self) -> str:
        """Table with one item a day."""
        return f"{self.stack}-totals"

    @property
    def counters(self) -> str:
        """Table with one item per counter and day, for the outside world."""
        return f"{self.stack}-counters"

    @property
    def processor(self) -> str:
        """Function: files to snapshots."""
        return f"{self.stack}-processor"

    @property
    def aggregator(self) -> str:
        """Function: snapshots to totals."""
        return f"{self.stack}-aggregator"

    @property
    def publisher(self) -> str:
        """Function: totals to the outside world."""
        return f"{self.stack}-publisher"

    @property
    def functions(self) -> dict[str, str]:
        """The functions by their short names, in the order of the data."""
        return {"processor": self.processor, "aggregator": self.aggregator, "publisher": self.publisher}

    @staticmethod
    def log_group(function: str) -> str:
        """Log group of a function."""
        return f"/aws/lambda/{function}"

    @staticmethod
    def role(function: str, region: str) -> str:
        """Role of a function. Roles are global to an account, so the region is part of the name."""
        return f"{function}-{region}"
