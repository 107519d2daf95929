"""Test counters: they are not mixed with others unasked, and can be taken out again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import boto3
import pytest

from tests.cli.account import BUCKET, write_day
from tests.cli.running import CommandLine, at_terminal

NOW: Final = datetime.now(UTC)
MIXED: Final = f"{NOW - timedelta(days=3):%F}"
ALONE: Final = f"{NOW - timedelta(days=4):%F}"
REMOVED: Final = f"{NOW - timedelta(days=5):%F}"
EMPTY: Final = f"{NOW - timedelta(days=6):%F}"
TOLD: Final = f"{MIXED} has counters of 2 other instances, such as web-1\n"


def files_of(day: str) -> int:
    return int(boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"counters/{day}/")["KeyCount"])


@pytest.fixture(scope="module")
def days(stack: None) -> None:  # noqa: ARG001 - it must be there
    """Give the stack a day of a fleet, and one of samples."""
    write_day(MIXED, {"web-1": {"A": "1"}, "web-2": {"A": "2"}, "i-deadbeef": {"COUNTER1": "5"}})
    write_day(ALONE, {"i-deadbeef": {"COUNTER1": "5"}, "i-00000001": {"COUNTER1": "5"}})


@pytest.mark.usefixtures("days")
def test_a_day_of_a_fleet_gets_no_test_counters_unasked(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = countagg("upload-sample", "--date", MIXED)
    at_terminal(monkeypatch, "no\n")
    declined = countagg("upload-sample", "--date", MIXED)

    assert (unasked.code, declined.code) == (2, 8)
    assert unasked.err.startswith(f"{TOLD}countagg: --yes: ")
    assert declined.err.startswith(f"{TOLD}Add test counters to their totals? Type 'yes' to go on: ")
    assert files_of(MIXED) == 0


@pytest.mark.usefixtures("days")
def test_agreed_beforehand_they_are_added(countagg: CommandLine) -> None:
    ran = countagg("upload-sample", "--date", MIXED, "--yes")

    assert ran.code == 0
    assert files_of(MIXED) == 4


@pytest.mark.usefixtures("days")
def test_on_a_day_of_test_counters_nobody_is_asked(countagg: CommandLine) -> None:
    assert countagg("upload-sample", "--date", ALONE).code == 0
    assert countagg("upload-sample", "--date", ALONE, "--instances", "3").code == 0
    assert files_of(ALONE) == 7


@pytest.mark.usefixtures("days")
def test_what_was_uploaded_is_removed_and_nothing_else(countagg: CommandLine) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{REMOVED}/values_web-1", Body=b"A 1\n")
    assert countagg("upload-sample", "--date", REMOVED).code == 0
    assert files_of(REMOVED) == 5

    removed = countagg("upload-sample", "--date", REMOVED, "--remove", "--output", "json")

    assert (removed.code, removed.document) == (0, {"schema": 1, "date": REMOVED, "removed": 4})
    assert files_of(REMOVED) == 1


@pytest.mark.usefixtures("days")
def test_on_a_day_without_them_there_is_nothing_to_remove(countagg: CommandLine) -> None:
    told = countagg("upload-sample", "--date", EMPTY, "--remove")
    document = countagg("upload-sample", "--date", EMPTY, "--remove", "--output", "json").document

    assert (told.code, told.out) == (0, f"nothing to take out of the totals of {EMPTY}\n")
    assert document == {"schema": 1, "date": EMPTY, "removed": 0}


@pytest.mark.usefixtures("days")
def test_a_removal_that_the_totals_do_not_follow_is_told(countagg: CommandLine) -> None:
    ran = countagg("upload-sample", "--date", ALONE, "--instances", "1", "--remove", "--timeout", "0")

    assert (ran.code, ran.out) == (9, "")
    assert "the totals still include some of 1 instance after 0 s" in ran.err
