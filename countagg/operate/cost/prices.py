"""Prices: a dated table out of a file, and what AWS meters."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass

DEFAULT_REGION: Final = "us-east-1"


class Meter(StrEnum):
    """What AWS counts and bills."""

    S3_PUT = "s3-put"
    S3_GET = "s3-get"
    S3_STORAGE = "s3-storage"
    SNS_PUBLISH = "sns-publish"
    SQS_REQUEST = "sqs-request"
    LAMBDA_REQUEST = "lambda-request"
    LAMBDA_GB_SECOND = "lambda-gb-second"
    DYNAMODB_WRITE = "dynamodb-write"
    DYNAMODB_READ = "dynamodb-read"
    DYNAMODB_STORAGE = "dynamodb-storage"
    LOGS_INGEST = "logs-ingest"
    LOGS_STORAGE = "logs-storage"
    ALARM = "alarm"
    DASHBOARD = "dashboard"
    METRIC = "metric"

    @property
    def service(self) -> str:
        """The service on whose part of the bill it stands."""
        return _SERVICES[self.partition("-")[0]]

    @property
    def unit(self) -> str:
        """What is counted."""
        return _UNITS[self]


_SERVICES: Final = {
    "s3": "S3",
    "sns": "SNS",
    "sqs": "SQS",
    "lambda": "Lambda",
    "dynamodb": "DynamoDB",
    "logs": "CloudWatch",
    "alarm": "CloudWatch",
    "dashboard": "CloudWatch",
    "metric": "CloudWatch",
}
SERVICES: Final = tuple(dict.fromkeys(_SERVICES.values()))

_UNITS: Final = {
    Meter.S3_PUT: "PUT",
    Meter.S3_GET: "GET",
    Meter.S3_STORAGE: "GB-month",
    Meter.SNS_PUBLISH: "publish",
    Meter.SQS_REQUEST: "request",
    Meter.LAMBDA_REQUEST: "invocation",
    Meter.LAMBDA_GB_SECOND: "GB-second",
    Meter.DYNAMODB_WRITE: "write unit",
    Meter.DYNAMODB_READ: "read unit",
    Meter.DYNAMODB_STORAGE: "GB-month",
    Meter.LOGS_INGEST: "GB of logs",
    Meter.LOGS_STORAGE: "GB-month",
    Meter.ALARM: "alarm",
    Meter.DASHBOARD: "dashboard",
    Meter.METRIC: "metric",
}


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs, in USD, and where that is said."""

    usd: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a region.

    Attributes:
        region: whose prices they are.
        as_of: the date of the table, YYYY-MM-DD.
        of: the price of each meter.
    """

    region: str
    as_of: str
    of: Mapping[Meter, Price]


def read_prices(region: str, file: Path | None = None) -> Prices:
    """Read the prices of a region.

    Args:
        region: such as `us-east-1`. One that our own table does not know has the prices of `DEFAULT_REGION`, and
            the answer says so.
        file: another table; ours if left out.

    Raises:
        UsageError: the file is no table of prices, or has none for that region.
    """
    where = "prices" if file is None else str(file)
    table = _load(file)
    regions, equal = _table(table, "regions"), _table(table, "equal")
    if region not in regions and region not in equal:
        if file is not None:
            known = ", ".join(sorted([*regions, *equal])) or "none"
            raise UsageError(
                f"it has no prices for {region}", where=where, hint=f"it knows {known}; give --region"
            )
        region = DEFAULT_REGION
    try:
        found = regions[equal.get(region, region)]
        of = {meter: _price(found[meter]) for meter in Meter}
        return Prices(region, str(table["as_of"]), of)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise UsageError(
            f"it is not a table of prices: {error!r}",
            where=where,
            hint="each region needs every meter with usd, per and source, and the file as_of",
        ) from error


def _load(file: Path | None) -> dict[str, Any]:
    try:
        text = (
            files("countagg.operate.cost").joinpath("prices.toml").read_text()
            if file is None
            else file.read_text("utf-8")
        )
        return tomllib.loads(text, parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise UsageError(f"it cannot be read: {error}", where=str(file), hint="give a TOML file") from error


def _table(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def _price(entry: Mapping[str, Any]) -> Price:
    usd, per = Decimal(entry["usd"]), Decimal(entry["per"])
    if not (usd.is_finite() and usd >= 0 and per.is_finite() and per > 0):
        raise ValueError(f"{entry['usd']} USD per {entry['per']} is not a price")
    return Price(usd / per, str(entry["source"]))
