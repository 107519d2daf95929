"""A plan on one screen."""

from __future__ import annotations

from countagg.cli.stack.plan_summary import summary_lines
from countagg.provision.differences import FieldChange, creation
from countagg.provision.reconcile import Action, Change, Holds
from countagg.provision.stack import stack_nodes
from tests.provision.stacks import make_stack, state_of


def test_a_new_stack_fits_a_screen_and_says_in_a_line_each_what_the_roles_may() -> None:
    stack = make_stack()
    changes = [
        Change(node.id, Action.CREATE, node.name, creation(state_of(stack, node.id)))
        for node in stack_nodes(stack)
    ]

    lines = summary_lines(changes)
    text = " ".join(" ".join(lines).split())

    assert len(lines) <= 8
    assert max(map(len, lines)) <= 80
    assert f"create {len(changes)}: 3 log groups, 2 topics, 2 queues, 1 subscription, 3 tables, 3 roles" in text
    assert [line for line in lines if line.startswith("role/")] == [
        "role/processor   may read dynamodb, s3, sqs; write dynamodb, logs, sqs",
        "role/aggregator  may read dynamodb; write dynamodb, logs, sqs",
        "role/publisher   may read dynamodb, s3; write dynamodb, logs, s3, sns, sqs",
    ]
    assert lines[-1] == f"plan: {len(changes)} to create, 0 to update, 0 to keep, 0 to delete"


def test_what_is_updated_is_named_and_what_is_lost_is_told() -> None:
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    changes = [
        Change("queue/uploads", Action.UPDATE, "s-uploads", (FieldChange("retention", 60, 90),)),
        Change("role/processor", Action.UPDATE, "s-processor", (FieldChange("policies.x.No", None, denied),)),
        Change("table/totals", Action.DELETE, "s-totals", holds=Holds.DATA, contents="about 2 items"),
        Change("table/counters", Action.KEEP, "s-counters", holds=Holds.DATA),
    ]

    assert summary_lines(changes) == [
        "update 2: queue/uploads, role/processor",
        "delete 1: 1 table",
        "deletes what cannot be brought back: table/totals (about 2 items)",
        "plan: 0 to create, 2 to update, 1 to keep, 1 to delete",
    ]


def test_a_pattern_of_all_actions_reads_and_writes() -> None:
    anything = {"Effect": "Allow", "Action": ["s3:*", "sqs:SendMessage"], "Resource": "*"}
    change = Change("role/processor", Action.UPDATE, "s", (FieldChange("policies.x.All", None, anything),))

    assert "role/processor  may read s3; write s3, sqs" in summary_lines([change])
