"""SNS: topics and their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from countagg.aws.errors import suppress_codes
from countagg.aws.kinds.shared_reads import SharedReads, tags_of
from countagg.aws.session import tag_list, tag_map
from countagg.aws.waiting import MISSING, SUBSCRIPTION_NOT_YET, TOPIC_NOT_YET, Patience
from countagg.core.names import OWNER_TAG
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.place import Place
from countagg.provision.policies import canonical, merge_statements, our_statements
from countagg.provision.reconcile import Observed
from countagg.provision.states import EmailState, SubscriptionState, TopicState

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ENDED: Final = "Deleted"
"""Stands in place of the ARN of a subscription that was ended, which SNS lists for some days more."""


class Topic:
    """A topic. Its policy is shared: statements that are not ours stay."""

    def __init__(  # noqa: PLR0913, PLR0917 - what every kind takes, and what the topic shares
        self, sns: SNSClient, name: str, place: Place, stack: str, patience: Patience, reads: SharedReads
    ) -> None:
        self._reads = reads
        self._sns = sns
        self._made = patience.over(sns, TOPIC_NOT_YET, _unknown_topic(place.topic_arn(name)))
        self._name = name
        self._arn = place.topic_arn(name)
        self._stack = stack

    def read(self) -> Observed[TopicState] | None:
        """Return it as it is."""
        attributes = self._attributes(self._sns)
        tags = _topic_tags(self._sns, self._arn, self._reads)
        state = TopicState(
            our_statements(json.loads(attributes["Policy"])), attributes.get("KmsMasterKeyId", ""), Tags(tags)
        )
        return Observed(state, owned=tags.get(OWNER_TAG) == self._stack)

    def _attributes(self, sns: SNSClient) -> dict[str, str]:
        return sns.get_topic_attributes(TopicArn=self._arn)["Attributes"]

    def create(self, desired: TopicState) -> None:
        """Create it bare of attributes: with others, an existing one would make the call fail."""
        self._sns.create_topic(Name=self._name, Tags=tag_list(desired.tags.of))
        self._put_policy(desired)
        if desired.kms_key:
            self._put("KmsMasterKeyId", desired.kms_key)

    def update(self, desired: TopicState, changes: Sequence[FieldChange]) -> None:
        """Bring to its desired value what differs."""
        for change in changes:
            match change.name:
                case "tags":
                    self._put_tags(change)
                case "kms_key":
                    self._put("KmsMasterKeyId", desired.kms_key)
                case _:
                    self._put_policy(desired)

    def _put_tags(self, change: FieldChange) -> None:
        if change.tags_to_set:
            self._made.tag_resource(ResourceArn=self._arn, Tags=tag_list(change.tags_to_set))
        if change.tags_to_drop:
            self._made.untag_resource(ResourceArn=self._arn, TagKeys=change.tags_to_drop)

    def _put_policy(self, desired: TopicState) -> None:
        merged = merge_statements(json.loads(self._attributes(self._made)["Policy"]), desired.statements)
        self._put("Policy", json.dumps(merged))

    def _put(self, name: str, value: str) -> None:
        self._made.set_topic_attributes(TopicArn=self._arn, AttributeName=name, AttributeValue=value)

    def delete(self) -> None:
        """Delete it; SNS answers the same if there is none."""
        self._sns.delete_topic(TopicArn=self._arn)


def _unknown_topic(arn: str) -> str:
    return f"topic {arn.rpartition(':')[2]}, until SNS knows it"


class Subscription:
    """The subscription of a queue or a URL to a topic, found by its endpoint. It is ours if its topic is.

    Args:
        sns: the client.
        topic_arn: of the topic.
        protocol: of the endpoint, in SNS's words.
        endpoint: the queue's ARN, or the URL.
        stack: whose it is.
        patience: how waiting is done.
        reads: by which it hears of its topic's tags.
        pending: what one is taken to be whose receiver has not confirmed it, of which SNS does not tell.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what every kind takes, the two ends, and what the topic shares
        self,
        sns: SNSClient,
        topic_arn: str,
        protocol: str,
        endpoint: str,
        stack: str,
        patience: Patience,
        reads: SharedReads,
        pending: SubscriptionState | None = None,
    ) -> None:
        self._reads = reads
        self._sns = sns
        self._patience = patience
        what = f"subscription of {endpoint.rpartition(':')[2]}, until SNS knows it"
        self._made = patience.over(sns, SUBSCRIPTION_NOT_YET, what)
        self._stack = stack
        self._topic_arn = topic_arn
        self._protocol = protocol
        self._endpoint = endpoint
        self._pending = pending

    def _arn(self) -> str | None:
        return _find_subscription(self._sns, self._topic_arn, self._protocol, self._endpoint)

    def read(self) -> Observed[SubscriptionState] | None:
        """Return it as it is; None also when the topic is gone, which takes its subscriptions along.

        It may be listed for some time after it is gone: its attributes are then not found.
        """
        arn = self._arn()
        if arn is None:
            return None
        return Observed(
            self._state(arn),
            owned=_topic_tags(self._sns, self._topic_arn, self._reads).get(OWNER_TAG) == self._stack,
        )

    def _state(self, arn: str) -> SubscriptionState:
        if self._pending is not None and not is_confirmed(arn):
            return self._pending
        attributes = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return SubscriptionState(
            raw_delivery=attributes.get("RawMessageDelivery", "false").lower() == "true",
            redrive_policy=_normalised(attributes.get("RedrivePolicy", "")),
            filter_policy=_normalised(attributes.get("FilterPolicy", "")),
        )

    def create(self, desired: SubscriptionState) -> None:
        """Subscribe it. A URL, and a queue of another account, then hear from SNS how they confirm it."""
        self._patience.over(self._sns, TOPIC_NOT_YET, _unknown_topic(self._topic_arn)).subscribe(
            TopicArn=self._topic_arn,
            Protocol=self._protocol,
            Endpoint=self._endpoint,
            Attributes={name: value for name, value in _subscription_attributes(desired).items() if value},
            ReturnSubscriptionArn=True,
        )

    def update(self, desired: SubscriptionState, changes: Sequence[FieldChange]) -> None:
        """Set the attributes that differ."""
        arn = self._patience.call(self._arn, TOPIC_NOT_YET, _unknown_topic(self._topic_arn))
        if arn is None:
            self.create(desired)
            return
        names = {
            "raw_delivery": "RawMessageDelivery",
            "redrive_policy": "RedrivePolicy",
            "filter_policy": "FilterPolicy",
        }
        # An empty filter is none.
        attributes = {**_subscription_attributes(desired), "FilterPolicy": desired.filter_policy or "{}"}
        for change in changes:
            name = names[change.name]
            self._made.set_subscription_attributes(
                SubscriptionArn=arn, AttributeName=name, AttributeValue=attributes[name]
            )

    def delete(self) -> None:
        """Unsubscribe."""
        _unsubscribe(self._sns, self._arn)


