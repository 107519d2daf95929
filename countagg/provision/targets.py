"""What actions are called on, as the catalogue of `provision.calls` names it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class On(Enum):
    """Resources that actions are called on; `provision.resource_arns` knows their ARNs."""

    ACCOUNT = auto()
    """Actions that know no resource: `*`."""
    BUCKET = auto()
    OWN_BUCKET = auto()
    """The same bucket, for what is done only to one that setup created."""
    COUNTER_FILES = auto()
    PUBLISHED_FILES = auto()
    OWN_OBJECTS = auto()
    """Everything in a bucket that setup created."""
    UPLOADS_TOPIC = auto()
    ALERTS_TOPIC = auto()
    TOPICS = auto()
    UPLOADS_QUEUE = auto()
    DEAD_LETTERS = auto()
    QUEUES = auto()
    SNAPSHOTS = auto()
    TOTALS = auto()
    COUNTERS = auto()
    COUNTERS_BY_DATE = auto()
    STREAMED_TABLES = auto()
    """Those whose streams are told as outputs: totals and counters."""
    TABLES = auto()
    STREAMS = auto()
    """Of the tables that feed a function; AWS picks their names."""
    PROCESSOR = auto()
    PUBLISHER = auto()
    FUNCTIONS = auto()
    MAPPINGS = auto()
    """Event source mappings of the account and region: AWS picks their ids."""
    ROLES = auto()
    LOG_GROUPS = auto()
    PROCESSOR_LOGS = auto()
    LOG_GROUP_TAGS = auto()
    """The same by the one form of their ARN that the actions for tags take."""
    ALARMS = auto()
    ANY_ALARM = auto()
    """DescribeAlarms is allowed on all alarms of the account and region or on none."""
    DASHBOARD = auto()
    KEY = auto()
    CONSUMERS = auto()
    """Functions of others that are subscribed."""
    CONSUMER_ROLES = auto()
    ALERT_QUEUES = auto()
    """Queues of others that are subscribed, in the stack's own account and region."""


Calls = Mapping[On, frozenset[str]]
"""Actions by what they are called on."""


def join_calls(*parts: Mapping[On, tuple[str, ...] | frozenset[str]]) -> Calls:
    """Join actions by their resources."""
    targets = [on for part in parts for on in part]
    return {on: frozenset().union(*(part.get(on, ()) for part in parts)) for on in targets}
