"""Planted corruptions on the embedded engine, one for each way of mending, with the services' own calls.

All kinds are in `tests.operate.corruptions`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from countagg.aws.day_reader import DayReader
from countagg.aws.pipeline import Pipeline
from countagg.core.ledger import Ledger, decode_ledger, encode_ledger
from countagg.core.polling import Polling
from countagg.data.queues import EventQueue
from countagg.data.store import Store
from countagg.operate.integrity.evidence import DayLook, Observer
from countagg.operate.integrity.findings import Verification
from countagg.operate.integrity.repair import Repaired, Repairer
from countagg.operate.integrity.repair_plan import plan_repair
from countagg.operate.integrity.verify import verify
from tests.embedded.world import DeployedStack, wait_until

HEALTHY: Final = {"i-1": "A 1\n", "i-2": "A 10\nB 5\n", "i-3": "C 0.25\n"}
TOTALS: Final = {"A": 11, "B": 5, "C": 0.25}


@dataclass(frozen=True)
class Planted:
    """A corruption, where it is planted, and hop, instance and counter by which it must be named."""

    name: str
    plant: Callable[[Tampering], None]
    named: tuple[str, str, str]


@dataclass(frozen=True)
class Tampering:
    """Changes what is stored of a day, behind the functions' backs."""

    stack: DeployedStack
    day: str

    def update(self, table: str, key: dict[str, str], **attributes: Any) -> None:
        names = {f"#{name}": name for name in attributes}
        self.stack.clients.dynamodb.update_item(
            TableName=f"{self.stack.name}-{table}",
            Key=self._key(key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )

    def delete(self, table: str, key: dict[str, str]) -> None:
        self.stack.clients.dynamodb.delete_item(TableName=f"{self.stack.name}-{table}", Key=self._key(key))

    def _key(self, key: dict[str, str]) -> Any:
        return {name: {"S": value} for name, value in {"Date": self.day, **key}.items()}

    def ledger(self, change: Callable[[Ledger], object]) -> None:
        """Change the stored ledger in its version, as an operator with a console might."""
        item = self.stack.clients.dynamodb.get_item(
            TableName=self.stack.names.totals, Key=self._key({}), ConsistentRead=True
        )["Item"]
        ledger = decode_ledger(bytes(item["Document"]["B"]))
        change(ledger)
        self.update("totals", {}, Document={"B": encode_ledger(ledger)})

    @contextmanager
    def without_events(self) -> Iterator[None]:
        """Lose the events of what happens in the block."""
        s3, bucket = self.stack.clients.s3, self.stack.bucket
        before: Any = s3.get_bucket_notification_configuration(Bucket=bucket)
        before.pop("ResponseMetadata")
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)

    def lose_upload(self, instance: str, content: str) -> None:
        with self.without_events():
            self.stack.put(self.day, instance, content)

    @property
    def object_key(self) -> str:
        return f"totals/{self.day}"


PLANTED: Final = (
    Planted(
        "snapshot deleted", lambda day: day.delete("snapshots", {"Instance": "i-2"}), ("snapshots", "i-2", "")
    ),
    Planted(
        "snapshot frozen",
        lambda day: day.update("snapshots", {"Instance": "i-1"}, Sequencer={"S": "F" * 32}),
        ("snapshots", "i-1", ""),
    ),
    Planted("file replaced", lambda day: day.lose_upload("i-3", "C 1\nE 2\n"), ("snapshots", "i-3", "E")),
    Planted(
        "ledger damaged",
        lambda day: day.update("totals", {}, Document={"B": zlib.compress(b"{}")}),
        ("ledger", "", ""),
    ),
    Planted("item missing", lambda day: day.delete("counters", {"Counter": "C"}), ("counters", "", "C")),
    Planted(
        "object edited",
        lambda day: _ignore(
            day.stack.clients.s3.put_object(
                Bucket=day.stack.bucket,
                Key=day.object_key,
                Body=b"A 11\nB 4\nC 0.25\n",
                Metadata={"countagg-version": "1"},
            )
        ),
        ("object", "", "B"),
    ),
    Planted(
        "object missing",
        lambda day: _ignore(day.stack.clients.s3.delete_object(Bucket=day.stack.bucket, Key=day.object_key)),
        ("object", "", ""),
    ),
)


def _ignore(_answer: object) -> None:
    """Take an answer that nobody needs."""


def make_healthy_day(stack: DeployedStack) -> str:
    """Return a day on which all hops agree."""
    day = stack.new_day()
    for instance, content in HEALTHY.items():
        stack.put(day, instance, content)
    stack.wait_for_totals(day, TOTALS)
    wait_until("all hops to agree", lambda: look_at(stack, day, settle=0)[0].ok)
    return day


def look_at(stack: DeployedStack, day: str, settle: float = 1.0) -> tuple[Verification, DayLook]:
    """Verify through the same use case as the command, without the price of a process."""
    return verify(_observer(stack, day), Polling(settle))


def mend(stack: DeployedStack, day: str, settle: float = 1.0) -> Repaired:
    """Repair through the same use case as the command."""
    found, look = look_at(stack, day, settle)
    settings = Pipeline.deployed(stack.clients, stack.name).settings
    plan = plan_repair(found, look, settings, datetime.now(UTC).isoformat())
    repairer = Repairer(
        reader=DayReader(stack.clients, settings),
        store=Store(settings, stack.clients),
        queue=EventQueue(stack.clients, stack.name),
        settling=Polling(3.0),
        now=lambda: datetime.now(UTC),
        timeout=300.0,
    )
    return repairer.repair(_observer(stack, day), plan)


def _observer(stack: DeployedStack, day: str) -> Observer:
    settings = Pipeline.deployed(stack.clients, stack.name).settings
    return Observer(DayReader(stack.clients, settings), day, datetime.now(UTC).date())
