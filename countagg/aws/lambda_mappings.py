"""Lambda: event source mappings of queues and of table streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of
from countagg.aws.waiting import MAPPING_BUSY, QUEUE_NOT_READABLE, STREAM_NOT_READABLE, Patience
from countagg.core.names import OWNER_TAG
from countagg.provision.identities import QueueMappingId, StreamMappingId
from countagg.provision.place import Place
from countagg.provision.policies import compact
from countagg.provision.reconcile import FieldChange, Observed
from countagg.provision.states import MappingState

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

_MISSING: Final = "ResourceNotFoundException"
_TRANSITIONAL: Final = frozenset({"Creating", "Enabling", "Disabling", "Updating", "Deleting"})
_PARTIAL: Final = "ReportBatchItemFailures"


class EventSourceMapping:
    """An event source mapping, found by its function and its source, because AWS picks its id.

    It is ours if its function is.
    """

    def __init__(
        self,
        lambda_: LambdaClient,
        identity: QueueMappingId | StreamMappingId,
        place: Place,
        stack: str,
        patience: Patience,
    ) -> None:
        self._lambda = lambda_
        self._function = identity.function
        self._function_arn = place.function_arn(identity.function)
        self._stack = stack
        self._is_stream = isinstance(identity, StreamMappingId)
        self._is_ours = _source_test(identity, place)
        self._patience = patience

    def _find(self) -> EventSourceMappingConfigurationTypeDef | None:
        pages = self._lambda.get_paginator("list_event_source_mappings").paginate(FunctionName=self._function)
        try:
            for page in pages:
                for found in page["EventSourceMappings"]:
                    if self._is_ours(found.get("EventSourceArn", "")):
                        return found
        except ClientError as error:
            # Lambda answers so when the function itself is gone.
            if code_of(error) != _MISSING:
                raise
        return None

    def _settled(self) -> EventSourceMappingConfigurationTypeDef | None:
        """Return the mapping once it is in none of its transitional states; there is no waiter for it."""
        found: list[EventSourceMappingConfigurationTypeDef | None] = []

        def is_settled() -> bool:
            found.append(self._find())
            return found[-1] is None or found[-1].get("State") not in _TRANSITIONAL

        self._patience.until(is_settled, f"event source mapping of {self._function} to settle")
        return found[-1]

    def read(self) -> Observed[MappingState] | None:
        """Return it as it is. One that is changing is waited for."""
        found = self._settled()
        if found is None:
            return None
        filters = found.get("FilterCriteria", {}).get("Filters", [])
        state = MappingState(
            source=found.get("EventSourceArn", ""),
            enabled=found.get("State") == "Enabled",
            batch_size=found.get("BatchSize", 0),
            window=found.get("MaximumBatchingWindowInSeconds", 0),
            partial_answers=_PARTIAL in found.get("FunctionResponseTypes", []),
            filters=tuple(compact(json.loads(each.get("Pattern", "{}"))) for each in filters),
            bisect=found.get("BisectBatchOnFunctionError", False),
            tries=found.get("MaximumRetryAttempts", -1),
            on_failure=found.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
        )
        return Observed(state, {"uuid": found.get("UUID", "")}, owned=self._is_function_ours())

    def _is_function_ours(self) -> bool:
        try:
            tags = self._lambda.list_tags(Resource=self._function_arn)["Tags"]
        except ClientError as error:
            if code_of(error) != _MISSING:
                raise
            # Its function was deleted by hand; nobody else has a use for the mapping.
            return True
        return tags.get(OWNER_TAG) == self._stack

    def create(self, desired: MappingState) -> None:
        """Create it; the role's rights on the source take some time until Lambda sees them."""
        request = self._settings(desired)
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
            (*STREAM_NOT_READABLE, *QUEUE_NOT_READABLE),
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
        if self._is_stream:
            settings["BisectBatchOnFunctionError"] = desired.bisect
            settings["MaximumRetryAttempts"] = desired.tries
            # An empty destination removes it; an empty OnFailure is refused (AWS-FACTS section 4).
            settings["DestinationConfig"] = {"OnFailure": {"Destination": desired.on_failure}}
        return settings

    def update(self, desired: MappingState, changes: Sequence[FieldChange]) -> None:
        """Set what differs; a mapping to another stream is replaced, because its source cannot be changed."""
        if any(change.name == "source" for change in changes):
            self.delete()
            self.create(desired)
            return
        found = self._find()
        if found is not None:
            uuid, settings = found["UUID"], self._settings(desired)
            self._call(lambda: self._lambda.update_event_source_mapping(UUID=uuid, **settings))

    def _call(self, action: Callable[[], object]) -> None:
        self._patience.call(action, MAPPING_BUSY, f"event source mapping of {self._function}, being changed")

    def delete(self) -> None:
        """Delete it and wait until it is gone, so that its function can go after it.

        There is more than one when somebody mapped a stream that was made anew by hand.
        """
        while (found := self._settled()) is not None:
            self._delete_one(found["UUID"])

    def _delete_one(self, uuid: str) -> None:
        try:
            self._call(lambda: self._lambda.delete_event_source_mapping(UUID=uuid))
        except ClientError as error:
            if code_of(error) != _MISSING:
                raise
        self._patience.until(
            lambda: (found := self._find()) is None or found["UUID"] != uuid,
            f"event source mapping of {self._function} to be gone",
        )


def _source_test(identity: QueueMappingId | StreamMappingId, place: Place) -> Callable[[str], bool]:
    match identity:
        case QueueMappingId(queue=queue):
            return place.queue_arn(queue).__eq__
        case StreamMappingId(table=table):
            prefix = f"{place.table_arn(table)}/stream/"
            return lambda source: source.startswith(prefix)
