from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from countagg.core.names import Names
from countagg.provision.console import ConsolePart, console_addresses
from countagg.provision.place import PARTITIONS, Place


def urls(place: Place, prefix: str = "counters/") -> dict[tuple[ConsolePart, str], str]:
    found = console_addresses(Names("fleet"), place, "my-counters", prefix)
    return {(each.part, each.name): each.url for each in found}


def test_each_part_has_its_page() -> None:
    console = "https://console.aws.amazon.com"
    cloudwatch = f"{console}/cloudwatch/home?region=eu-central-1#"
    functions = ("fleet-processor", "fleet-aggregator", "fleet-publisher")
    assert urls(Place("123456789012", "eu-central-1")) == {
        (
            ConsolePart.BUCKET,
            "my-counters",
        ): f"{console}/s3/buckets/my-counters?region=eu-central-1&prefix=counters/",
        **{
            (ConsolePart.FUNCTION, name): f"{console}/lambda/home?region=eu-central-1#/functions/{name}"
            for name in functions
        },
        **{
            (ConsolePart.LOGS, f"/aws/lambda/{name}"): (
                f"{cloudwatch}logsV2:log-groups/log-group/$252Faws$252Flambda$252F{name}"
            )
            for name in functions
        },
        (ConsolePart.DASHBOARD, "fleet-eu-central-1"): f"{cloudwatch}dashboards/dashboard/fleet-eu-central-1",
    }


@pytest.mark.parametrize(
    ("region", "partition", "host"),
    [
        ("cn-north-1", "aws-cn", "console.amazonaws.cn"),
        ("us-gov-west-1", "aws-us-gov", "console.amazonaws-us-gov.com"),
    ],
)
def test_other_partitions_have_consoles_of_their_own(region: str, partition: str, host: str) -> None:
    found = urls(Place("123456789012", region, partition)).values()
    assert {urlsplit(each).hostname for each in found} == {host}
    assert all(f"region={region}" in each for each in found)


def test_every_partition_that_setup_knows_has_a_console() -> None:
    for partition in PARTITIONS:
        assert len(urls(Place("123456789012", "some-region-1", partition))) == 8


def test_a_prefix_is_quoted() -> None:
    place = Place("123456789012", "eu-central-1")
    assert urls(place, "a b&c/")[ConsolePart.BUCKET, "my-counters"].endswith("&prefix=a%20b%26c/")
