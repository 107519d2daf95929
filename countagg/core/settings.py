"""Settings that the operator chooses at setup and the functions read from their environment.

They are also how every other command learns about a deployed stack: no file on the operator's machine says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from typing import Self

from countagg.core.ages import parse_age
from countagg.core.counter_file import DEFAULT_MAX_COUNTERS
from countagg.core.days import Expiry
from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import variable_of
from countagg.core.partitions import Layout


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What the functions know.

    Attributes:
        stack: the stack's name.
        bucket: the bucket with the counter files.
        bucket_owner: id of the account that owns the bucket, checked by S3 at each call.
        prefix: of the counter files, with its slash.
        output_prefix: of the published totals, with its slash.
        dead_letters_url: URL of the queue for refusals.
        snapshot_retention_days: days that a snapshot is kept, and that a file may lag behind the clock.
        totals_retention_days: days that totals are kept.
        alerts_topic_arn: ARN of the topic for passed limits.
        lanes: shares of the instances that days yet to begin are spread over.
        counter_shards: shares of the counters that days yet to begin are spread over.
        max_counters: different ones that a day may have.
        stale_alarm: how long an instance may upload nothing, as people type it; None if nobody asks.
    """

    stack: str
    bucket: str
    bucket_owner: str
    prefix: str
    output_prefix: str
    dead_letters_url: str
    snapshot_retention_days: int
    totals_retention_days: int
    alerts_topic_arn: str
    lanes: int = 1
    counter_shards: int = 1
    max_counters: int = DEFAULT_MAX_COUNTERS
    stale_alarm: str | None = None

    @property
    def silent_after(self) -> timedelta | None:
        """How long an instance may upload nothing; None if nobody asks."""
        return None if self.stale_alarm is None else parse_age(self.stale_alarm)

    @property
    def layout(self) -> Layout:
        """How days yet to begin are spread."""
        return Layout(self.lanes, self.counter_shards)

    def expiry_of(self, day: str) -> Expiry:
        """When what is stored of a day expires if it begins now."""
        return Expiry.chosen(day, self.snapshot_retention_days, self.totals_retention_days)

    def to_environment(self) -> dict[str, str]:
        """Return the settings as environment variables."""
        values = {variable_of(item.name): getattr(self, item.name) for item in fields(self)}
        return {name: str(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings from environment variables. One that has a default may be missing.

        Raises:
            CountaggError: one is missing or is not a number where one is needed.
        """
        values: dict[str, str | int] = {}
        for item in fields(cls):
            name = variable_of(item.name)
            text = environment.get(name)
            if text is None and item.default is MISSING:
                raise CountaggError(f"{name} is not set", hint="run `countagg setup` again")
            if text is None:
                continue
            try:
                values[item.name] = int(text) if item.type == "int" else text
            except ValueError as error:
                raise CountaggError(
                    f"{name} is not a number: {text!r}", hint="run `countagg setup` again"
                ) from error
        return cls(**values)  # type: ignore[arg-type]  # each field got the type that its annotation names
