"""CloudWatch Logs: log groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.sizes import size_text
from countagg.aws.waiting import LOGS_BUSY, LOGS_NOT_YET
from countagg.core.names import Names
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.reconcile import Observed
from countagg.provision.states import LogGroupState

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import LogGroupTypeDef

FOREVER = 0
"""Retention of a group without a policy, in our terms."""


class LogGroup:
    """A log group, made before the function so that it has a retention from the first line on."""

    def __init__(self, logs: CloudWatchLogsClient, name: str, context: StackContext) -> None:
        self._logs = logs
        self._name = name
        self._arn = context.place.log_group_arn(name)
        self._context = context
        self._busy = context.patience.over(logs, LOGS_BUSY, f"log group {name}, being changed by others")
        what = f"log group {name}, until it can be changed"
        self._made = context.patience.over(logs, (*LOGS_BUSY, *LOGS_NOT_YET), what)

    def read(self) -> Observed[LogGroupState] | None:
        """Return it as it is."""
        prefix = Names.log_group(f"{self._context.stack}-")
        group = self._context.reads.listed("log groups", self._name, prefix, self._list)
        if group is None:
            return None
        tags = self._logs.list_tags_for_resource(resourceArn=self._arn).get("tags", {})
        state = LogGroupState(group.get("retentionInDays", FOREVER), Tags(tags))
        size = group.get("storedBytes", 0)
        contents = size_text(size) if size else None
        return Observed(state, owned=self._context.owns(tags), contents=contents)

    def _list(self, prefix: str) -> dict[str, LogGroupTypeDef]:
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        return {group["logGroupName"]: group for page in pages for group in page["logGroups"]}

    def create(self, desired: LogGroupState) -> None:
        """Create it and set its retention."""
        self._busy.create_log_group(logGroupName=self._name, tags=desired.tags.of)
        self._put_retention(desired)

    def update(self, desired: LogGroupState, changes: Sequence[FieldChange]) -> None:
        """Set what differs."""
        for change in changes:
            if change.name == "tags":
                self._put_tags(change)
            else:
                self._put_retention(desired)

    def _put_tags(self, change: FieldChange) -> None:
        if change.tags_to_set:
            self._made.tag_resource(resourceArn=self._arn, tags=change.tags_to_set)
        if change.tags_to_drop:
            self._made.untag_resource(resourceArn=self._arn, tagKeys=change.tags_to_drop)

    def _put_retention(self, desired: LogGroupState) -> None:
        self._made.put_retention_policy(logGroupName=self._name, retentionInDays=desired.retention)

    def delete(self) -> None:
        """Delete it with all its lines."""
        with suppress_missing():
            self._busy.delete_log_group(logGroupName=self._name)
