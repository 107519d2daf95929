"""Who hears of what a stack finds: functions of every change of a total; queues, addresses and URLs of its alerts.

A stack remembers its subscriptions beside its other choices, so that a later setup keeps and mends them and a
teardown ends them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.place import Place
from countagg.provision.policies import compact
from countagg.provision.setting_types import LONGEST_TEXT, Setting

EMAIL: Final = r"[^@\s]+@[^@\s]+\.[^@\s]+"
"""Pattern of an e-mail address."""
EMAIL_RULE: Final = "an e-mail address"
MAX_PATTERN: Final = 4_096
"""Characters of a filter's pattern (docs/aws-facts.md#event-source-mappings)."""

_ACCOUNT: Final = r"(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
_FUNCTION: Final = re.compile(
    rf"(arn:aws[a-z-]*:lambda:{_ACCOUNT}:function:)?(?P<name>[A-Za-z0-9_-]{{1,64}}(:[A-Za-z0-9_-]{{1,128}})?)"
)
_QUEUE: Final = re.compile(rf"arn:aws[a-z-]*:sqs:{_ACCOUNT}:(?P<name>[A-Za-z0-9_-]{{1,80}})")
_URL: Final = re.compile(r"https?://[^/?#@\s]+([/?][^#\s]*)?")
_WILD: Final = frozenset("*?[")


class SubscriptionKind(StrEnum):
    """What is subscribed. A function hears of changes of totals, all others of alerts."""

    FUNCTION = "function"
    QUEUE = "queue"
    EMAIL = "email"
    HTTPS = "https"


@dataclass(frozen=True, slots=True, order=True)
class Subscriber:
    """A subscription.

    Attributes:
        kind: what is subscribed.
        endpoint: a function's name, with `:` and its alias if it has one; a queue's ARN; an address; a URL.
        counters: patterns of the counters that a function hears of; empty for all of them.
        role: path and name of the function's role without the first slash, which tells where our policy is even
            when the function is gone; empty for all others.
    """

    kind: SubscriptionKind
    endpoint: str
    counters: tuple[str, ...] = ()
    role: str = ""

    @property
    def is_of_alerts(self) -> bool:
        """Whether it is one of the alerts' topic."""
        return self.kind is not SubscriptionKind.FUNCTION

    @property
    def protocol(self) -> str:
        """SNS's name for its kind; of a URL, the scheme."""
        if self.kind is SubscriptionKind.HTTPS:
            return self.endpoint.partition(":")[0]
        return "sqs" if self.kind is SubscriptionKind.QUEUE else str(self.kind)

    @property
    def role_name(self) -> str:
        """The role's name alone, as IAM's calls take it."""
        return self.role.rpartition("/")[2]

    def same_end(self, other: Subscriber) -> bool:
        """Tell whether both are of the same function, queue, address or URL."""
        return (self.kind, self.endpoint) == (other.kind, other.endpoint)

    def is_settable_queue(self, place: Place) -> bool:
        """Tell whether it is a queue whose policy we can set: one of the stack's account and region."""
        return self.kind is SubscriptionKind.QUEUE and self.endpoint == place.queue_arn(queue_name(self.endpoint))


def queue_name(arn: str) -> str:
    """Return the name of a queue."""
    return arn.rpartition(":")[2]


def read_function(said: str, place: Place) -> str:
    """Return the name of a function that is to be subscribed, with its alias if one is named.

    Raises:
        UsageError: it is none, or not of the stack's account and region: Lambda maps no stream across them
            (docs/aws-facts.md#event-source-mappings).
    """
    found = _FUNCTION.fullmatch(said)
    if found is None:
        raise UsageError(f"{said!r} is not a function", where="FUNCTION", hint="give its ARN or its name")
    here = (place.region, place.account)
    if found["account"] and (found["region"], found["account"]) != here:
        raise UsageError(
            f"{said} is not in {place.region} of the account {place.account}",
            where="FUNCTION",
            hint="a table's stream calls functions of its own account and region; use one there that passes on",
        )
    return found["name"]


def read_queue(said: str) -> str:
    """Return the ARN of a queue that is to be subscribed.

    Raises:
        UsageError: it is none, or a FIFO queue, to which the topic does not deliver (docs/aws-facts.md#sns).
    """
    if said.endswith(".fifo"):
        raise UsageError(
            f"{said} is a FIFO queue, and the topic of the alerts is a standard one",
            where="QUEUE",
            hint="use a standard queue",
        )
    if _QUEUE.fullmatch(said) is None:
        raise UsageError(f"{said!r} is not a queue", where="QUEUE", hint="give the ARN of a standard SQS queue")
    return said


def read_address(said: str) -> str:
    """Return an e-mail address.

    Raises:
        UsageError: it is none.
    """
    if len(said) > LONGEST_TEXT or re.fullmatch(EMAIL, said) is None:
        raise UsageError(f"{said!r} cannot be used", where="ADDRESS", hint=f"give {EMAIL_RULE}")
    return said


def read_url(said: str, place: Place) -> str:
    """Return a URL that alerts may be posted to.

    Raises:
        UsageError: it is none, not of https, or has a password, by which SNS would list it as another one.
    """
    if "@" in said.partition("//")[2].partition("/")[0]:
        raise UsageError(
            "a URL with a user or a password cannot be used: the stack would remember it in plain text",
            where="URL",
            hint="let the receiver check SNS's signature of each message instead",
        )
    if len(said) > LONGEST_TEXT or _URL.fullmatch(said) is None:
        raise UsageError(
            f"{said!r} cannot be used", where="URL", hint="give a URL such as https://example.org/alerts"
        )
    if said.startswith("http:") and not place.embedded:
        raise UsageError(
            "alerts are sent by https alone",
            where="URL",
            hint="give a URL that begins with https://; http:// is for the embedded engine",
        )
    return said


