"""Lambda: event source mappings of queues and of table streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.offers import MAPPING_TAGS
from countagg.aws.kinds.shared_reads import tags_of
from countagg.aws.waiting import (
    FUNCTION_BUSY,
    FUNCTION_NOT_YET,
    MAPPING_BUSY,
    MAPPING_NOT_YET,
    QUEUE_NOT_READABLE,
    ROLE_NOT_READY,
    STREAM_NOT_READABLE,
    Transient,
)
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.policies import compact
from countagg.provision.reconcile import Observed
from countagg.provision.states import MappingState

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

_TRANSITIONAL: Final = frozenset({"Creating", "Enabling", "Disabling", "Updating", "Deleting"})
_PARTIAL: Final = "ReportBatchItemFailures"
NO_MAPPING_TAGS: Final = "countagg:mapping-tags"
"""Tag of a function by which it remembers that its mapping may have none."""
_NOT_READABLE: Final = (*STREAM_NOT_READABLE, *QUEUE_NOT_READABLE, *ROLE_NOT_READY)


class EventSourceMapping:
    """An event source mapping, found by its function and its source, because AWS picks its id.

    It is ours if its function is. Any stream of the table will do: one that was made anew has another ARN, and
    the mapping to the old one is silently dead (docs/aws-facts.md#event-source-mappings).

    Args:
        lambda_: the client.
        function: name of the function.
        source: ARN of the queue, or of the table whose stream it reads.
        context: whose it is.
    """

    _not_yet: tuple[Transient, ...] = FUNCTION_NOT_YET
    """What is told of a function that was made a moment ago."""

    def __init__(self, lambda_: LambdaClient, function: str, source: str, context: StackContext) -> None:
        self._lambda = lambda_
        self._function = function
        self._function_arn = context.place.function_arn(function)
        self._source = source
        self._is_stream = ":dynamodb:" in source
        self._context = context
        self._patience = context.patience

    def _find(self) -> EventSourceMappingConfigurationTypeDef | None:
        mappings = self._of_function()
        return next((each for each in mappings if self._is_ours(each.get("EventSourceArn", ""))), None)

    def _of_function(self) -> list[EventSourceMappingConfigurationTypeDef]:
        with suppress_missing():
            return self._list(FunctionName=self._function)
        # The function is gone, but its mappings need not be: a deletion leaves them
        # (docs/aws-facts.md#lambda-functions).
        return [each for each in self._list() if each.get("FunctionArn") == self._function_arn]

    def _is_ours(self, source: str) -> bool:
        return source.startswith(f"{self._source}/stream/") if self._is_stream else source == self._source

    def _list(self, **which: str) -> list[EventSourceMappingConfigurationTypeDef]:
        pages = self._lambda.get_paginator("list_event_source_mappings").paginate(**which)  # type: ignore[arg-type]  # names a filter, or none
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]

    def _settled(self) -> EventSourceMappingConfigurationTypeDef | None:
        """Return the mapping once it is in none of its transitional states; there is no waiter for it."""
        return self._patience.settled(
            self._find, _unsettled, f"event source mapping of {self._function} to settle"
        )

    def read(self) -> Observed[MappingState] | None:
        """Return it as it is. One that is changing is waited for."""
        mapping = self._settled()
        if mapping is None:
            return None
        filters = mapping.get("FilterCriteria", {}).get("Filters", [])
        function_tags = self._context.reads.once(tags_of(self._function_arn), self._function_tags)
        state = MappingState(
            source=mapping.get("EventSourceArn", ""),
            enabled=mapping.get("State") == "Enabled",
            batch_size=mapping.get("BatchSize", 0),
            window=mapping.get("MaximumBatchingWindowInSeconds", 0),
            tags=self._tags(mapping, function_tags or {}),
            partial_answers=_PARTIAL in mapping.get("FunctionResponseTypes", []),
            filters=tuple(compact(json.loads(each.get("Pattern", "{}"))) for each in filters),
            bisect=mapping.get("BisectBatchOnFunctionError", False),
            tries=mapping.get("MaximumRetryAttempts", -1),
            record_age=mapping.get("MaximumRecordAgeInSeconds", -1),
            parallel=mapping.get("ParallelizationFactor", 1),
            on_failure=mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
            max_concurrency=(mapping.get("ScalingConfig") or {}).get("MaximumConcurrency"),
        )
        return Observed(state, {"uuid": mapping.get("UUID", "")}, owned=self._is_owned(state, function_tags))

    def _is_owned(self, _state: MappingState, function_tags: Mapping[str, str] | None) -> bool:
        # If its function was deleted by hand, nobody else has a use for the mapping.
        return function_tags is None or self._context.owns(function_tags)

    def _function_tags(self) -> dict[str, str] | None:
        with suppress_missing():
            return self._lambda.list_tags(Resource=self._function_arn)["Tags"]
        return None

    def _tags(
        self, mapping: EventSourceMappingConfigurationTypeDef, function_tags: Mapping[str, str]
    ) -> Tags | None:
        """Return its tags; None where mappings may have none."""
        arn = mapping.get("EventSourceMappingArn")
        if arn is None or not self._context.place.has_mapping_tags or NO_MAPPING_TAGS in function_tags:
            return None
        try:
            return Tags(self._lambda.list_tags(Resource=arn)["Tags"])
        except ClientError as error:
            if not MAPPING_TAGS.matches(error):
                raise
            return None

    def create(self, desired: MappingState) -> None:
        """Create it; the role's rights on the source take some time until Lambda sees them."""
        tags = {} if desired.tags is None else {"Tags": desired.tags.of}
        self._with_tags(lambda: self._create(desired, **tags), lambda: self._create(desired))

    def _with_tags(self, action: Callable[[], object], instead: Callable[[], object]) -> None:
        """Do what sets tags; where mappings may have none, do the other, and have the function remember it."""
        try:
            action()
        except ClientError as error:
            if not MAPPING_TAGS.matches(error):
                raise
            instead()
            self._remember_no_tags()
            self._patience.warn(
                f"event source mapping of {self._function}: no tags, because this region does not offer them"
            )

    def _remember_no_tags(self) -> None:
        note = {NO_MAPPING_TAGS: "not offered"}
        self._call(lambda: self._lambda.tag_resource(Resource=self._function_arn, Tags=note), *FUNCTION_BUSY)

    def _create(self, desired: MappingState, **tags: Any) -> None:  # noqa: ANN401 - a parameter of boto3
        request = {**self._settings(desired), **tags}
        if self._is_stream:
            request["StartingPosition"] = desired.starting_position
        # What an update would remove by an empty value, a new mapping does not have.
        if not desired.on_failure:
            request.pop("DestinationConfig", None)
        if not desired.filters:
            request.pop("FilterCriteria")
        self._patience.call(
            lambda: self._lambda.create_event_source_mapping(
                FunctionName=self._function, EventSourceArn=desired.source, **request
            ),
            (*_NOT_READABLE, *self._not_yet),
            f"role of {self._function}, until it can read {desired.source}",
        )

    def _settings(self, desired: MappingState) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "Enabled": desired.enabled,
            "BatchSize": desired.batch_size,
            "MaximumBatchingWindowInSeconds": desired.window,
            "FunctionResponseTypes": [_PARTIAL] if desired.partial_answers else [],
            # An empty one removes those there are.
            "FilterCriteria": {"Filters": [{"Pattern": pattern} for pattern in desired.filters]}
            if desired.filters
            else {},
        }
        if not self._is_stream:
            # An empty one removes the limit.
            limit = desired.max_concurrency
            settings["ScalingConfig"] = {} if limit is None else {"MaximumConcurrency": limit}
        else:
            settings["BisectBatchOnFunctionError"] = desired.bisect
            settings["MaximumRetryAttempts"] = desired.tries
            settings["MaximumRecordAgeInSeconds"] = desired.record_age
            settings["ParallelizationFactor"] = desired.parallel
            # An empty destination removes it; an empty OnFailure is refused
            # (docs/aws-facts.md#event-source-mappings).
            settings["DestinationConfig"] = {"OnFailure": {"Destination": desired.on_failure}}
        return settings

    def update(self, desired: MappingState, changes: Sequence[FieldChange]) -> None:
        """Set what differs; a mapping to another stream is replaced, because its source cannot be changed."""
        if any(change.name == "source" for change in changes):
            self.delete()
            self.create(desired)
            return
        mapping = self._find()
        if mapping is None:
            self.create(desired)
            return
        uuid, arn, settings = mapping["UUID"], mapping.get("EventSourceMappingArn", ""), self._settings(desired)
        for change in changes:
            if change.name == "tags":
                self._with_tags(partial(self._put_tags, arn, change), lambda: None)
        if any(change.name != "tags" for change in changes):
            self._call(
                lambda: self._lambda.update_event_source_mapping(UUID=uuid, **settings),
                *_NOT_READABLE,
                *MAPPING_NOT_YET,
            )

    def _put_tags(self, arn: str, change: FieldChange) -> None:
        if change.tags_to_set:
            self._call(lambda: self._lambda.tag_resource(Resource=arn, Tags=change.tags_to_set), *MAPPING_NOT_YET)
        if change.tags_to_drop:
            self._call(
                lambda: self._lambda.untag_resource(Resource=arn, TagKeys=change.tags_to_drop), *MAPPING_NOT_YET
            )

    def _call(self, action: Callable[[], object], *transient: Transient) -> None:
        what = f"event source mapping of {self._function}, being changed"
        self._patience.call(action, (*MAPPING_BUSY, *transient), what)

    def delete(self) -> None:
        """Let it finish what it has begun, delete it and wait until it is gone, for its function to go after it.

        There is more than one when somebody mapped a stream that was made anew by hand.
        """
        while (mapping := self._settled()) is not None:
            self._delete(mapping["UUID"], mapping.get("State"))

    def _delete(self, uuid: str, state: str | None) -> None:
        if state == "Enabled":
            with suppress_missing():
                self._call(lambda: self._lambda.update_event_source_mapping(UUID=uuid, Enabled=False))
            self._settled()
        with suppress_missing():
            self._call(lambda: self._lambda.delete_event_source_mapping(UUID=uuid))
        self._patience.until(
            lambda: (found := self._find()) is None or found["UUID"] != uuid,
            f"event source mapping of {self._function} to be gone",
        )


def _unsettled(mapping: EventSourceMappingConfigurationTypeDef | None) -> str | None:
    state = None if mapping is None else mapping.get("State")
    return f"State {state}" if state in _TRANSITIONAL else None
