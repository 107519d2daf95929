"""SNS: topics, and the subscription of a queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of
from countagg.aws.session import tag_list, tag_map
from countagg.core.names import OWNER_TAG
from countagg.provision.identities import SubscriptionId, TopicId
from countagg.provision.place import Place
from countagg.provision.policies import canonical, merge_statements, our_statements
from countagg.provision.reconcile import FieldChange, Observed, Tags
from countagg.provision.states import SubscriptionState, TopicState

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class Topic:
    """A topic. Its policy is shared: statements that are not ours stay."""

    def __init__(self, sns: SNSClient, identity: TopicId, place: Place, stack: str) -> None:
        self._sns = sns
        self._name = identity.name
        self._arn = place.topic_arn(identity.name)
        self._stack = stack

    def read(self) -> Observed[TopicState] | None:
        """Return it as it is."""
        try:
            policy = self._policy()
            tags = tag_map(self._sns.list_tags_for_resource(ResourceArn=self._arn)["Tags"])
        except ClientError as error:
            if code_of(error) in {"NotFound", "ResourceNotFound"}:
                return None
            raise
        return Observed(
            TopicState(our_statements(json.loads(policy)), Tags(tags)), owned=tags.get(OWNER_TAG) == self._stack
        )

    def _policy(self) -> str:
        return self._sns.get_topic_attributes(TopicArn=self._arn)["Attributes"]["Policy"]

    def create(self, desired: TopicState) -> None:
        """Create it bare of attributes: with others, an existing one would make the call fail."""
        self._sns.create_topic(Name=self._name, Tags=tag_list(desired.tags.of))
        if desired.statements != our_statements({}):
            self._put_policy(desired)

    def update(self, desired: TopicState, changes: Sequence[FieldChange]) -> None:
        """Bring policy or tags to their desired values."""
        for change in changes:
            if change.name == "tags":
                self._sns.tag_resource(ResourceArn=self._arn, Tags=tag_list(desired.tags.of))
            else:
                self._put_policy(desired)

    def _put_policy(self, desired: TopicState) -> None:
        merged = merge_statements(json.loads(self._policy()), desired.statements)
        self._sns.set_topic_attributes(
            TopicArn=self._arn, AttributeName="Policy", AttributeValue=json.dumps(merged)
        )

    def delete(self) -> None:
        """Delete it; SNS answers the same if there is none."""
        self._sns.delete_topic(TopicArn=self._arn)


class Subscription:
    """The subscription of a queue to a topic, found by its endpoint. It is ours if its topic is."""

    def __init__(self, sns: SNSClient, identity: SubscriptionId, place: Place, stack: str) -> None:
        self._sns = sns
        self._stack = stack
        self._topic_arn = place.topic_arn(identity.topic)
        self._queue_arn = place.queue_arn(identity.queue)

    def _arn(self) -> str | None:
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        try:
            for page in pages:
                for found in page["Subscriptions"]:
                    if found["Endpoint"] == self._queue_arn and found["Protocol"] == "sqs":
                        return found["SubscriptionArn"]
        except ClientError as error:
            if code_of(error) != "NotFound":
                raise
        return None

    def read(self) -> Observed[SubscriptionState] | None:
        """Return it as it is; None also when the topic is gone, which takes its subscriptions along."""
        arn = self._arn()
        if arn is None:
            return None
        found = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        redrive = found.get("RedrivePolicy")
        tags = tag_map(self._sns.list_tags_for_resource(ResourceArn=self._topic_arn)["Tags"])
        return Observed(
            SubscriptionState(
                raw_delivery=found.get("RawMessageDelivery", "false").lower() == "true",
                redrive_policy=canonical(json.loads(redrive)) if redrive else "",
            ),
            owned=tags.get(OWNER_TAG) == self._stack,
        )

    def create(self, desired: SubscriptionState) -> None:
        """Subscribe the queue."""
        self._sns.subscribe(
            TopicArn=self._topic_arn,
            Protocol="sqs",
            Endpoint=self._queue_arn,
            Attributes=_subscription_attributes(desired),
            ReturnSubscriptionArn=True,
        )

    def update(self, desired: SubscriptionState, changes: Sequence[FieldChange]) -> None:
        """Set the attributes that differ."""
        arn = self._arn()
        if arn is None:
            self.create(desired)
            return
        names = {"raw_delivery": "RawMessageDelivery", "redrive_policy": "RedrivePolicy"}
        attributes = _subscription_attributes(desired)
        for change in changes:
            name = names[change.name]
            self._sns.set_subscription_attributes(
                SubscriptionArn=arn, AttributeName=name, AttributeValue=attributes[name]
            )

    def delete(self) -> None:
        """Unsubscribe."""
        arn = self._arn()
        if arn is not None:
            self._sns.unsubscribe(SubscriptionArn=arn)


def _subscription_attributes(desired: SubscriptionState) -> dict[str, str]:
    return {
        "RawMessageDelivery": str(desired.raw_delivery).lower(),
        "RedrivePolicy": desired.redrive_policy,
    }
