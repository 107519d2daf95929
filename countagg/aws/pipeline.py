"""A deployed pipeline as the operator's commands see it: its settings, its data and the state of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from countagg.aws.day_reader import DayReader
from countagg.aws.environments import read_settings
from countagg.aws.errors import aws_errors, suppress_missing
from countagg.aws.session import Clients
from countagg.core.errors import CorruptDocument, StackNotFound
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger
from countagg.core.names import Names
from countagg.core.settings import FunctionSettings
from countagg.data.snapshots import CONTENT_SEQUENCER, ETAG, INSTANCE, SEQUENCER, content_sequencer
from countagg.provision.notifications import our_entry


@dataclass(frozen=True, slots=True)
class DayTotals:
    """A day's ledger; version 0 and empty if nothing was uploaded for it.

    Attributes:
        day: YYYY-MM-DD.
        version: counts the changes of the ledger.
        updated_at: of the last change, UTC, ISO 8601; None if there was none.
        ledger: the sums and what they include.
    """

    day: str
    version: int
    updated_at: str | None
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages of a queue; approximate, as SQS counts them."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class MappingHealth:
    """An event source mapping: its state and what AWS says of its last round."""

    state: str
    last_result: str


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """Which version of a file a snapshot holds; the names are those of `core.snapshot.Snapshot`."""

    instance: str
    sequencer: str
    etag: str
    content_sequencer: str


class Pipeline(DayReader):
    """Reads and writes of a deployed stack.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: Clients, settings: FunctionSettings) -> None:
        super().__init__(clients, settings)
        self._clients = clients
        self.names = Names(settings.stack)

    @classmethod
    def deployed(cls, clients: Clients, stack: str) -> Pipeline:
        """Find a deployed stack.

        Raises:
            StackNotFound: there is none of that name in this account and region.
        """
        settings = read_settings(clients, stack)
        if settings is None:
            raise StackNotFound(
                f"there is no stack {stack!r} in {clients.session.region_name}",
                hint="check --stack, --region and --profile, or run `countagg setup`",
            )
        return cls(clients, settings)

    def totals(self, day: str) -> DayTotals:
        """Read a day's totals as they are at one moment, strongly consistent.

        Raises:
            CorruptDocument: a ledger cannot be read.
        """
        stored = self.ledger(day)
        try:
            return DayTotals(day, stored.version, stored.updated_at or None, stored.decode())
        except CorruptDocument as error:
            hint = f"`countagg repair --date {day}` mends them"
            raise CorruptDocument(error.what, where=f"totals of {day}", hint=hint) from error

    def snapshot_heads(self, day: str) -> Iterator[SnapshotHead]:
        """Yield which version of each file a day's snapshots hold, strongly consistent."""
        for item in self.heads(day, INSTANCE, SEQUENCER, CONTENT_SEQUENCER, ETAG):
            sequencer = SEQUENCER.find(item)
            content = content_sequencer(item, sequencer)
            yield SnapshotHead(INSTANCE.find(item), sequencer, ETAG.find(item), content)

    def put_counter_file(self, key: str, content: bytes) -> str:
        """Upload a file; return the object's ETag, without quotes."""
        return self._files.put(key, content)

    def delete_counter_file(self, key: str) -> None:
        """Delete a file, which withdraws its instance; nothing happens if there is none."""
        self._files.delete(key)

    def queue_depth(self, name: str) -> QueueDepth | None:
        """Count a queue's messages; None if there is no such queue."""
        with aws_errors(f"queue {name}"), suppress_missing():
            url = self._clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            attributes: Any = self._clients.sqs.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )["Attributes"]
            return QueueDepth(
                int(attributes["ApproximateNumberOfMessages"]),
                int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            )
        return None

    def topic_exists(self, name: str) -> bool:
        """Tell whether there is a topic of that name."""
        with aws_errors(f"topic {name}"):
            pages = self._clients.sns.get_paginator("list_topics").paginate()
            return any(topic["TopicArn"].endswith(f":{name}") for page in pages for topic in page["Topics"])

    def has_notification(self) -> bool:
        """Tell whether the bucket has our entry in its notifications."""
        with aws_errors(f"notifications of {self.settings.bucket}"), suppress_missing():
            configuration = self._clients.s3.get_bucket_notification_configuration(
                Bucket=self.settings.bucket, ExpectedBucketOwner=self.settings.bucket_owner
            )
            entry = self.names.uploads
            topic = ":".join((self.settings.alerts_topic_arn.rpartition(":")[0], entry))
            return our_entry(configuration, entry, topic) is not None
        return False

    def function_memory(self, name: str) -> int | None:
        """Return a function's memory in MB; None if there is no such function."""
        with aws_errors(f"function {name}"), suppress_missing():
            return self._clients.lambda_.get_function_configuration(FunctionName=name)["MemorySize"]
        return None

    def mapping_health(self, function: str) -> MappingHealth | None:
        """Return the state of a function's mapping from the stack's own source; None if it has none."""
        source = {
            self.names.processor: f":{self.names.uploads}/",
            self.names.aggregator: f":table/{self.names.snapshots}/",
            self.names.publisher: f":table/{self.names.totals}/",
        }[function]
        pages = self._clients.lambda_.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
        with aws_errors(f"event source mapping of {function}"), suppress_missing():
            for mapping in (mapping for page in pages for mapping in page["EventSourceMappings"]):
                if source in f"{mapping.get('EventSourceArn')}/":
                    return MappingHealth(str(mapping.get("State", "")), mapping.get("LastProcessingResult", ""))
        return None

    def table_status(self, name: str) -> str:
        """Return a table's status, such as `ACTIVE`, or `absent`."""
        with aws_errors(f"table {name}"), suppress_missing():
            return str(self._clients.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"])
        return "absent"
