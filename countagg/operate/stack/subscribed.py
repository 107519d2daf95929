"""Who is subscribed to a stack, and whether it hears anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from countagg.aws.addresses import stream_arn
from countagg.aws.errors import aws_errors
from countagg.aws.kinds.sns import ENDED, is_confirmed
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings
from countagg.provision.subscriptions import Subscriber

if TYPE_CHECKING:
    from countagg.aws.session import Clients

ACTIVE: Final = "active"
PENDING: Final = "pending"
ABSENT: Final = "missing"
_ENABLED: Final = "Enabled"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as it is on AWS.

    Attributes:
        kind: what is subscribed; of one that countagg did not make, SNS's word for it.
        endpoint: a function's name, a queue's ARN, an address or a URL.
        counters: patterns of the counters that a function hears of; empty for all of them, and for all others.
        state: `active`, `pending` until it is confirmed, `missing`, or Lambda's word for a mapping's state.
        last_result: what Lambda says of a mapping's last round; None where it is of no function.
        by_countagg: whether the stack remembers it; else somebody made it by hand.
    """

    kind: str
    endpoint: str
    counters: tuple[str, ...] = ()
    state: str = ABSENT
    last_result: str | None = None
    by_countagg: bool = True


def list_subscribed(clients: Clients, place: Place, settings: StackSettings) -> tuple[Subscribed, ...]:
    """Return what the stack remembers, and then what others made of its alerts and its stream."""
    names = settings.names
    alerts = dict(_of_topic(clients, place.topic_arn(names.alerts)))
    readers = dict(stream_readers(clients, place, names))
    known = settings.deliveries
    remembered = tuple(_found(each, alerts, readers) for each in known)
    protocols = {(each.protocol, each.endpoint) for each in known}
    by_hand = [
        Subscribed(protocol, endpoint, state=state, by_countagg=False)
        for (protocol, endpoint), state in alerts.items()
        if (protocol, endpoint) not in protocols
    ]
    functions = [
        Subscribed("function", name, state=state, last_result=result, by_countagg=False)
        for name, (state, result) in readers.items()
        if ("function", name) not in protocols
    ]
    return (*remembered, *functions, *by_hand)


def _found(
    each: Subscriber, alerts: dict[tuple[str, str], str], readers: dict[str, tuple[str, str]]
) -> Subscribed:
    if each.is_of_alerts:
        state = alerts.get((each.protocol, each.endpoint), ABSENT)
        return Subscribed(str(each.kind), each.endpoint, state=state)
    state, result = readers.get(each.endpoint, (ABSENT, ""))
    return Subscribed(str(each.kind), each.endpoint, each.counters, state, result)


def _of_topic(clients: Clients, topic_arn: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield protocol and endpoint of each subscription of a topic, with its state."""
    with aws_errors(f"subscriptions of {topic_arn.rpartition(':')[2]}"):
        for page in clients.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn):
            for found in page["Subscriptions"]:
                arn = found["SubscriptionArn"]
                if arn != ENDED:
                    yield (found["Protocol"], found["Endpoint"]), ACTIVE if is_confirmed(arn) else PENDING


def stream_readers(clients: Clients, place: Place, names: Names) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the functions that read the stream of the counters' table, with state and last result."""
    stream = stream_arn(clients, names.counters)
    with aws_errors(f"event source mappings of {names.counters}"):
        pages = clients.lambda_.get_paginator("list_event_source_mappings").paginate(EventSourceArn=stream)
        for found in (mapping for page in pages for mapping in page["EventSourceMappings"]):
            state = str(found.get("State", ""))
            name = found.get("FunctionArn", "").removeprefix(place.function_arn(""))
            told = ACTIVE if state == _ENABLED else state.lower()
            yield name, (told, found.get("LastProcessingResult", ""))
