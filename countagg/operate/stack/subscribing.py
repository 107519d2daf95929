"""Subscribing functions, queues, addresses and URLs to a deployed stack, and ending that.

The stack's functions remember a subscription before it is made, and until it is gone. So whatever a killed run
left is finished by the same command, by the next setup, or by a teardown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.addresses import stream_arn
from countagg.aws.environments import read_environment
from countagg.aws.errors import aws_errors, suppress_missing
from countagg.aws.kinds.binding import Binder
from countagg.core.errors import StackNotFound, UsageError
from countagg.core.names import Names
from countagg.operate.stack.deployment import Plan
from countagg.operate.stack.subscribed import stream_readers
from countagg.provision.blueprint import Blueprint
from countagg.provision.bundle import make_code
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.deliveries import made_of
from countagg.provision.memory import Memory, MemoryState
from countagg.provision.reconcile import Node, NodeOutputs, deploy
from countagg.provision.settings import StackSettings
from countagg.provision.subscriptions import (
    Subscriber,
    SubscriberList,
    SubscriptionKind,
    queue_name,
    read_function,
    read_queue,
)

if TYPE_CHECKING:
    from countagg.aws.session import Caller, Clients
    from countagg.aws.waiting import Patience

MAX_READERS: Final = 2
"""Readers that a shard of a stream serves at a time without throttling them
(docs/aws-facts.md#event-source-mappings)."""


ListChange = Callable[[SubscriberList], SubscriberList]
"""Of who is subscribed."""


class Subscribing:
    """Changes who is subscribed to one deployed stack.

    Args:
        clients: to provision with.
        caller: who acts, and where.
        patience: how waiting is done, and whom warnings go to.
        stack: its name.

    Raises:
        StackNotFound: there is none of that name in this account and region.

    Attributes:
        settings: of the stack, with its subscriptions.
    """

    def __init__(self, clients: Clients, caller: Caller, patience: Patience, stack: str) -> None:
        self._clients = clients
        self._place = caller.place
        self._patience = patience
        self._names = Names(stack)
        environment = read_environment(clients, stack)
        if not environment:
            raise StackNotFound(
                f"there is no stack {stack!r} in {caller.place.region}",
                hint="check --stack, --region and --profile, or run `countagg setup`",
            )
        self.settings = Chosen(stack).settings(Remembered.from_environment(environment))

    def of_function(self, name: str, counters: tuple[str, ...]) -> Subscriber:
        """Return the subscription of a function, with its role as it is now.

        Raises:
            UsageError: it is one of the stack's own, or there is none of that name.
        """
        if name.partition(":")[0] in self._names.functions.values():
            raise UsageError(
                f"{name} is a function of the stack itself", where="FUNCTION", hint="subscribe one of your own"
            )
        with aws_errors(f"function {name}"), suppress_missing():
            role = self._clients.lambda_.get_function_configuration(FunctionName=name)["Role"]
            return Subscriber(SubscriptionKind.FUNCTION, name, counters, role.partition(":role/")[2])
        raise self._no_such("function", name)

    def read(self, said: str) -> Subscriber:
        """Return the subscription, of all changes, of a function or a queue.

        Raises:
            UsageError: it is neither, or there is no such function.
        """
        if ":sqs:" in said:
            return Subscriber(SubscriptionKind.QUEUE, read_queue(said))
        return self.of_function(read_function(said, self._place), ())

    def _no_such(self, what: str, name: str) -> UsageError:
        return UsageError(
            f"there is no {what} {name!r} in {self._place.region}", hint="check its name and --region"
        )

    def find(self, end: str) -> Subscriber | None:
        """Return the subscription of a function's name or ARN, a queue's ARN, an address or a URL."""
        function = end.rpartition(":function:")[2]
        for each in self.settings.deliveries:
            if each.endpoint == (end if each.is_of_alerts else function):
                return each
        return None

    def plan_adding(self, subscription: Subscriber) -> Plan:
        """Return what would be done to subscribe it. Nothing is touched."""
        self._look_at(subscription)
        before, after = self.settings, self._after(lambda them: them.plus(subscription))
        # A function that has another role now leaves our policy in the one before.
        gone = frozenset(before.deliveries) - frozenset(after.deliveries)
        blueprint = self._blueprint(after)
        return self._plan(
            # As long as it is remembered.
            *reversed(made_of(blueprint, gone, unwanted=True)),
            *self._memories(lambda them: them.plus(subscription)),
            *made_of(blueprint, (subscription,), unwanted=False),
        )

    def plan_removing(self, subscription: Subscriber) -> Plan:
        """Return what would be done to end it. Nothing is touched."""
        after = self._after(lambda them: them.minus(subscription))
        ended = made_of(self._blueprint(after), (subscription,), unwanted=True)
        # A subscription is found again until the last of them has forgotten it.
        return self._plan(*reversed(ended), *reversed(self._memories(lambda them: them.minus(subscription))))

    def _after(self, change: ListChange) -> StackSettings:
        changed = change(SubscriberList(self.settings.alarm_email, self.settings.subscriptions))
        return replace(self.settings, alarm_email=changed.alarm_email, subscriptions=changed.others)

    def _blueprint(self, settings: StackSettings) -> Blueprint:
        return Blueprint(settings, self._place, make_code(b""), self._binder.bind)

    @property
    def _binder(self) -> Binder:
        return Binder(self._clients, self._place, self._names.stack, self._patience)

    def _memories(self, change: ListChange) -> tuple[Node[MemoryState], ...]:
        """Return what the functions are to remember: the processor first, which settings are read from."""
        return tuple(
            self._memory(f"function/{short}", name, change) for short, name in self._names.functions.items()
        )

    def _memory(self, node: str, name: str, change: ListChange) -> Node[MemoryState]:
        memory = Memory(name, self._binder.bind(node, name))
        return Node(node, name, memory, lambda _: memory.after(change))

    def _plan(self, *nodes: Node[Any]) -> Plan:
        outputs = NodeOutputs()
        if any(node.id.startswith("consumer/") for node in nodes):
            outputs.record("table/counters", {"stream_arn": stream_arn(self._clients, self._names.counters)})
        # Of all else that they need, a deployed stack has had it long since.
        alone = tuple(
            replace(node, needs=(), desired=lambda _, node=node: node.desired(outputs))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
            for node in nodes
        )
        return Plan(alone, tuple(deploy(alone, dry_run=True, announce=lambda *_: None)))

    def _look_at(self, subscription: Subscriber) -> None:
        """Warn of what would keep a subscription from working.

        Raises:
            UsageError: there is no such queue, or it is one of the stack's own: an alarm of the dead letters would
                add to them, and the processor would take an alert for an upload.
        """
        if subscription.is_settable_queue(self._place):
            self._look_at_queue(queue_name(subscription.endpoint))
        elif not subscription.is_of_alerts:
            self._look_at_readers(subscription)

    def _look_at_queue(self, name: str) -> None:
        if name in {self._names.uploads, self._names.dead_letters}:
            raise UsageError(
                f"{name} is a queue of the stack itself", where="QUEUE", hint="subscribe one of your own"
            )
        attributes: dict[Any, str] | None = None
        with aws_errors(f"queue {name}"), suppress_missing():
            url = self._clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            answer = self._clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            attributes = answer.get("Attributes", {})
        if attributes is None:
            raise self._no_such("queue", name)
        if key := attributes.get("KmsMasterKeyId"):
            self._patience.warn(
                f"queue {name}: it is encrypted with {key}, whose policy must let sns.amazonaws.com use it "
                "(kms:GenerateDataKey*, kms:Decrypt), or no alert arrives; a key of AWS's own cannot"
            )

    def _look_at_readers(self, subscription: Subscriber) -> None:
        readers = stream_readers(self._clients, self._place, self._names)
        others = [name for name, _ in readers if name != subscription.endpoint]
        if len(others) >= MAX_READERS:
            self._patience.warn(
                f"table {self._names.counters}: {len(others)} functions read its stream already, and AWS advises "
                f"at most {MAX_READERS}: with more, all of them may be throttled and late"
            )
