"""Keys and indexes of a table in DynamoDB's own words, which CloudFormation shares."""

from __future__ import annotations

from typing import Any

from countagg.provision.states import IndexState, TableState


def key_schema(partition_key: str, sort_key: str = "") -> list[Any]:
    """Return the keys of a table or an index; an empty sort key is none."""
    schema = [{"AttributeName": partition_key, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": sort_key, "KeyType": "RANGE"}] if sort_key else schema


def attribute_definitions(table: TableState) -> list[Any]:
    """Return what every attribute is that is a key somewhere: a string."""
    names = {table.partition_key, table.sort_key, *(index.partition_key for index in table.indexes)}
    return [{"AttributeName": name, "AttributeType": "S"} for name in sorted(names) if name]


def index_schema(index: IndexState) -> Any:  # noqa: ANN401 - as DynamoDB takes it
    """Return an index with all attributes."""
    return {
        "IndexName": index.name,
        "KeySchema": key_schema(index.partition_key),
        "Projection": {"ProjectionType": "ALL"},
    }
