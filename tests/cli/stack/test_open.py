"""open: which addresses are shown, and that a browser gets the one that was asked for."""

from __future__ import annotations

import csv
import io
import webbrowser

import pytest

from tests.cli.account import ACCOUNT, BUCKET
from tests.cli.running import CommandLine

pytestmark = pytest.mark.usefixtures("stack")

CONSOLE = "https://console.aws.amazon.com"
GROUP = "$252Faws$252Flambda$252Fcountagg-publisher"


def test_without_a_part_all_are_listed(countagg: CommandLine) -> None:
    ran = countagg("open", "--output", "csv")
    assert ran.code == 0
    rows = list(csv.reader(io.StringIO(ran.out)))
    assert rows[0] == ["PART", "NAME", "ADDRESS"]
    assert [row[0] for row in rows[1:]] == ["bucket", *["function"] * 3, *["logs"] * 3, "dashboard"]
    assert ran.err == f"in account {ACCOUNT}, which the browser has to be signed in to\n"


def test_one_address_alone_is_printed_as_it_is(countagg: CommandLine) -> None:
    ran = countagg("open", "bucket")
    assert (ran.code, ran.out) == (0, f"{CONSOLE}/s3/buckets/{BUCKET}?region=us-east-1&prefix=counters/\n")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("function", "/lambda/home?region=us-east-1#/functions/countagg-publisher"),
        (
            "logs",
            f"/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/{GROUP}",
        ),
    ],
)
def test_a_function_and_its_logs_are_named_in_short(part: str, expected: str, countagg: CommandLine) -> None:
    assert countagg("open", part, "publisher").out == f"{CONSOLE}{expected}\n"


def test_the_document_says_account_and_region(countagg: CommandLine) -> None:
    ran = countagg("open", "dashboard", "--output", "json")
    assert ran.document == {
        "schema": 1,
        "stack": "countagg",
        "account": ACCOUNT,
        "region": "us-east-1",
        "addresses": [
            {
                "part": "dashboard",
                "name": "countagg-us-east-1",
                "url": f"{CONSOLE}/cloudwatch/home?region=us-east-1#dashboards/dashboard/countagg-us-east-1",
            }
        ],
    }
    assert "countagg setup --dashboard" in ran.err


@pytest.mark.parametrize("starts", [True, False])
def test_a_browser_opens_what_is_printed(
    countagg: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    starts: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    opened: list[str] = []

    def open_(url: str) -> bool:
        opened.append(url)
        return starts

    monkeypatch.setattr(webbrowser, "open", open_)
    ran = countagg("open", "function", "processor", "--browser")
    assert ran.code == (0 if starts else 1)
    assert ran.out == f"{opened[0]}\n"
    assert opened == [f"{CONSOLE}/lambda/home?region=us-east-1#/functions/countagg-processor"]
    assert ("no browser could be started" in ran.err) is not starts


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--browser",), 2, "--browser: there are 8 addresses"),
        (("logs", "--browser"), 2, "--browser: there are 3 addresses"),
        (("bucket", "publisher"), 2, "FUNCTION: there is one bucket of a stack"),
        (("function", "publsher"), 2, "FUNCTION: there is no function 'publsher'"),
        (("table",), 2, "table"),
        (("bucket", "--stack", "nowhere"), 5, "there is no stack 'nowhere'"),
        (("bucket", "--local"), 3, "--local: the embedded engine has no console"),
        (("bucket", "--endpoint-url", "http://127.0.0.1:1"), 3, "http://127.0.0.1:1: only AWS has a console"),
    ],
)
def test_what_has_no_address_is_said(
    arguments: tuple[str, ...], code: int, said: str, countagg: CommandLine
) -> None:
    ran = countagg("open", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
