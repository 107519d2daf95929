"""The statements that the publisher really sends, against what AWS's documentation asks for them.

The embedded engine checks the call that carries the statements; DynamoDB checks each statement by its verb
(developer guide, "IAM security policies with PartiQL for DynamoDB").
"""

from __future__ import annotations

from typing import Final

from countagg.data.counters import CountersTable
from tests.fakes.partiql import FakeTable
from tests.functions.world import clients_of
from tests.provision.stacks import make_stack

TABLE: Final = "countagg-counters"
ACTIONS: Final = {
    "SELECT": "dynamodb:PartiQLSelect",
    "INSERT": "dynamodb:PartiQLInsert",
    "UPDATE": "dynamodb:PartiQLUpdate",
    "DELETE": "dynamodb:PartiQLDelete",
}


def statements_sent() -> list[str]:
    """Return every statement of writes that find no item, an older one and a newer one."""
    table = FakeTable(TABLE)
    counters = CountersTable(clients_of(dynamodb=table), TABLE)
    for version in (2, 3, 1):
        counters.write("2026-07-01", version, {"A": version, "B": version}, 1)
    return [statement for call in table.calls for statement in call]


def test_exactly_the_verbs_that_are_sent_are_granted_on_the_table_that_they_name() -> None:
    policy = make_stack().policy("publisher")
    (granted,) = [each for each in policy["Statement"] if each["Sid"] == "WriteCounters"]
    sent = statements_sent()
    assert {ACTIONS[statement.split()[0]] for statement in sent} == set(granted["Action"])
    assert granted["Resource"].endswith(f":table/{TABLE}")
    assert all(f'"{TABLE}"' in statement for statement in sent)
