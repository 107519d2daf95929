"""What the commands for subscriptions add to the catalogue of `provision.calls`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from countagg.provision.stack_calls import FIND_ANY
from countagg.provision.targets import Calls, On, join_calls

_READERS: Final = join_calls(
    {On.ACCOUNT: ("lambda:ListEventSourceMappings",), On.COUNTERS: ("dynamodb:DescribeTable",)}
)
_CHANGE: Final = join_calls(
    FIND_ANY,
    {
        On.FUNCTIONS: ("lambda:GetFunction", "lambda:ListTags", "lambda:UpdateFunctionConfiguration"),
        # Lambda asks for this right also where the role stays as it is.
        On.ROLES: ("iam:PassRole",),
    },
)
"""A function of the stack's remembers a subscription."""
_OF_TOPIC: Final = join_calls({On.ALERTS_TOPIC: ("sns:ListSubscriptionsByTopic", "sns:ListTagsForResource")})
_SUBSCRIBE: Final = join_calls(_CHANGE, _OF_TOPIC, _READERS, {On.ALERTS_TOPIC: ("sns:Subscribe",)})
_WITH_ATTRIBUTES: Final = join_calls(
    _SUBSCRIBE, {On.ALERTS_TOPIC: ("sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes")}
)
_QUEUE: Final = join_calls(
    {On.ALERT_QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SetQueueAttributes")}
)
_END_FUNCTION: Final = join_calls(
    _READERS,
    {
        On.CONSUMER_ROLES: ("iam:DeleteRolePolicy", "iam:GetRolePolicy"),
        On.MAPPINGS: ("lambda:DeleteEventSourceMapping", "lambda:ListTags", "lambda:UpdateEventSourceMapping"),
    },
)

COMMANDS: Final[Mapping[str, Calls]] = {
    "subscribe function": join_calls(
        _CHANGE,
        _END_FUNCTION,
        {
            On.ACCOUNT: ("lambda:CreateEventSourceMapping",),
            On.CONSUMERS: ("lambda:GetFunctionConfiguration",),
            On.CONSUMER_ROLES: ("iam:PutRolePolicy",),
            On.MAPPINGS: ("lambda:TagResource",),
        },
    ),
    "subscribe queue": join_calls(_WITH_ATTRIBUTES, _QUEUE),
    "subscribe email": _SUBSCRIBE,
    "subscribe https": _WITH_ATTRIBUTES,
    "subscribe list": join_calls(FIND_ANY, _READERS, {On.ALERTS_TOPIC: ("sns:ListSubscriptionsByTopic",)}),
    "subscribe remove": join_calls(
        _CHANGE,
        _OF_TOPIC,
        _END_FUNCTION,
        _QUEUE,
        {On.ALERTS_TOPIC: ("sns:GetSubscriptionAttributes", "sns:Unsubscribe")},
    ),
}
"""By command."""
