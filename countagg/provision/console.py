"""Addresses of AWS's console that show the parts of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.provision.dashboard import dashboard_name
from countagg.provision.place import Place

_HOSTS: Final = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
"""By partition (AWS Management Console, AWS GovCloud (US) and Amazon Web Services in China, their user guides)."""


class ConsolePart(StrEnum):
    """A part of a stack that the console shows."""

    BUCKET = "bucket"
    FUNCTION = "function"
    LOGS = "logs"
    DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the console shows a part of a stack.

    Attributes:
        part: of the stack.
        name: of the bucket, the function, the log group or the dashboard.
        url: its page.
    """

    part: ConsolePart
    name: str
    url: str


def console_addresses(names: Names, place: Place, bucket: str, prefix: str) -> Iterator[Address]:
    """Yield the addresses of all parts of a stack, functions and their logs in the order of the data.

    Args:
        names: of the stack.
        place: where it is.
        bucket: that instances upload to.
        prefix: of their files.
    """
    site, region = f"https://{_HOSTS[place.partition]}", place.region
    cloudwatch = f"{site}/cloudwatch/home?region={region}#"
    yield Address(ConsolePart.BUCKET, bucket, f"{site}/s3/buckets/{bucket}?region={region}&prefix={quote(prefix)}")
    for function in names.functions.values():
        yield Address(ConsolePart.FUNCTION, function, f"{site}/lambda/home?region={region}#/functions/{function}")
    for function in names.functions.values():
        group = Names.log_group(function)
        yield Address(ConsolePart.LOGS, group, f"{cloudwatch}logsV2:log-groups/log-group/{_in_fragment(group)}")
    dashboard = dashboard_name(names, region)
    yield Address(ConsolePart.DASHBOARD, dashboard, f"{cloudwatch}dashboards/dashboard/{dashboard}")


def _in_fragment(name: str) -> str:
    """Quote a name as the console of CloudWatch Logs does: twice, with a dollar sign for the percent sign."""
    return quote(quote(name, safe=""), safe="").replace("%", "$")
