"""The article's second function: each change of an item becomes an update of the counter's sum.

`IMPROVED` says whether it follows the article's own advice: of the changes of one counter in a batch, only the
last one is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import boto3


@cache
def _totals() -> Any:
    return boto3.Session().resource("dynamodb").Table(os.environ["TOTALS_TABLE"])


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Sum the instances of each changed item."""
    images = [record["dynamodb"]["NewImage"] for record in event["Records"] if "NewImage" in record["dynamodb"]]
    if os.environ["IMPROVED"]:
        images = list({(image["Counter"]["S"], image["Date"]["S"]): image for image in images}.values())
    for image in images:
        values = image["Instances"]["M"].values()
        _totals().update_item(
            Key={"Counter": image["Counter"]["S"], "Date": image["Date"]["S"]},
            UpdateExpression="SET #value = :sum",
            ExpressionAttributeNames={"#value": "Value"},
            ExpressionAttributeValues={":sum": sum((Decimal(value["N"]) for value in values), Decimal())},
        )
