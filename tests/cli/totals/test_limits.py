"""The limits commands: their forms and exit codes, on a stack without working functions."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from moto.awslambda_simple.models import lambda_simple_backends

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.totals.limits_commands import import_limits
from countagg.core.limits import Alert, AlertState, Direction
from countagg.core.values import SCALE
from countagg.data.limits import alert_item
from tests.cli.account import ACCOUNT, write_day
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine

DAY: Final = "2026-07-01"
TABLE: Final = "countagg-counters"


@pytest.fixture(autouse=True)
def _no_limits(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Let the stack have no limits, and one day."""
    write_day(DAY, {"i-1": {"COUNTER1": "191122", "COUNTER2": "0.5"}})
    yield
    for item in items():
        boto3.client("dynamodb").delete_item(
            TableName=TABLE, Key={"Counter": item["Counter"], "Date": item["Date"]}
        )


def items() -> list[Any]:
    return [dict(each) for each in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]]


def limits() -> dict[str, str]:
    return {item["Counter"]["S"]: item["Value"]["N"] for item in items() if item["Date"] == {"S": "limit"}}


def put_item(**item: Any) -> None:
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)


# set and unset


def test_a_limit_is_set_and_says_what_was_before(countagg: CommandLine) -> None:
    first = countagg("limits", "set", "COUNTER1", "100000")
    assert (first.code, first.out) == (0, "COUNTER1: limit 100,000\n")
    assert f"account    {ACCOUNT}" in first.err
    assert limits() == {"COUNTER1": "100000"}
    second = countagg("limits", "set", "COUNTER1", "200000.5", "--quiet")
    assert (second.code, second.out, second.err) == (0, "COUNTER1: limit 200,000.5, before 100,000\n", "")
    assert limits() == {"COUNTER1": "200000.5"}


def test_a_negative_limit_is_no_option(countagg: CommandLine) -> None:
    ran = countagg("limits", "set", "balance", "-0.25", "--output", "json")
    assert ran.code == 0
    assert ran.document == {
        "schema": 1,
        "stack": "countagg",
        "counter": "balance",
        "limit": Decimal("-0.25"),
        "direction": "above",
        "previous": None,
    }
    assert limits() == {"balance": "-0.25"}


def test_a_misspelt_option_is_still_one(countagg: CommandLine) -> None:
    ran = countagg("limits", "set", "balance", "5", "--outptu", "json")
    assert (ran.code, ran.out, limits()) == (2, "", {})


def test_a_limit_is_deleted_and_deleting_none_is_no_failure(countagg: CommandLine) -> None:
    countagg("limits", "set", "COUNTER1", "5")
    assert countagg("limits", "unset", "COUNTER1").out == "COUNTER1: no limit, before 5\n"
    assert limits() == {}
    again = countagg("limits", "unset", "COUNTER1")
    assert (again.code, again.out) == (0, "COUNTER1: no limit\n")
    document = countagg("limits", "unset", "COUNTER1", "--output", "json").document
    assert document == {
        "schema": 1,
        "stack": "countagg",
        "counter": "COUNTER1",
        "limit": None,
        "direction": "above",
        "previous": None,
    }
    ran = countagg("limits", "set", "COUNTER1", "6", "--output", "csv")
    assert ran.out == "COUNTER,LIMIT,DIRECTION,PREVIOUS\nCOUNTER1,6,above,\n"


