"""SNS: topics and their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.shared_reads import SharedReads, tags_of
from countagg.aws.kinds.tags import put_tags, tag_list, tag_map
from countagg.aws.waiting import SUBSCRIPTION_NOT_YET, TOPIC_NOT_YET
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.policies import canonical, merge_statements, our_statements
from countagg.provision.reconcile import Observed
from countagg.provision.states import EmailState, SubscriptionState, TopicState

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ENDED: Final = "Deleted"
"""Stands in place of the ARN of a subscription that was ended, which SNS lists for some days more."""


class Topic:
    """A topic. Its policy is shared: statements that are not ours stay."""

    def __init__(self, sns: SNSClient, name: str, context: StackContext) -> None:
        self._sns = sns
        self._name = name
        self._arn = context.place.topic_arn(name)
        self._made = context.patience.over(sns, TOPIC_NOT_YET, _unknown_topic(self._arn))
        self._context = context

    def read(self) -> Observed[TopicState] | None:
        """Return it as it is."""
        attributes = self._attributes(self._sns)
        tags = _topic_tags(self._sns, self._arn, self._context.reads)
        state = TopicState(
            our_statements(json.loads(attributes["Policy"])), attributes.get("KmsMasterKeyId", ""), Tags(tags)
        )
        return Observed(state, owned=self._context.owns(tags))

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
                    put_tags(self._made, change, ResourceArn=self._arn)
                case "kms_key":
                    self._put("KmsMasterKeyId", desired.kms_key)
                case _:
                    self._put_policy(desired)

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


class _TopicSubscription:
    """The subscription of an endpoint to a topic. It is ours if its topic is."""

    def __init__(
        self, sns: SNSClient, topic_arn: str, protocol: str, endpoint: str, context: StackContext
    ) -> None:
        self._sns = sns
        self._of_topic = context.patience.over(sns, TOPIC_NOT_YET, _unknown_topic(topic_arn))
        self._topic_arn = topic_arn
        self._protocol = protocol
        self._endpoint = endpoint
        self._context = context

    def _arn(self) -> str | None:
        """Return its ARN, or `PendingConfirmation`; None if there is none.

        One that was ended by its owner is listed for some days more, with `Deleted` in place of its ARN.
        """
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        for page in pages:
            for subscription in page["Subscriptions"]:
                end, arn = (subscription["Endpoint"], subscription["Protocol"]), subscription["SubscriptionArn"]
                if end == (self._endpoint, self._protocol) and arn != ENDED:
                    return arn
        return None

    def _is_owned(self) -> bool:
        return self._context.owns(_topic_tags(self._sns, self._topic_arn, self._context.reads))

    def _subscribe(self, **options: Any) -> None:  # noqa: ANN401 - passed on to boto3 as it is
        self._of_topic.subscribe(
            TopicArn=self._topic_arn, Protocol=self._protocol, Endpoint=self._endpoint, **options
        )

    def delete(self) -> None:
        """Unsubscribe. One that was never confirmed has no ARN: SNS forgets it within days, or with its topic."""
        with suppress_missing():
            arn = self._arn()
            if arn is not None and is_confirmed(arn):
                self._sns.unsubscribe(SubscriptionArn=arn)


class Subscription(_TopicSubscription):
    """The subscription of a queue or a URL.

    Args:
        sns: the client.
        topic_arn: of the topic.
        protocol: of the endpoint, in SNS's words.
        endpoint: the queue's ARN, or the URL.
        context: whose it is.
        pending: what one is taken to be whose receiver has not confirmed it, of which SNS does not tell.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the two ends, and what one is until it is confirmed
        self,
        sns: SNSClient,
        topic_arn: str,
        protocol: str,
        endpoint: str,
        context: StackContext,
        pending: SubscriptionState | None = None,
    ) -> None:
        super().__init__(sns, topic_arn, protocol, endpoint, context)
        what = f"subscription of {endpoint.rpartition(':')[2]}, until SNS knows it"
        self._made = context.patience.over(sns, SUBSCRIPTION_NOT_YET, what)
        self._pending = pending

    def read(self) -> Observed[SubscriptionState] | None:
        """Return it as it is; None also when the topic is gone, which takes its subscriptions along.

        It may be listed for some time after it is gone: its attributes are then not found.
        """
        arn = self._arn()
        return None if arn is None else Observed(self._state(arn), owned=self._is_owned())

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
        attributes = {name: value for name, value in _subscription_attributes(desired).items() if value}
        self._subscribe(Attributes=attributes, ReturnSubscriptionArn=True)

    def update(self, desired: SubscriptionState, changes: Sequence[FieldChange]) -> None:
        """Set the attributes that differ."""
        arn = self._context.patience.call(self._arn, TOPIC_NOT_YET, _unknown_topic(self._topic_arn))
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


class EmailSubscription(_TopicSubscription):
    """The subscription of an e-mail address. It waits until its owner follows the link in a message."""

    def read(self) -> Observed[EmailState] | None:
        """Return it, confirmed or not."""
        return None if self._arn() is None else Observed(EmailState(), owned=self._is_owned())

    def create(self, _desired: EmailState) -> None:
        """Subscribe the address; SNS writes to it."""
        self._subscribe()

    def update(self, desired: EmailState, changes: Sequence[FieldChange]) -> None:
        """Do nothing: there is nothing that could differ."""


def is_confirmed(arn: str) -> bool:
    """Tell whether a listed subscription's ARN is one: until it is confirmed, words stand in its place."""
    return arn.startswith("arn:")


def _subscription_attributes(desired: SubscriptionState) -> dict[str, str]:
    return {
        "RawMessageDelivery": str(desired.raw_delivery).lower(),
        "RedrivePolicy": desired.redrive_policy,
    }


def _normalised(policy: str) -> str:
    """Return a policy as canonical text; empty if it says nothing."""
    document = json.loads(policy or "{}")
    return canonical(document) if document else ""


def _topic_tags(sns: SNSClient, arn: str, reads: SharedReads) -> dict[str, str]:
    return reads.once(tags_of(arn), lambda: tag_map(sns.list_tags_for_resource(ResourceArn=arn)["Tags"]))
