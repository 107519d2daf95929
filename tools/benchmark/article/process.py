"""The article's first function: a file becomes one item a counter, with a map of its instances' values.

SNS calls it for each file. `IMPROVED` says whether it follows the article's own advice: read the items in batches
first, and update only values that changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import ClientError

_ITEMS_AT_ONCE = 100


@cache
def _state() -> Any:
    return boto3.Session().resource("dynamodb").Table(os.environ["STATE_TABLE"])


@cache
def _s3() -> Any:
    return boto3.Session().client("s3")


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Apply the files that a notification of SNS names."""
    for notification in event["Records"]:
        for record in json.loads(notification["Sns"]["Message"]).get("Records", []):
            _apply(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))


def _apply(bucket: str, key: str) -> None:
    day, name = key.split("/")[-2:]
    instance = name.removeprefix("values_")
    content = _s3().get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    counters = {name: Decimal(value) for name, value in map(str.split, content.splitlines())}
    if os.environ["IMPROVED"]:
        counters = _changed(day, instance, counters)
    for counter, value in counters.items():
        _update(day, counter, instance, value)


def _update(day: str, counter: str, instance: str, value: Decimal) -> None:
    """Store a value: one call makes the item with its map if there is none, the other sets the instance's value.

    The map must be there before a value in it can be set. The article makes both calls for every value; its advice
    is to make the first one only where the second finds no map.
    """
    key = {"Counter": counter, "Date": day}
    if not os.environ["IMPROVED"]:
        _create(key)
    try:
        _set(key, instance, value)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException" or not os.environ["IMPROVED"]:
            raise
        _create(key)
        _set(key, instance, value)


def _create(key: Mapping[str, str]) -> None:
    try:
        _state().update_item(
            Key=key,
            UpdateExpression="SET Instances = :empty",
            ConditionExpression="attribute_not_exists(Instances)",
            ExpressionAttributeValues={":empty": {}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _set(key: Mapping[str, str], instance: str, value: Decimal) -> None:
    try:
        _state().update_item(
            Key=key,
            UpdateExpression="SET Instances.#instance = :value",
            ConditionExpression="attribute_not_exists(Instances.#instance) OR Instances.#instance <> :value",
            ExpressionAttributeNames={"#instance": instance},
            ExpressionAttributeValues={":value": value},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _changed(day: str, instance: str, counters: Mapping[str, Decimal]) -> dict[str, Decimal]:
    known: dict[str, Mapping[str, Decimal]] = {}
    names = list(counters)
    for start in range(0, len(names), _ITEMS_AT_ONCE):
        known |= _read(day, names[start : start + _ITEMS_AT_ONCE])
    return {counter: value for counter, value in counters.items() if known.get(counter, {}).get(instance) != value}


def _read(day: str, names: Sequence[str]) -> dict[str, Mapping[str, Decimal]]:
    table = _state()
    keys: list[dict[str, str]] = [{"Counter": name, "Date": day} for name in names]
    found: dict[str, Mapping[str, Decimal]] = {}
    while keys:
        answer = table.meta.client.batch_get_item(
            RequestItems={table.name: {"Keys": keys, "ConsistentRead": True}}
        )
        found |= {item["Counter"]: item["Instances"] for item in answer["Responses"][table.name]}
        keys = answer.get("UnprocessedKeys", {}).get(table.name, {}).get("Keys", [])
    return found
