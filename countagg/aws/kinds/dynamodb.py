"""DynamoDB: tables with their stream and expiry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.sizes import size_text
from countagg.aws.kinds.tags import put_tags, tag_list, tag_map
from countagg.aws.waiting import BACKUPS_NOT_READY, TABLE_BUSY, TABLE_NOT_YET, TTL_CHANGED_LATELY
from countagg.core.names import BY_DATE_INDEX
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.reconcile import Observed
from countagg.provision.states import IndexState, TableState
from countagg.provision.table_schema import attribute_definitions, index_schema, key_schema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

# A stream of another type is replaced by one with another ARN, so its own is of no use to anybody.
_FULL_STREAM = "NEW_AND_OLD_IMAGES"
_PROTECTED = "it is protected against deletion; --delete-protected deletes it all the same"


class Table:
    """A table, on demand, all of whose keys are strings."""

    def __init__(self, dynamodb: DynamoDBClient, name: str, context: StackContext) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._context = context
        self._patience = context.patience
        self._being_changed = f"table {name}, being changed"
        self._busy = self._patience.over(dynamodb, TABLE_BUSY, self._being_changed)
        self._made = self._patience.over(
            dynamodb, (*TABLE_BUSY, *TABLE_NOT_YET), f"table {name}, until it can be changed"
        )

    def _describe(self) -> TableDescriptionTypeDef | None:
        with suppress_missing():
            return self._dynamodb.describe_table(TableName=self._name)["Table"]
        return None

    def _settled(self) -> TableDescriptionTypeDef | None:
        """Return the table once it is neither being made, changed nor deleted."""
        return self._patience.settled(
            self._describe, _unsettled, f"table {self._name} to become active, or to be gone"
        )

    def read(self) -> Observed[TableState] | None:
        """Return it as it is; its output is `stream_arn`. One that is changing is waited for."""
        table = self._settled()
        if table is None:
            return None
        keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
        stream = table.get("StreamSpecification", {})
        tags = self._tags(table["TableArn"])
        state = TableState(
            partition_key=keys["HASH"],
            sort_key=keys.get("RANGE", ""),
            indexes=_our_indexes(table),
            # Tables from before on-demand capacity have no summary.
            billing_mode=table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            stream=stream.get("StreamViewType", "") if stream.get("StreamEnabled") else "",
            ttl_attribute=self._ttl_attribute(),
            kms_key=_key_of(table),
            point_in_time_recovery=self._has_recovery(),
            deletion_protection=table.get("DeletionProtectionEnabled", False),
            tags=Tags(tags),
        )
        outputs = {"stream_arn": table["LatestStreamArn"]} if state.stream == _FULL_STREAM else {}
        return Observed(
            state,
            outputs,
            owned=self._context.owns(tags),
            retained=_PROTECTED if state.deletion_protection and not self._may_be_unprotected else None,
            contents=_contents(table),
        )

    @property
    def _may_be_unprotected(self) -> bool:
        return self._context.forced is not None and self._context.forced.protected

    def _tags(self, arn: str) -> dict[str, str]:
        pages = self._dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
        return {key: value for page in pages for key, value in tag_map(page["Tags"]).items()}

    def _ttl_attribute(self) -> str:
        answer = self._dynamodb.describe_time_to_live(TableName=self._name)
        expiry = answer["TimeToLiveDescription"]
        enabled = expiry.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        return expiry.get("AttributeName", "") if enabled else ""

    def _has_recovery(self) -> bool:
        answer = self._dynamodb.describe_continuous_backups(TableName=self._name)
        recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return recovery.get("PointInTimeRecoveryStatus") == "ENABLED"

    def create(self, desired: TableState) -> None:
        """Create it and set its expiry."""
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeySchema": key_schema(desired.partition_key, desired.sort_key),
            "AttributeDefinitions": attribute_definitions(desired),
            "BillingMode": "PAY_PER_REQUEST",
            "Tags": tag_list(desired.tags.of),
        }
        if desired.stream:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": desired.stream}
        if desired.indexes:
            request["GlobalSecondaryIndexes"] = [index_schema(index) for index in desired.indexes]
        if desired.kms_key:
            request["SSESpecification"] = _encryption(desired)
        if desired.deletion_protection is not None:
            request["DeletionProtectionEnabled"] = desired.deletion_protection
        self._busy.create_table(**request)
        self._made.describe_table(TableName=self._name)
        self._settled()
        self._switch_ttl(desired.ttl_attribute, on=True)
        if desired.point_in_time_recovery:
            self._put_recovery(desired)

    def update(self, desired: TableState, changes: Sequence[FieldChange]) -> None:
        """Set what differs; UpdateTable takes one kind of change a call and an active table."""
        for change in changes:
            match change.name:
                case "tags":
                    self._put_tags(change)
                case "ttl_attribute":
                    self._replace_ttl(change.current, desired)
                case "stream":
                    self._replace_stream(change.current, desired)
                case "billing_mode":
                    self._update(BillingMode=desired.billing_mode)
                case "kms_key":
                    self._update(SSESpecification=_encryption(desired))
                case "point_in_time_recovery":
                    self._put_recovery(desired)
                case "deletion_protection":
                    self._update(DeletionProtectionEnabled=desired.deletion_protection)
                case _:
                    self._add_indexes(desired)

    def _put_tags(self, change: FieldChange) -> None:
        arn = self._made.describe_table(TableName=self._name)["Table"]["TableArn"]
        put_tags(self._made, change, ResourceArn=arn)

    def _replace_ttl(self, current: str, desired: TableState) -> None:
        """Switch the expiry on; one on another attribute must be switched off first.

        DynamoDB takes one such change an hour (docs/aws-facts.md#dynamodb). Setup does not wait for that: the rest
        of the stack matters more, and the next setup finds it switched off.
        """
        try:
            if current:
                self._switch_ttl(current, on=False)
            self._switch_ttl(desired.ttl_attribute, on=True)
        except ClientError as error:
            if not TTL_CHANGED_LATELY.matches(error):
                raise
            self._patience.warn(f"expiry of {self._name}: changed less than an hour ago; run setup again then")

    def _switch_ttl(self, attribute: str, *, on: bool) -> None:
        self._made.update_time_to_live(
            TableName=self._name, TimeToLiveSpecification={"Enabled": on, "AttributeName": attribute}
        )

    def _put_recovery(self, desired: TableState) -> None:
        self._patience.over(
            self._dynamodb, (*BACKUPS_NOT_READY, *TABLE_NOT_YET), self._being_changed
        ).update_continuous_backups(
            TableName=self._name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": bool(desired.point_in_time_recovery)},
        )

    def _replace_stream(self, current: str, desired: TableState) -> None:
        """Switch the stream on; one of another view type can only be replaced (docs/aws-facts.md#dynamodb)."""
        if current:
            self._update(StreamSpecification={"StreamEnabled": False})
        if desired.stream:
            self._update(StreamSpecification={"StreamEnabled": True, "StreamViewType": desired.stream})

    def _add_indexes(self, desired: TableState) -> None:
        table = self._settled()
        present = _our_indexes(table) if table else ()
        for index in desired.indexes:
            if index not in present:
                self._update(
                    AttributeDefinitions=attribute_definitions(desired),
                    GlobalSecondaryIndexUpdates=[{"Create": index_schema(index)}],
                )

    def _update(self, **request: Any) -> None:  # noqa: ANN401 - passed on to boto3 as it is
        self._made.update_table(TableName=self._name, **request)
        self._settled()

    def delete(self) -> None:
        """Delete it with all its items, and wait until it is gone."""
        table = self._settled()
        if table is None:
            return
        with suppress_missing():
            if table.get("DeletionProtectionEnabled"):
                self._busy.update_table(TableName=self._name, DeletionProtectionEnabled=False)
                self._settled()
            self._busy.delete_table(TableName=self._name)
        self._patience.settled(
            self._describe,
            lambda table: None if table is None else f"TableStatus {table['TableStatus']}",
            f"table {self._name} to be gone",
        )


def _unsettled(table: TableDescriptionTypeDef | None) -> str | None:
    """Return the state that passes, in AWS's words; None if there is none such."""
    if table is None:
        return None
    if table["TableStatus"] != "ACTIVE":
        return f"TableStatus {table['TableStatus']}"
    indexes = table.get("GlobalSecondaryIndexes", [])
    states = [index.get("IndexStatus", "ACTIVE") for index in indexes]
    return next((f"IndexStatus {state}" for state in states if state != "ACTIVE"), None)


def _our_indexes(table: TableDescriptionTypeDef) -> tuple[IndexState, ...]:
    """Return the indexes that we make; an operator may add others, for other queries."""
    return tuple(
        IndexState(index["IndexName"], index["KeySchema"][0]["AttributeName"])
        for index in table.get("GlobalSecondaryIndexes", [])
        if index["IndexName"] == BY_DATE_INDEX
    )


def _key_of(table: TableDescriptionTypeDef) -> str:
    """Return the key that the operator chose; DynamoDB's own show no, or a switched off, encryption."""
    encryption = table.get("SSEDescription", {})
    return (
        encryption.get("KMSMasterKeyArn", "")
        if encryption.get("Status") in {"ENABLED", "ENABLING", "UPDATING"}
        else ""
    )


def _encryption(desired: TableState) -> Any:  # noqa: ANN401 - one of boto3's request shapes
    if not desired.kms_key:
        return {"Enabled": False}
    return {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": desired.kms_key}


def _contents(table: TableDescriptionTypeDef) -> str | None:
    # DynamoDB counts every six hours or so.
    count = table.get("ItemCount", 0)
    return (
        f"about {count:,} item{'s' * (count != 1)}, {size_text(table.get('TableSizeBytes', 0))}" if count else None
    )
