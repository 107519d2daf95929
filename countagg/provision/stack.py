"""The stack on one page: every resource, what it should be and what it needs.

The order is that of creation; teardown goes backwards. The bucket and its notification come last: S3 checks the
topic when the notification is put, events then find everything in place, and a teardown that was killed still
finds the processor, whose environment says which bucket it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from countagg.core.names import BY_DATE_INDEX, OWNER_TAG
from countagg.core.settings import FunctionSettings
from countagg.provision.identities import (
    BucketId,
    FunctionId,
    Identity,
    LogGroupId,
    NotificationId,
    QueueId,
    QueueMappingId,
    RoleId,
    StreamMappingId,
    SubscriptionId,
    TableId,
    TopicId,
)
from countagg.provision.place import Place
from countagg.provision.policies import canonical, compact, our_statements
from countagg.provision.reconcile import Holds, Outputs, Tags
from countagg.provision.settings import StackSettings
from countagg.provision.stack_policies import fill_policy
from countagg.provision.states import (
    BucketState,
    Code,
    FunctionState,
    IndexState,
    LogGroupState,
    MappingState,
    NotificationState,
    QueueState,
    RoleState,
    SubscriptionState,
    TableState,
    TopicState,
)

S = TypeVar("S")

RUNTIME: Final = "python3.13"
ARCHITECTURE: Final = "arm64"
LOG_LEVEL: Final = "INFO"
POLICY_NAME: Final = "countagg"
EVENTS: Final = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")

PROCESSOR_TIMEOUT: Final = 60
QUEUE_RETENTION: Final = 4 * 86_400
DEAD_LETTER_RETENTION: Final = 14 * 86_400
MAX_RECEIVES: Final = 5
STREAM_TRIES: Final = 10

_IMAGES: Final = "NEW_AND_OLD_IMAGES"
_TABLE_KEYS: Final = frozenset({"partition_key", "sort_key"})
# Our own writes, not the removals by TTL: those must never subtract.
_WRITES_ONLY: Final = compact({"eventName": ["INSERT", "MODIFY"]})


@dataclass(frozen=True, slots=True)
class Spec(Generic[S]):
    """A node of the stack before it is bound to a client; the fields are those of `reconcile.Node`."""

    id: str
    identity: Identity
    desired: Callable[[Outputs], S]
    needs: tuple[str, ...] = ()
    immutable: frozenset[str] = frozenset()
    holds: Holds | None = None
    borrowed: bool = False


class Stack:
    """Makes the specs of a stack.

    Args:
        settings: what the operator chose.
        place: where the stack lives.
        code: the functions' zip.
    """

    def __init__(self, settings: StackSettings, place: Place, code: Code) -> None:
        self.settings = settings
        self.place = place
        self.code = code
        self.names = settings.names
        self.tags = Tags({OWNER_TAG: settings.stack})
        self.policy = partial(fill_policy, settings, place)

    def specs(self) -> tuple[Spec[Any], ...]:
        """Return every resource of the stack, in the order of creation."""
        n = self.names
        return (
            self._topic("topic/uploads", n.uploads, "topic-uploads"),
            self._topic("topic/alerts", n.alerts, None),
            self._dead_letters(),
            self._uploads(),
            self._subscription(),
            self._table("table/snapshots", n.snapshots, "Date", "Instance"),
            self._table("table/totals", n.totals, "Date"),
            self._table("table/counters", n.counters, "Counter", "Date", (IndexState(BY_DATE_INDEX, "Date"),)),
            *(self._log_group(short, name) for short, name in self._functions().items()),
            *(self._role(short, name) for short, name in self._functions().items()),
            self._function("processor", n.processor, memory=256, timeout=PROCESSOR_TIMEOUT),
            self._function("aggregator", n.aggregator, memory=512, timeout=60),
            self._function("publisher", n.publisher, memory=256, timeout=60),
            self._processor_mapping(),
            self._aggregator_mapping(),
            self._publisher_mapping(),
            *((self._bucket(), self._notification()) if self.settings.bucket else ()),
        )

    def _functions(self) -> dict[str, str]:
        return {
            "processor": self.names.processor,
            "aggregator": self.names.aggregator,
            "publisher": self.names.publisher,
        }

    def _topic(self, node: str, name: str, template: str | None) -> Spec[TopicState]:
        statements = our_statements(self.policy(template) if template else {})
        return Spec(node, TopicId(name), lambda _: TopicState(statements, self.tags))

    def _dead_letters(self) -> Spec[QueueState]:
        state = QueueState(
            visibility_timeout=30,
            retention=DEAD_LETTER_RETENTION,
            redrive_policy="",
            statements=our_statements(self.policy("queue-dead-letters")),
            tags=self.tags,
        )
        return Spec("queue/dead-letters", QueueId(self.names.dead_letters), lambda _: state)

    def _uploads(self) -> Spec[QueueState]:
        redrive = {"deadLetterTargetArn": self._dead_letters_arn(), "maxReceiveCount": MAX_RECEIVES}
        state = QueueState(
            # Six times the function's time-out, as the Lambda guide asks for queues as event sources.
            visibility_timeout=6 * PROCESSOR_TIMEOUT,
            retention=QUEUE_RETENTION,
            redrive_policy=canonical(redrive),
            statements=our_statements(self.policy("queue-uploads")),
            tags=self.tags,
        )
        return Spec("queue/uploads", QueueId(self.names.uploads), lambda _: state, needs=("queue/dead-letters",))

    def _dead_letters_arn(self) -> str:
        return self.place.queue_arn(self.names.dead_letters)

    def _subscription(self) -> Spec[SubscriptionState]:
        state = SubscriptionState(
            raw_delivery=True, redrive_policy=canonical({"deadLetterTargetArn": self._dead_letters_arn()})
        )
        return Spec(
            "subscription/uploads",
            SubscriptionId(self.names.uploads, self.names.uploads),
            lambda _: state,
            needs=("topic/uploads", "queue/uploads", "queue/dead-letters"),
        )

    def _table(
        self, node: str, name: str, partition_key: str, sort_key: str = "", indexes: tuple[IndexState, ...] = ()
    ) -> Spec[TableState]:
        state = TableState(
            partition_key=partition_key,
            sort_key=sort_key,
            indexes=indexes,
            stream=_IMAGES,
            ttl_attribute="ExpiresAt",
            tags=self.tags,
        )
        return Spec(node, TableId(name), lambda _: state, immutable=_TABLE_KEYS, holds=Holds.DATA)

    def _log_group(self, short: str, name: str) -> Spec[LogGroupState]:
        state = LogGroupState(self.settings.log_retention_days, self.tags)
        return Spec(f"logs/{short}", LogGroupId(self.names.log_group(name)), lambda _: state, holds=Holds.LOGS)

    def _role(self, short: str, name: str) -> Spec[RoleState]:
        state = RoleState(
            trust=canonical(self.policy("trust")),
            policies={POLICY_NAME: canonical(self.policy(short))},
            tags=self.tags,
        )
        return Spec(f"role/{short}", RoleId(self.names.role(name, self.place.region)), lambda _: state)

    def _function(self, short: str, name: str, *, memory: int, timeout: int) -> Spec[FunctionState]:
        def desired(outputs: Outputs) -> FunctionState:
            return FunctionState(
                role=self.place.role_arn(self.names.role(name, self.place.region)),
                handler=f"countagg.functions.{short}.handler",
                runtime=RUNTIME,
                architecture=ARCHITECTURE,
                memory=memory,
                timeout=timeout,
                environment=self._environment(outputs),
                log_group=self.names.log_group(name),
                log_format="JSON",
                code=self.code,
                tags=self.tags,
            )

        return Spec(
            f"function/{short}",
            FunctionId(name),
            desired,
            needs=(f"role/{short}", f"logs/{short}", "queue/dead-letters"),
        )

    def _environment(self, outputs: Outputs) -> Mapping[str, str]:
        chosen = self.settings
        settings = FunctionSettings(
            stack=chosen.stack,
            bucket=chosen.bucket,
            bucket_owner=self.place.account,
            prefix=chosen.prefix,
            output_prefix=chosen.output_prefix,
            dead_letters_url=outputs.get("queue/dead-letters", "url"),
            snapshot_retention_days=chosen.snapshot_retention_days,
            totals_retention_days=chosen.totals_retention_days,
        )
        # Said here, so that no LOG_LEVEL of an engine's own environment decides.
        return {**settings.to_environment(), "POWERTOOLS_LOG_LEVEL": LOG_LEVEL}

    def _processor_mapping(self) -> Spec[MappingState]:
        state = MappingState(
            source=self.place.queue_arn(self.names.uploads),
            enabled=True,
            batch_size=10,
            window=0,
            partial_answers=True,
        )
        return Spec(
            "mapping/processor",
            QueueMappingId(self.names.processor, self.names.uploads),
            lambda _: state,
            needs=("function/processor", "queue/uploads", "table/snapshots"),
        )

    def _aggregator_mapping(self) -> Spec[MappingState]:
        def desired(outputs: Outputs) -> MappingState:
            return MappingState(
                source=outputs.get("table/snapshots", "stream_arn"),
                enabled=True,
                batch_size=1_000,
                window=1,
                filters=(_WRITES_ONLY,),
                bisect=True,
                tries=STREAM_TRIES,
                on_failure=self._dead_letters_arn(),
                starting_position="TRIM_HORIZON",
            )

        return Spec(
            "mapping/aggregator",
            StreamMappingId(self.names.aggregator, self.names.snapshots),
            desired,
            needs=("function/aggregator", "table/snapshots", "table/totals", "queue/dead-letters"),
        )

    def _publisher_mapping(self) -> Spec[MappingState]:
        def desired(outputs: Outputs) -> MappingState:
            return MappingState(
                source=outputs.get("table/totals", "stream_arn"),
                enabled=True,
                batch_size=100,
                window=10,
                filters=(_WRITES_ONLY,),
                starting_position="TRIM_HORIZON",
            )

        return Spec(
            "mapping/publisher",
            StreamMappingId(self.names.publisher, self.names.totals),
            desired,
            needs=("function/publisher", "table/totals", "table/counters"),
        )

    def _bucket(self) -> Spec[BucketState]:
        state = BucketState(
            private=True, encrypted=True, statements=our_statements(self.policy("bucket")), tags=self.tags
        )
        return Spec(
            "bucket",
            BucketId(self.settings.bucket),
            lambda _: state,
            needs=("function/processor",),
            holds=Holds.DATA,
            borrowed=not self.settings.create_bucket,
        )

    def _notification(self) -> Spec[NotificationState]:
        state = NotificationState(
            topic=self.place.topic_arn(self.names.uploads), events=EVENTS, prefix=self.settings.prefix
        )
        return Spec(
            "notification/uploads",
            NotificationId(self.settings.bucket, self.names.uploads),
            lambda _: state,
            needs=("bucket", "topic/uploads", "subscription/uploads", "mapping/processor"),
        )