def read_patterns(said: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of counters in one order.

    Raises:
        UsageError: a filter of Lambda cannot say one, or they are too many for one filter.
    """
    patterns = tuple(sorted(set(said)))
    for pattern in patterns:
        counter_rule(pattern)
    if "*" in patterns:
        return ()
    size = len(change_filter(patterns))
    if size > MAX_PATTERN:
        raise UsageError(
            f"the patterns make a filter of {size:,} characters, and Lambda takes {MAX_PATTERN:,}",
            where="--counter",
            hint="give fewer of them, such as one that begins as they all do: 'http_*'",
        )
    return patterns


def counter_rule(pattern: str) -> str | dict[str, str]:
    """Return what stands for a pattern in a filter of Lambda, which compares beginnings and ends and no more.

    Source: AWS Lambda developer guide, control which events Lambda sends to your function, filter rule syntax.

    Raises:
        UsageError: the pattern cannot be said so.
    """
    core = pattern.strip("*") if pattern.count("*") <= 1 else pattern
    if not pattern or re.search(r"\s", pattern) or _WILD & set(core):
        raise UsageError(
            f"a filter of Lambda cannot tell the counters {pattern!r}",
            where="--counter",
            hint="give a name, its beginning as 'NAME*' or its end as '*NAME'; --counter may be repeated",
        )
    if pattern.endswith("*"):
        return {"prefix": core}
    return {"suffix": core} if pattern.startswith("*") else pattern


def change_filter(counters: Sequence[str]) -> str:
    """Return the filter for changes of these counters' totals.

    Limits and alerts are items of the table too, and have no version; what expires has no new image.
    """
    changes: dict[str, Any] = {"NewImage": {"Version": {"N": [{"exists": True}]}}}
    if counters:
        changes["Keys"] = {"Counter": {"S": [counter_rule(pattern) for pattern in counters]}}
    return compact({"dynamodb": changes})


def deliveries(alarm_email: str | None, subscriptions: Iterable[Subscriber]) -> tuple[Subscriber, ...]:
    """Return all that there is to be, in one order: the address that setup was given, and what was subscribed."""
    chosen = [Subscriber(SubscriptionKind.EMAIL, alarm_email)] if alarm_email else []
    return tuple(dict.fromkeys([*chosen, *sorted(subscriptions)]))


@dataclass(frozen=True, slots=True)
class SubscriberList:
    """Who is subscribed.

    Attributes:
        alarm_email: the address that setup was given; None for none.
        others: what was subscribed besides.
    """

    alarm_email: str | None
    others: tuple[Subscriber, ...]

    def plus(self, subscriber: Subscriber) -> SubscriberList:
        """Return the same with another, in place of one of the same end."""
        if subscriber in deliveries(self.alarm_email, self.others):
            return self
        return SubscriberList(self.alarm_email, (*self._but(subscriber), subscriber))

    def minus(self, subscriber: Subscriber) -> SubscriberList:
        """Return the same without one."""
        is_alarm_email = (SubscriptionKind.EMAIL, self.alarm_email) == (subscriber.kind, subscriber.endpoint)
        return SubscriberList(None if is_alarm_email else self.alarm_email, self._but(subscriber))

    def _but(self, subscriber: Subscriber) -> tuple[Subscriber, ...]:
        return tuple(each for each in self.others if not each.same_end(subscriber))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions(Setting):
    """The subscriptions, which nobody says to setup."""

    def to_memory(self, value: Iterable[Subscriber]) -> list[list[Any]] | None:
        """Return what a stack remembers, without what is empty at the end of an entry."""
        return [_entry(each) for each in sorted(value)] or None

    def from_memory(self, value: object) -> tuple[Subscriber, ...] | None:
        """Return what a stack remembers; an entry that cannot be understood is no memory."""
        entries = value if isinstance(value, list) else []
        return tuple(sorted(filter(None, map(_subscription, entries)))) or None


def _entry(subscription: Subscriber) -> list[Any]:
    if subscription.is_of_alerts:
        return [str(subscription.kind), subscription.endpoint]
    return [str(subscription.kind), subscription.endpoint, list(subscription.counters), subscription.role]


def _subscription(entry: object) -> Subscriber | None:
    match entry:
        case ["function", str(name), [*counters], str(role)] if _FUNCTION.fullmatch(name) and _are_rules(counters):
            return Subscriber(SubscriptionKind.FUNCTION, name, tuple(map(str, counters)), role)
        case ["queue", str(arn)] if _QUEUE.fullmatch(arn):
            return Subscriber(SubscriptionKind.QUEUE, arn)
        case ["email", str(address)] if re.fullmatch(EMAIL, address):
            return Subscriber(SubscriptionKind.EMAIL, address)
        case ["https", str(url)] if _URL.fullmatch(url):
            return Subscriber(SubscriptionKind.HTTPS, url)
    return None


def _are_rules(counters: Sequence[object]) -> bool:
    try:
        return all(isinstance(each, str) and counter_rule(each) for each in counters)
    except UsageError:
        return False