@pytest.mark.parametrize("arguments", [("a b", "5"), ("a", "many"), ("a", "NaN"), ("", "5"), ("a", "1e-10")])
def test_what_breaks_the_rules_ends_with_2(arguments: tuple[str, str], countagg: CommandLine) -> None:
    ran = countagg("limits", "set", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("countagg: ")
    assert items() == []


@pytest.mark.parametrize("arguments", [("set", "a", "5"), ("unset", "a"), ("import", "limits.txt"), ("test", "a")])
def test_another_account_is_refused(arguments: tuple[str, ...], countagg: CommandLine) -> None:
    Path("limits.txt").write_text("a 1\n")
    put_item(Counter={"S": "a"}, Date={"S": "limit"}, Value={"N": "3"})
    assert countagg("limits", *arguments, "--expect-account", "999999999999").code == 3
    assert limits() == {"a": "3"}


@pytest.mark.parametrize(
    "arguments", [("set", "a", "5"), ("unset", "a"), ("list",), ("import", "limits.txt"), ("test", "a")]
)
def test_without_a_stack_it_ends_with_5(arguments: tuple[str, ...], countagg: CommandLine) -> None:
    Path("limits.txt").write_text("a 1\n")
    assert countagg("limits", *arguments, "--stack", "nowhere").code == 5


# below


def test_a_limit_below_stands_beside_the_one_above_and_says_when_it_is_told(countagg: CommandLine) -> None:
    countagg("limits", "set", "COUNTER1", "200000")
    ran = countagg("limits", "set", "COUNTER1", "100", "--below")
    assert (ran.code, ran.out) == (0, "COUNTER1: limit below 100\n")
    assert "what never reaches the limit is not told" in ran.err
    assert limits() == {"COUNTER1": "200000", "COUNTER1 below": "100"}
    document = countagg("limits", "unset", "COUNTER1", "--below", "--output", "json").document
    assert (document["direction"], document["limit"], document["previous"]) == ("below", None, 100)
    assert limits() == {"COUNTER1": "200000"}


def test_the_list_tells_what_fell_from_what_never_rose(countagg: CommandLine) -> None:
    for name, value in (("COUNTER1", "200000"), ("COUNTER2", "1"), ("nobodys", "1")):
        countagg("limits", "set", name, value, "--below")
    reached = Alert(DAY, "COUNTER1", 200_000 * SCALE, 200_001 * SCALE, 3, Direction.BELOW)
    put_item(**alert_item(reached, AlertState.REACHED, 0))
    ran = countagg("limits", "list", "--date", DAY)
    assert ran.out.splitlines()[1:] == [
        "COUNTER1  200,000  below      191,122  yes          -",
        "COUNTER2        1  below          0.5  not reached  -",
        "nobodys         1  below            -  not reached  -",
    ]
    assert ran.err == f"what is passed and not yet told is told with the next change of {DAY}\n"
    found = countagg("limits", "list", "--date", DAY, "--output", "json").document["limits"]
    assert [(each["counter"], each["reached"], each["passed"]) for each in found] == [
        ("COUNTER1", True, True),
        ("COUNTER2", False, False),
        ("nobodys", False, False),
    ]


def test_what_is_listed_can_be_imported(countagg: CommandLine) -> None:
    countagg("limits", "set", "COUNTER1", "200000")
    countagg("limits", "set", "COUNTER1", "0.5", "--below")
    before, chosen = limits(), "limits[].[counter, limit, direction]"
    listed = countagg("limits", "list", "--output", "text", "--query", chosen)
    Path("limits.txt").write_text(listed.out)
    countagg("limits", "unset", "COUNTER1")
    countagg("limits", "unset", "COUNTER1", "--below")
    assert countagg("limits", "import", "limits.txt").code == 0
    assert limits() == before


# test


@pytest.fixture
def publisher() -> list[str]:
    """Return what moto's functions answer, one after the other."""
    answers: list[str] = lambda_simple_backends[ACCOUNT]["us-east-1"].lambda_simple_results_queue
    answers.clear()
    return answers


def test_a_test_is_sent_by_the_publisher_and_tells_who_hears_it(
    countagg: CommandLine, publisher: list[str]
) -> None:
    countagg("limits", "set", "COUNTER1", "200000")
    before = items()
    sns, topic = boto3.client("sns"), f"arn:aws:sns:us-east-1:{ACCOUNT}:countagg-alerts"
    publisher += ['"id-1"'] * 2
    nobody = countagg("limits", "test", "COUNTER1", "--date", DAY)
    assert (nobody.code, nobody.out) == (
        0,
        f"sent: [TEST] Limit passed: COUNTER1 is above 200000 on {DAY}\nconfirmed subscribers: nobody\n",
    )
    assert nobody.err.endswith("nobody hears alerts; `countagg subscribe email ADDRESS` subscribes somebody\n")
    for number in (1, 2):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q{number}")
    ran = countagg("limits", "test", "COUNTER1", "--date", DAY, "--output", "json")
    for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert ran.document == {
        "schema": 1,
        "stack": "countagg",
        "counter": "COUNTER1",
        "limit": 200000,
        "direction": "above",
        "subject": f"[TEST] Limit passed: COUNTER1 is above 200000 on {DAY}",
        "message_id": "id-1",
        "subscribers": {"confirmed": 2, "by_protocol": {"sqs": 2}, "unconfirmed": 0},
    }
    assert items() == before


def test_the_limit_below_is_tested_where_it_is_asked_for_or_the_only_one(
    countagg: CommandLine, publisher: list[str]
) -> None:
    countagg("limits", "set", "COUNTER1", "5", "--below")
    publisher += ['"id-1"'] * 3
    assert "has fallen below 5" in countagg("limits", "test", "COUNTER1", "--date", DAY).out
    countagg("limits", "set", "COUNTER1", "7")
    assert "is above 7" in countagg("limits", "test", "COUNTER1", "--date", DAY).out
    assert "has fallen below 5" in countagg("limits", "test", "COUNTER1", "--below", "--date", DAY).out


def test_without_a_limit_there_is_nothing_to_test(countagg: CommandLine) -> None:
    countagg("limits", "set", "COUNTER1", "7")
    ran = countagg("limits", "test", "COUNTER1", "--below")
    assert (ran.code, ran.out) == (1, "")
    assert "counter COUNTER1: there is no valid limit below" in ran.err
    assert "countagg limits list" in ran.err


def test_an_answer_that_is_no_message_is_a_failure(countagg: CommandLine, publisher: list[str]) -> None:
    countagg("limits", "set", "COUNTER1", "7")
    publisher.append("null")
    ran = countagg("limits", "test", "COUNTER1")
    assert (ran.code, ran.out) == (1, "")
    assert "function countagg-publisher: the test was not sent" in ran.err


# list


def test_limits_are_listed_beside_the_totals(countagg: CommandLine) -> None:
    for name, value in (("COUNTER2", "0.5"), ("COUNTER1", "100000"), ("nobodys", "1")):
        countagg("limits", "set", name, value)
    alert = Alert(DAY, "COUNTER1", 100_000 * SCALE, 191_122 * SCALE, 3)
    put_item(**alert_item(alert, AlertState.SENT, 0), SentAt={"S": "2026-07-01T10:00:02+00:00"})
    ran = countagg("limits", "list", "--date", DAY)
    assert (ran.code, ran.err) == (0, "")
    assert [re.sub(r"\d+ d ago", "AGE", line) for line in ran.out.splitlines()] == [
        "COUNTER     LIMIT  DIRECTION    VALUE  PASSED  ALERTED",
        "COUNTER1  100,000  above      191,122  yes     2026-07-01T10:00:02Z, AGE",
        "COUNTER2      0.5  above          0.5  no      -",
        "nobodys         1  above            -  no      -",
    ]
    assert countagg("limits", "list", "--date", DAY, "--output", "json").document == {
        "schema": 1,
        "date": DAY,
        "version": 7,
        "limits": [
            {
                "counter": "COUNTER1",
                "limit": 100000,
                "direction": "above",
                "value": 191122,
                "reached": None,
                "passed": True,
                "alerted_at": "2026-07-01T10:00:02+00:00",
                "problem": None,
            },
            {
                "counter": "COUNTER2",
                "limit": Decimal("0.5"),
                "direction": "above",
                "value": Decimal("0.5"),
                "reached": None,
                "passed": False,
                "alerted_at": None,
                "problem": None,
            },
            {
                "counter": "nobodys",
                "limit": 1,
                "direction": "above",
                "value": None,
                "reached": None,
                "passed": False,
                "alerted_at": None,
                "problem": None,
            },
        ],
    }
    assert countagg("limits", "list", "--date", DAY, "--output", "csv").out.splitlines() == [
        "COUNTER,LIMIT,DIRECTION,VALUE,PASSED,ALERTED",
        "COUNTER1,100000,above,191122,yes,2026-07-01T10:00:02+00:00",
        "COUNTER2,0.5,above,0.5,no,",
        "nobodys,1,above,,no,",
    ]


def test_what_is_passed_and_not_told_is_said(countagg: CommandLine) -> None:
    countagg("limits", "set", "COUNTER1", "5")
    ran = countagg("limits", "list", "--date", DAY)
    assert ran.err == f"what is passed and not yet told is told with the next change of {DAY}\n"
    put_item(**alert_item(Alert(DAY, "COUNTER1", 5 * SCALE, 6 * SCALE, 3), AlertState.SENDING, 0))
    assert countagg("limits", "list", "--date", DAY).out.splitlines()[1].split()[-2:] == ["yes", "sending"]


def test_an_invalid_limit_is_listed_with_what_is_wrong(countagg: CommandLine) -> None:
    put_item(Counter={"S": "COUNTER1"}, Date={"S": "limit"}, Value={"S": "5"})
    ran = countagg("limits", "list", "--date", DAY)
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["COUNTER1", "-", "above", "191,122", "no", "-"]
    assert ran.err == "invalid: COUNTER1: the limit has no number as its Value\n"
    [found] = countagg("limits", "list", "--output", "json").document["limits"]
    assert (found["limit"], found["problem"]) == (None, "the limit has no number as its Value")


def test_the_list_is_of_today_unless_a_date_is_given_and_may_be_empty(countagg: CommandLine) -> None:
    ran = countagg("limits", "list")
    assert (ran.code, ran.out) == (0, "no limits\n")
    document = countagg("limits", "list", "--output", "json").document
    assert document["date"] == datetime.now(UTC).date().isoformat()
    assert (document["version"], document["limits"]) == (0, [])


# import


def test_a_file_of_limits_is_imported_whole_and_others_stay(countagg: CommandLine) -> None:
    countagg("limits", "set", "other", "1")
    names = [f"c{number:02d}" for number in range(30)]
    Path("limits.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(f"{name} 5.50" for name in names).encode())
    ran = countagg("limits", "import", "limits.txt")
    assert (ran.code, ran.out) == (0, "30 limits set\n")
    assert limits() == dict.fromkeys(names, "5.5") | {"other": "1"}


def test_the_forms_of_an_import(countagg: CommandLine) -> None:
    Path("limits.txt").write_text("b 0.25\na 5\na 1 below\n")
    ran = countagg("limits", "import", "limits.txt", "--output", "json")
    assert ran.document == {
        "schema": 1,
        "stack": "countagg",
        "limits": [
            {"counter": "a", "limit": 5, "direction": "above"},
            {"counter": "a", "limit": 1, "direction": "below"},
            {"counter": "b", "limit": Decimal("0.25"), "direction": "above"},
        ],
    }
    assert countagg("limits", "import", "limits.txt", "--output", "csv").out == (
        "COUNTER,LIMIT,DIRECTION\na,5,above\na,1,below\nb,0.25,above\n"
    )


def test_a_file_with_a_wrong_line_sets_nothing(countagg: CommandLine) -> None:
    Path("limits.txt").write_text("a 5\nb many\n")
    ran = countagg("limits", "import", "limits.txt")
    assert (ran.code, ran.out) == (2, "")
    assert "limits.txt, line 2: value 'many' is not a decimal number" in ran.err
    assert items() == []


@pytest.mark.parametrize(("name", "reason"), [("nowhere", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_ends_with_2(name: str, reason: str, countagg: CommandLine) -> None:
    ran = countagg("limits", "import", name)
    assert (ran.code, reason in ran.err) == (2, True)


def test_an_empty_file_sets_nothing_and_is_no_failure(countagg: CommandLine) -> None:
    Path("limits.txt").write_text("\n")
    ran = countagg("limits", "import", "limits.txt")
    assert (ran.code, ran.out, items()) == (0, "0 limits set\n", [])


def test_limits_come_from_the_standard_input_too() -> None:
    stdin, out = io.TextIOWrapper(io.BytesIO(b"a 5\n")), io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stdin=stdin, stdout=out, stderr=io.StringIO())
    import_limits(session, Path("-"))
    assert (out.getvalue(), limits()) == ("1 limit set\n", {"a": "5"})
