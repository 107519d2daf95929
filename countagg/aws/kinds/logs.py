"""CloudWatch Logs: log groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of
from countagg.aws.kinds.sizes import size_text
from countagg.aws.waiting import LOGS_BUSY, LOGS_NOT_YET, Patience
from countagg.core.names import OWNER_TAG
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.place import Place
from countagg.provision.reconcile import Observed
from countagg.provision.states import LogGroupState

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

FOREVER = 0
"""Retention of a group without a policy, in our terms."""


class LogGroup:
    """A log group, made before the function so that it has a retention from the first line on."""

    def __init__(
        self, logs: CloudWatchLogsClient, name: str, place: Place, stack: str, patience: Patience
    ) -> None:
        self._logs = logs
        self._name = name
        self._arn = place.log_group_arn(name)
        self._stack = stack
        self._patience = patience
        self._made = patience.over(logs, (*LOGS_BUSY, *LOGS_NOT_YET), f"log group {name}, until it can be changed")

    def read(self) -> Observed[LogGroupState] | None:
        """Return it as it is."""
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._name)
        groups = [group for page in pages for group in page["logGroups"] if group["logGroupName"] == self._name]
        if not groups:
            return None
        tags = self._logs.list_tags_for_resource(resourceArn=self._arn).get("tags", {})
        state = LogGroupState(groups[0].get("retentionInDays", FOREVER), Tags(tags))
        size = groups[0].get("storedBytes", 0)
        contents = size_text(size) if size else None
        return Observed(state, owned=tags.get(OWNER_TAG) == self._stack, contents=contents)

    def create(self, desired: LogGroupState) -> None:
        """Create it and set its retention."""
        self._patience.call(
            lambda: self._logs.create_log_group(logGroupName=self._name, tags=desired.tags.of),
            LOGS_BUSY,
            f"log group {self._name}, being changed by others",
        )
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
        try:
            self._patience.call(
                lambda: self._logs.delete_log_group(logGroupName=self._name),
                LOGS_BUSY,
                f"log group {self._name}, being changed by others",
            )
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
