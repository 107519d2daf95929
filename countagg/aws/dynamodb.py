"""DynamoDB: tables with their stream and expiry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of
from countagg.aws.session import tag_list, tag_map
from countagg.aws.waiting import TABLE_BUSY, Patience
from countagg.core.names import BY_DATE_INDEX, OWNER_TAG
from countagg.provision.identities import TableId
from countagg.provision.reconcile import FieldChange, Observed, Tags
from countagg.provision.states import IndexState, TableState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

_MISSING = "ResourceNotFoundException"
# A stream of another type is replaced by one with another ARN, so its own is of no use to anybody.
_FULL_STREAM = "NEW_AND_OLD_IMAGES"


class Table:
    """A table, on demand, all of whose keys are strings."""

    def __init__(self, dynamodb: DynamoDBClient, identity: TableId, stack: str, patience: Patience) -> None:
        self._dynamodb = dynamodb
        self._name = identity.name
        self._stack = stack
        self._patience = patience

    def _describe(self) -> TableDescriptionTypeDef | None:
        try:
            return self._dynamodb.describe_table(TableName=self._name)["Table"]
        except ClientError as error:
            if code_of(error) == _MISSING:
                return None
            raise

    def _settled(self) -> TableDescriptionTypeDef | None:
        """Return the table once it is neither being made, changed nor deleted."""
        found: list[TableDescriptionTypeDef | None] = []

        def is_settled() -> bool:
            table = self._describe()
            found.append(table)
            if table is None:
                return True
            indexes = table.get("GlobalSecondaryIndexes", [])
            return table["TableStatus"] == "ACTIVE" and all(
                index.get("IndexStatus", "ACTIVE") == "ACTIVE" for index in indexes
            )

        self._patience.until(is_settled, f"table {self._name} to become active, or to be gone")
        return found[-1]

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
            stream=stream.get("StreamViewType", "") if stream.get("StreamEnabled") else "",
            ttl_attribute=self._ttl_attribute(),
            tags=Tags(tags),
        )
        outputs = {"stream_arn": table["LatestStreamArn"]} if state.stream == _FULL_STREAM else {}
        return Observed(state, outputs, owned=tags.get(OWNER_TAG) == self._stack)

    def _tags(self, arn: str) -> dict[str, str]:
        pages = self._dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
        return {key: value for page in pages for key, value in tag_map(page["Tags"]).items()}

    def _ttl_attribute(self) -> str:
        answer = self._dynamodb.describe_time_to_live(TableName=self._name)
        found = answer["TimeToLiveDescription"]
        enabled = found.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        return found.get("AttributeName", "") if enabled else ""

    def create(self, desired: TableState) -> None:
        """Create it and set its expiry."""
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeySchema": _key_schema(desired.partition_key, desired.sort_key),
            "AttributeDefinitions": _attribute_definitions(desired),
            "BillingMode": "PAY_PER_REQUEST",
            "Tags": tag_list(desired.tags.of),
        }
        if desired.stream:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": desired.stream}
        if desired.indexes:
            request["GlobalSecondaryIndexes"] = [_index(index) for index in desired.indexes]
        self._call(lambda: self._dynamodb.create_table(**request))
        self._settled()
        self._put_ttl(desired)

    def _call(self, action: Any) -> None:  # noqa: ANN401 - any call without arguments
        self._patience.call(action, TABLE_BUSY, f"table {self._name}, being changed")

    def update(self, desired: TableState, changes: Sequence[FieldChange]) -> None:
        """Set what differs; UpdateTable takes one kind of change a call and an active table."""
        for change in changes:
            match change.name:
                case "tags":
                    arn = self._dynamodb.describe_table(TableName=self._name)["Table"]["TableArn"]
                    self._dynamodb.tag_resource(ResourceArn=arn, Tags=tag_list(desired.tags.of))
                case "ttl_attribute":
                    self._put_ttl(desired)
                case "stream":
                    self._replace_stream(str(change.current), desired)
                case _:
                    self._add_indexes(desired)

    def _put_ttl(self, desired: TableState) -> None:
        self._dynamodb.update_time_to_live(
            TableName=self._name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": desired.ttl_attribute},
        )

    def _replace_stream(self, current: str, desired: TableState) -> None:
        """Switch the stream on; one of another view type can only be replaced (AWS-FACTS section 5)."""
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
                    AttributeDefinitions=_attribute_definitions(desired),
                    GlobalSecondaryIndexUpdates=[{"Create": _index(index)}],
                )

    def _update(self, **request: Any) -> None:  # noqa: ANN401 - passed on to boto3 as it is
        self._call(lambda: self._dynamodb.update_table(TableName=self._name, **request))
        self._settled()

    def delete(self) -> None:
        """Delete it with all its items, and wait until it is gone."""
        if self._settled() is None:
            return
        try:
            self._call(lambda: self._dynamodb.delete_table(TableName=self._name))
        except ClientError as error:
            if code_of(error) != _MISSING:
                raise
        self._patience.until(lambda: self._describe() is None, f"table {self._name} to be gone")


def _our_indexes(table: TableDescriptionTypeDef) -> tuple[IndexState, ...]:
    """Return the indexes that we make; an operator may add others, for other queries."""
    return tuple(
        IndexState(index["IndexName"], index["KeySchema"][0]["AttributeName"])
        for index in table.get("GlobalSecondaryIndexes", [])
        if index["IndexName"] == BY_DATE_INDEX
    )


def _key_schema(partition_key: str, sort_key: str = "") -> list[Any]:
    schema = [{"AttributeName": partition_key, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": sort_key, "KeyType": "RANGE"}] if sort_key else schema


def _attribute_definitions(desired: TableState) -> list[Any]:
    names = {desired.partition_key, desired.sort_key, *(index.partition_key for index in desired.indexes)}
    return [{"AttributeName": name, "AttributeType": "S"} for name in sorted(names) if name]


def _index(index: IndexState) -> Any:  # noqa: ANN401 - one of boto3's request shapes
    return {
        "IndexName": index.name,
        "KeySchema": _key_schema(index.partition_key),
        "Projection": {"ProjectionType": "ALL"},
    }
