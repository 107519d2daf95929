"""The self-test as a whole: under its own policy on a stack of its own, and on a stack that is there already."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from countagg.core.names import Names
from countagg.data.limits import LimitsTable
from countagg.local import EngineRecord
from countagg.operate.selftest.bench import COUNTER
from countagg.operate.selftest.selftest import THROW_AWAY
from tests.embedded.people import Person
from tests.embedded.world import CommandLine, DeployedStack, Ran, engine_clients

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

PATIENT = ("--timeout", "300", "--yes", "--output", "json")


@pytest.fixture(scope="module")
def tester(engine: EngineRecord, command_line: CommandLine) -> Person:
    """Give somebody who has the printed policy and nothing else."""
    policy = command_line("permissions", "print", "--role", "selftest").out
    iam = engine_clients(engine).iam
    iam.create_user(UserName="tester")
    iam.put_user_policy(UserName="tester", PolicyName="printed", PolicyDocument=policy)
    keys = iam.create_access_key(UserName="tester")["AccessKey"]
    return Person(engine, command_line, (keys["AccessKeyId"], keys["SecretAccessKey"]))


def outcomes(ran: Ran) -> dict[str, str]:
    return {each["step"]: each["outcome"] for each in ran.json()["steps"]}


def test_a_stack_of_its_own_comes_works_and_goes(tester: Person, engine: EngineRecord, tmp_path: Path) -> None:
    ran = tester("selftest", *PATIENT, "--save", str(tmp_path / "report.json"), code=None)

    assert set(outcomes(ran).values()) == {"passed"}, ran.out + ran.err
    assert ran.code == 0
    found = ran.json()
    assert (found["engine"], found["ok"], found["left_over"]) == ("embedded", True, False)
    assert found["usd_at_most"] is None
    facts = {each["step"]: each["facts"] for each in found["steps"]}
    assert facts["setup"]["created"] > 30
    assert facts["versioning"]["gets"] == 20
    assert list(next(each["hops"] for each in found["steps"] if each["step"] == "limit")) == [
        "snapshot",
        "ledger",
        "table",
        "object",
        "alert",
    ]
    written = (tmp_path / "report.json").read_text()
    assert [name for name in (THROW_AWAY, "000000000000", "arn:", "127.0.0.1", "tester") if name in written] == []
    clients = engine_clients(engine)
    names = Names(THROW_AWAY)
    assert names.totals not in clients.dynamodb.list_tables()["TableNames"]
    assert [each["Name"] for each in clients.s3.list_buckets()["Buckets"] if THROW_AWAY in each["Name"]] == []


def test_a_stack_that_is_there_is_tested_and_left_as_it_was(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-bad", "A x\n")
    stack.put(day, "i-1", "A 5\n")
    stack.wait_for_totals(day, {"A": 5})

    ran = stack.run("selftest", *PATIENT, code=None)

    assert set(outcomes(ran).values()) == {"passed"}, ran.out + ran.err
    assert ran.code == 0
    (used,) = re.findall(r"files of two instances for (\S+), which has none", ran.err)
    assert stack.totals(used) == {}
    assert stack.published(used)[COUNTER][0] == "0"
    assert stack.clients.s3.list_objects_v2(Bucket=stack.bucket, Prefix=f"counters/{used}/")["KeyCount"] == 0
    assert COUNTER not in {each.counter for each in LimitsTable(stack.clients, Names(stack.name).counters).read()}
    # What others left there is there still.
    assert stack.totals(day) == {"A": 5}
    stack.wait_for_refusal(stack.key(day, "i-bad"))
    # No other test is to work on that day.
    while stack.new_day() > used:
        pass
