"""A stack on the embedded engine, as the end-to-end tests see it: the command line, and AWS clients beside it."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from countagg.aws.pipeline import Pipeline
from countagg.aws.session import Clients, ConnectionOptions
from countagg.core.names import Names
from countagg.core.published import PublishedTotals, parse_published
from countagg.core.values import to_number
from countagg.local import EngineRecord
from tests.forked import run_forked

PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Runs countagg as its users do: as a process, with nothing but its own environment."""

    state_home: Path
    local: bool = True

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COUNTAGG_"))}
        return kept | {
            "XDG_STATE_HOME": str(self.state_home),
            "XDG_CONFIG_HOME": str(self.state_home),
            "COUNTAGG_LOCAL": str(int(self.local)),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def __call__(self, *arguments: str, code: int | None = 0) -> Ran:
        """Run it and check its exit code, unless that is None."""
        ran = Ran(*run_forked(arguments, self.environment(), self.state_home))
        assert code is None or ran.code == code, f"{arguments}: {ran.code}\n{ran.out}{ran.err}"
        return ran


def engine_clients(record: EngineRecord) -> Clients:
    """Return clients of the engine's root."""
    keys = (record.access_key.id, record.access_key.secret)
    return Clients(ConnectionOptions(region="us-east-1", endpoint_url=record.endpoint_url, credentials=keys))


def wait_until(what: str, found: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask until the answer is yes; fail after five minutes, which no healthy engine takes on any machine."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, f"still waiting for {what}"
        time.sleep(0.1)


def _totals(pipeline: Pipeline, day: str) -> dict[str, float]:
    return {name: float(to_number(value)) for name, value in pipeline.totals(day).ledger.sums.items()}


@dataclass
class DeployedStack:
    """A stack that is set up, and the means to feed it and to look into it."""

    name: str
    bucket: str
    countagg: CommandLine
    clients: Clients
    prefix: str = "counters/"
    _days: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def names(self) -> Names:
        return Names(self.name)

    def new_day(self) -> str:
        """Return a day that no other test uses."""
        return (datetime.now(UTC) - timedelta(days=next(self._days))).date().isoformat()

    def run(self, *arguments: str, code: int | None = 0) -> Ran:
        return self.countagg(*arguments, "--stack", self.name, code=code)

    def key(self, day: str, instance: str) -> str:
        return f"{self.prefix}{day}/values_{instance}"

    def put(self, day: str, instance: str, content: str | bytes) -> None:
        self.put_key(self.key(day, instance), content)

    def put_key(self, key: str, content: str | bytes) -> None:
        self.clients.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def delete(self, day: str, instance: str) -> None:
        self.clients.s3.delete_object(Bucket=self.bucket, Key=self.key(day, instance))

    def query(self, day: str) -> Any:
        return self.run("query", "--date", day, "--output", "json").json()

    def totals(self, day: str) -> dict[str, float]:
        """Read the totals through the same use case as `query`, without the price of a process."""
        return _totals(Pipeline.deployed(self.clients, self.name), day)

    def wait_for_totals(self, day: str, expected: Mapping[str, float]) -> None:
        pipeline = Pipeline.deployed(self.clients, self.name)
        wait_until(f"totals of {day}: {expected}", lambda: _totals(pipeline, day) == dict(expected))

    def ledger_version(self, day: str) -> int:
        return Pipeline.deployed(self.clients, self.name).totals(day).version

    def snapshot(self, day: str, instance: str) -> Any:
        key = {"Date": {"S": day}, "Instance": {"S": instance}}
        return self.clients.dynamodb.get_item(TableName=self.names.snapshots, Key=key, ConsistentRead=True).get(
            "Item"
        )

    def published(self, day: str) -> dict[str, tuple[str, int]]:
        """Return value and version of each counter of a day, by the index that consumers use."""
        found = self.clients.dynamodb.query(
            TableName=self.names.counters,
            IndexName="ByDate",
            KeyConditionExpression="#date = :date",
            ExpressionAttributeNames={"#date": "Date"},
            ExpressionAttributeValues={":date": {"S": day}},
        )
        return {item["Counter"]["S"]: (item["Value"]["N"], int(item["Version"]["N"])) for item in found["Items"]}

    def published_object(self, day: str) -> PublishedTotals:
        """Return a day's published object; version 0 if there is none."""
        try:
            found = self.clients.s3.get_object(Bucket=self.bucket, Key=f"totals/{day}")
        except self.clients.s3.exceptions.NoSuchKey:
            return PublishedTotals()
        return parse_published(found["Body"].read(), found["Metadata"], "", self.name)

    def wait_until_published(self, day: str) -> None:
        """Wait until the object says what the ledger does. A version that changed no total is not published."""
        pipeline = Pipeline.deployed(self.clients, self.name)
        wait_until(
            "the object", lambda: dict(self.published_object(day).totals) == dict(pipeline.totals(day).ledger.sums)
        )

    def publish_event(self, key: str, sequencer: str, name: str = "ObjectCreated:Put") -> None:
        """Send an event as S3 would, of whatever age."""
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventTime": "2026-01-01T00:00:00.000Z",
            "eventName": name,
            "s3": {"bucket": {"name": self.bucket}, "object": {"key": key, "sequencer": sequencer}},
        }
        self.publish(json.dumps({"Records": [record]}))

    def publish(self, message: str) -> None:
        arn = f"arn:aws:sns:us-east-1:000000000000:{self.names.uploads}"
        self.clients.sns.publish(TopicArn=arn, Message=message)

    def dead_letters(self) -> list[Any]:
        """Take what is in the dead letter queue."""
        url = self.clients.sqs.get_queue_url(QueueName=self.names.dead_letters)["QueueUrl"]
        bodies = []
        while messages := self.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                self.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def wait_for_refusal(self, key: str) -> Any:
        """Wait until the refusal of a key lies in the dead letter queue, and take it."""
        taken: list[Any] = []

        def arrived() -> bool:
            taken.extend(body for body in self.dead_letters() if body.get("key") == key)
            return bool(taken)

        wait_until(f"refusal of {key}", arrived)
        return taken[0]
