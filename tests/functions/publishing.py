"""Ledgers of a day as stream records, and a publisher with its outputs in memory."""

from __future__ import annotations

import base64
import io
import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from botocore.exceptions import ClientError

from countagg.core.days import expiry_epoch_seconds
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.published import PublishedTotals, parse_published
from countagg.core.settings import FunctionSettings
from countagg.core.values import format_value
from countagg.data.ledgers import LedgersTable
from countagg.data.store import Store
from countagg.functions.outputs import COUNTERS_A_SLICE, make_outputs
from countagg.functions.publisher import Publisher
from tests.events.loading import load_event
from tests.fakes.bucket import FakeBucket
from tests.fakes.partiql import FakeTable
from tests.functions.world import DAY, NOW, Context, clients_of

Record = dict[str, Any]
NAME: Final = "countagg-counters"
TOMORROW: Final = "2026-11-21"
SETTINGS: Final = FunctionSettings("countagg", "b", "1", "counters/", "totals/", "url", 35, 400, "arn")
EXPIRES_AT: Final = expiry_epoch_seconds(DAY, 500)
"""Of the ledgers: longer than the publisher's settings say."""
MAX_COUNTERS: Final = 400
_SERVICES: Final = itertools.count(1)


def ledger(sums: dict[str, int], moved: int = 0) -> Ledger:
    """Return a ledger with these sums; `moved` tells apart what it has seen."""
    return Ledger(sums, dict.fromkeys(sums, 1), {"i-1": f"{moved:032X}"})


def record(version: int, old: Ledger | None, new: Ledger, day: str = DAY) -> Record:
    """Return the record of a version that replaces the one before."""
    found = load_event("stream-totals-insert" if old is None else "stream-totals-modify")
    change = found["dynamodb"]
    change["Keys"]["Date"]["S"] = day
    change["NewImage"] |= {
        "Date": {"S": day},
        "Version": {"N": str(version)},
        "Document": document(new),
        "UpdatedAt": {"S": updated_at(version)},
        "ExpiresAt": {"N": str(EXPIRES_AT)},
    }
    if old is not None:
        change["OldImage"] |= {"Date": {"S": day}, "Version": {"N": str(version - 1)}, "Document": document(old)}
    return found


def updated_at(version: int) -> str:
    """Return when a version was stored."""
    return f"version {version}'s time"


def document(content: Ledger) -> dict[str, str]:
    """Return a ledger as a stream event shows it."""
    return {"B": base64.b64encode(encode_ledger(content)).decode()}


def stream(versions: Sequence[dict[str, int]], day: str = DAY) -> list[Record]:
    """Return the records of a day whose ledger had these sums, one after the other."""
    ledgers = [ledger(sums, number) for number, sums in enumerate(versions)]
    return [
        record(number, old, new, day)
        for number, (old, new) in enumerate(zip([None, *ledgers[:-1]], ledgers, strict=True), start=1)
    ]


class FakeLedgers:
    """The totals table: partition -> item."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.cancelled = 0
        self.reads = 0

    def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Answer as DynamoDB does."""
        assert (TableName, ConsistentRead) == ("countagg-totals", True)
        self.reads += 1
        item = self.items.get(Key["Date"]["S"])
        return {} if item is None else {"Item": item}

    def transact_get_items(self, *, TransactItems: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Answer as DynamoDB does, unless a write is under way."""
        self.reads += 1
        if self.cancelled:
            self.cancelled -= 1
            error: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "[TransactionConflict]"}}
            raise ClientError(error, "TransactGetItems")
        found = [self.items.get(item["Get"]["Key"]["Date"]["S"]) for item in TransactItems]
        return {"Responses": [{} if item is None else {"Item": item} for item in found]}

    def store(self, partition: str, version: int, content: Ledger) -> None:
        """Put a ledger there."""
        self.items[partition] = {
            "Version": {"N": str(version)},
            "UpdatedAt": {"S": updated_at(version)},
            "Document": {"B": encode_ledger(content)},
        }

    def become(self, found: Record) -> None:
        """Be as a record of a day in one piece says, unless it is newer: a ledger is stored before it is told."""
        change = found["dynamodb"]
        partition, image = change["Keys"]["Date"]["S"], change.get("NewImage", {})
        if "#" in partition or not image.keys() >= {"Version", "UpdatedAt", "Document"}:
            return
        if int(image["Version"]["N"]) > int(
            self.items.get(partition, image | {"Version": {"N": "-1"}})["Version"]["N"]
        ):
            self.items[partition] = {**image, "Document": {"B": base64.b64decode(image["Document"]["B"])}}


class Outside:
    """Publishers of one stack, and what they leave behind: the counters table and the bucket."""

    def __init__(self) -> None:
        self.table = FakeTable(NAME)
        self.bucket = FakeBucket()
        self.ledgers = FakeLedgers()
        self.log = io.StringIO()
        service = f"test-publisher-{next(_SERVICES)}"
        self.logger = Logger(service=service, stream=self.log)
        self.metrics = EphemeralMetrics(namespace="countagg", service=service)
        self.letters: list[dict[str, Any]] = []
        self.unsendable = 0
        self.warm = self.start()

    def _send_letter(self, body: str) -> None:
        if self.unsendable:
            self.unsendable -= 1
            error: Any = {"Error": {"Code": "RequestThrottled", "Message": "slow down"}}
            raise ClientError(error, "SendMessage")
        self.letters.append(json.loads(body))

    def start(self, a_slice: int = COUNTERS_A_SLICE) -> Publisher:
        """Return the publisher of an execution environment that has just begun."""
        store = Store(SETTINGS, clients_of(s3=self.bucket, dynamodb=self.table))
        store.ledgers = LedgersTable(clients_of(dynamodb=self.ledgers), "countagg-totals")
        made = make_outputs(store, self.logger, a_slice)
        return Publisher(made, self._send_letter, self.logger, self.metrics, lambda: NOW, MAX_COUNTERS)

    def publish(self, *records: Record, by: Publisher | None = None, remaining: Sequence[int] = (60_000,)) -> None:
        """Hand a batch to a publisher: the warm one, unless another is named."""
        for each in records:
            self.ledgers.become(each)
        (by or self.warm).handle({"Records": list(records)}, Context(*remaining))

    def values(self, day: str = DAY) -> dict[str, str]:
        """Return what the counters table says of a day."""
        return {counter: item["Value"]["N"] for (counter, date), item in self.table.items.items() if date == day}

    def published(self, day: str = DAY) -> PublishedTotals | None:
        """Return the published object of a day, without its ETag."""
        found = self.bucket.objects.get(f"totals/{day}")
        return None if found is None else parse_published(found.body, found.metadata, "", SETTINGS.stack)

    def agrees_with(self, sums: dict[str, int], version: int, day: str = DAY) -> bool:
        """Tell whether both outputs say these totals; a counter that went may stay in the table with 0."""
        table = {name: value for name, value in self.values(day).items() if name in sums or value != "0"}
        totals = {name: format_value(value) for name, value in sums.items()}
        return table == totals and self.published(day) == PublishedTotals(version, "", sums)
