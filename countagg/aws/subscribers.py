"""Who hears the messages of a topic."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from countagg.aws.errors import aws_errors
from countagg.core.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from countagg.aws.session import Clients

_UNCONFIRMED: Final = "PendingConfirmation"


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The subscriptions of a topic.

    Attributes:
        confirmed: protocol -> how many get its messages.
        unconfirmed: how many have not agreed yet, and get none.
    """

    confirmed: dict[str, int]
    unconfirmed: int


def read_subscribers(clients: Clients, topic_arn: str) -> Subscribers:
    """Count a topic's subscriptions. One that was ended is listed for some days more, without an ARN."""
    confirmed: Counter[str] = Counter()
    unconfirmed = 0
    with aws_errors(f"topic {topic_arn}"):
        for page in clients.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn):
            for subscription in page["Subscriptions"]:
                if subscription["SubscriptionArn"].startswith("arn:"):
                    confirmed[subscription["Protocol"]] += 1
                elif subscription["SubscriptionArn"] == _UNCONFIRMED:
                    unconfirmed += 1
    return Subscribers(dict(sorted(confirmed.items())), unconfirmed)
