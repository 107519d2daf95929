"""What subscriptions add to the catalogue of `provision.calls`.

Their actions are called on things of others, which a stack remembers; on a stack without any there is nothing to
call them on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from countagg.provision.targets import Calls, On, join_calls

Actions = Mapping[On, tuple[str, ...]]

READ: Final[Actions] = {
    On.ALERTS_TOPIC: ("sns:GetSubscriptionAttributes",),
    On.CONSUMER_ROLES: ("iam:GetRolePolicy",),
    On.ALERT_QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
}
"""What a plan looks at."""

MEND: Final[Actions] = {
    On.ALERTS_TOPIC: ("sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
    On.CONSUMER_ROLES: ("iam:PutRolePolicy",),
    On.ALERT_QUEUES: ("sqs:SetQueueAttributes",),
}
"""What a setup puts right."""

END: Final[Actions] = {
    On.CONSUMER_ROLES: ("iam:DeleteRolePolicy",),
    On.ALERT_QUEUES: ("sqs:SetQueueAttributes",),
}
"""What a teardown ends; subscriptions of the stack's topics it ends anyway."""

_FIND: Final = join_calls({On.FUNCTIONS: ("lambda:GetFunctionConfiguration",)})
_READERS: Final = join_calls(
    {On.ACCOUNT: ("lambda:ListEventSourceMappings",), On.COUNTERS: ("dynamodb:DescribeTable",)}
)
_CHANGE: Final = join_calls(
    _FIND,
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
    "subscribe list": join_calls(_FIND, _READERS, {On.ALERTS_TOPIC: ("sns:ListSubscriptionsByTopic",)}),
    "subscribe remove": join_calls(
        _CHANGE,
        _OF_TOPIC,
        _END_FUNCTION,
        _QUEUE,
        {On.ALERTS_TOPIC: ("sns:GetSubscriptionAttributes", "sns:Unsubscribe")},
    ),
}
"""By command."""