def _subscription_attributes(desired: SubscriptionState) -> dict[str, str]:
    return {
        "RawMessageDelivery": str(desired.raw_delivery).lower(),
        "RedrivePolicy": desired.redrive_policy,
    }


def _normalised(policy: str) -> str:
    """Return a policy as canonical text; empty if it says nothing."""
    document = json.loads(policy or "{}")
    return canonical(document) if document else ""


class EmailSubscription:
    """The subscription of an e-mail address to a topic. It waits until its owner follows the link in a message."""

    def __init__(  # noqa: PLR0913, PLR0917 - what every kind takes, the two ends, and what the topic shares
        self, sns: SNSClient, topic_arn: str, address: str, stack: str, patience: Patience, reads: SharedReads
    ) -> None:
        self._reads = reads
        self._sns = sns
        self._of_topic = patience.over(sns, TOPIC_NOT_YET, _unknown_topic(topic_arn))
        self._stack = stack
        self._topic_arn = topic_arn
        self._address = address

    def _arn(self) -> str | None:
        return _find_subscription(self._sns, self._topic_arn, "email", self._address)

    def read(self) -> Observed[EmailState] | None:
        """Return it, confirmed or not."""
        if self._arn() is None:
            return None
        return Observed(
            EmailState(), owned=_topic_tags(self._sns, self._topic_arn, self._reads).get(OWNER_TAG) == self._stack
        )

    def create(self, _desired: EmailState) -> None:
        """Subscribe the address; SNS writes to it."""
        self._of_topic.subscribe(TopicArn=self._topic_arn, Protocol="email", Endpoint=self._address)

    def update(self, desired: EmailState, changes: Sequence[FieldChange]) -> None:
        """Do nothing: there is nothing that could differ."""

    def delete(self) -> None:
        """Unsubscribe. One that was never confirmed has no ARN: SNS forgets it within days, or with its topic."""
        _unsubscribe(self._sns, self._arn)


def is_confirmed(arn: str) -> bool:
    """Tell whether a listed subscription's ARN is one: until it is confirmed, words stand in its place."""
    return arn.startswith("arn:")


def _unsubscribe(sns: SNSClient, find: Callable[[], str | None]) -> None:
    """End a subscription unless it is gone; one that was never confirmed has no ARN."""
    with suppress_codes(*MISSING):
        arn = find()
        if arn is not None and is_confirmed(arn):
            sns.unsubscribe(SubscriptionArn=arn)


def _find_subscription(sns: SNSClient, topic_arn: str, protocol: str, endpoint: str) -> str | None:
    """Return its ARN, or `PendingConfirmation`; None if there is none.

    One that was ended by its owner is listed for some days more, with `Deleted` in place of its ARN.
    """
    for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn):
        for subscription in page["Subscriptions"]:
            arn = subscription["SubscriptionArn"]
            if (subscription["Endpoint"], subscription["Protocol"]) == (endpoint, protocol) and arn != ENDED:
                return arn
    return None


def _topic_tags(sns: SNSClient, arn: str, reads: SharedReads) -> dict[str, str]:
    return reads.once(tags_of(arn), lambda: tag_map(sns.list_tags_for_resource(ResourceArn=arn)["Tags"]))
