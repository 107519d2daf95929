"""A plan as people and as programs see it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import Any, Final

import pytest
from rich.console import Console

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.stack.plan_view import (
    plan_lines,
    print_plan,
    print_receipt,
    receipt_lines,
    tally_line,
    write_plan,
)
from countagg.operate.stack.plan_document import change_documents
from countagg.provision.code import Code
from countagg.provision.differences import KNOWN_AFTER_SETUP, FieldChange, creation
from countagg.provision.reconcile import Action, Change, Holds
from countagg.provision.stack import stack_nodes
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import Terminal
from tests.provision.stacks import IDS, make_stack, state_of

READ: Final = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Resource": "arn:aws:s3:::b",
    "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
}
UPDATE: Final = Change(
    "queue/uploads",
    Action.UPDATE,
    "s-uploads",
    (
        FieldChange("retention", 60, 345_600),
        FieldChange("redrive_policy", "", '{"maxReceiveCount":5}'),
        FieldChange("tags", {"a": None}, {"a": "b"}),
        FieldChange("enabled", current=False, desired=True),
        FieldChange("filters", (), ('{"eventName":["INSERT","MODIFY"]}',)),
        FieldChange("choices", "{}", ""),
        FieldChange("code", Code("b2xk", b"old bytes"), Code("bmV3", b"new bytes")),
        FieldChange("source", "arn:old", KNOWN_AFTER_SETUP),
    ),
)
IAM: Final = Change(
    "role/processor",
    Action.UPDATE,
    "s-processor-us-east-1",
    (FieldChange("trust", "", json.dumps({"Version": "2012-10-17", "Statement": [READ]})),),
)
LOSES: Final = Change("table/totals", Action.DELETE, "s-totals", holds=Holds.DATA, contents="about 5 items, 1 kB")
STAYS: Final = Change("bucket", Action.KEEP, "somebodys", note="not ours, used as it is")
CHANGES: Final = (
    Change("topic/uploads", Action.CREATE, "s-uploads", (FieldChange("kms_key", None, "arn:key"),)),
    LOSES,
    IAM,
    Change("table/counters", Action.KEEP, "s-counters"),
    UPDATE,
    STAYS,
    Change("email/a@b.org", Action.DELETE, "a@b.org"),
)


def shown(changes: Sequence[Change], *, terminal: bool = False) -> list[str]:
    """Return the lines that a session prints for a plan."""
    file = Terminal() if terminal else io.StringIO()
    print_plan(Session(DEFAULTS, Preferences({}), stdout=file).result_console, changes)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("changes", [CHANGES, (), (Change("bucket", Action.KEEP, "ours"),), (STAYS,)])
def test_a_plan_is_written_as_it_is_printed(changes: Sequence[Change]) -> None:
    file = io.StringIO()
    write_plan(file, changes)
    assert file.getvalue().splitlines() == shown(changes)


def test_a_plan_has_sections_and_a_closing_tally() -> None:
    assert shown(CHANGES) == [
        "+ create  topic/uploads  s-uploads",
        "      kms_key: arn:key",
        "~ update  queue/uploads  s-uploads",
        "      retention: 60 => 345600",
        "      redrive_policy.maxReceiveCount: (none) => 5",
        "      tags.a: (none) => b",
        "      enabled: no => yes",
        "      filters: (none) => eventName=INSERT, MODIFY",
        "      choices: (empty) => (none)",
        "      code: sha256:b2xk => sha256:bmV3",
        "      source: arn:old => (known after setup)",
        "- delete  email/a@b.org  a@b.org",
        "",
        "IAM: who may do what",
        "~ update  role/processor  s-processor-us-east-1",
        (
            "      trust.Read: (none) => Allow s3:GetObject, s3:ListBucket to Service=lambda.amazonaws.com"
            " on arn:aws:s3:::b if StringEquals=aws:SourceAccount=1"
        ),
        "",
        "Deletes what cannot be brought back",
        "- delete  table/totals  s-totals  (about 5 items, 1 kB)",
        "",
        "Stays as it is",
        "= keep    bucket  somebodys  (not ours, used as it is)",
        "",
        "plan: 1 to create, 2 to update, 2 to keep, 2 to delete",
    ]


@pytest.mark.parametrize(
    ("change", "heading"),
    [(IAM, "IAM: who may do what"), (LOSES, "Deletes what cannot be brought back"), (STAYS, "Stays as it is")],
)
def test_a_section_that_stands_alone_begins_with_its_heading(change: Change, heading: str) -> None:
    assert plan_lines([change])[0] == heading


def test_a_role_that_goes_is_about_iam_and_one_that_stays_is_not_shown() -> None:
    assert plan_lines([Change("role/a", Action.DELETE, "n")])[0] == "IAM: who may do what"
    assert plan_lines([Change("role/a", Action.KEEP, "n")]) == []


def test_what_is_touched_does_not_stay_as_it_is_whatever_its_note() -> None:
    assert plan_lines([Change("topic/a", Action.UPDATE, "n", note="why")]) == ["~ update  topic/a  n  (why)"]


def test_a_plan_of_nothing_is_its_tally_alone() -> None:
    kept = Change("topic/uploads", Action.KEEP, "s-uploads")
    assert shown([kept]) == ["plan: 0 to create, 0 to update, 1 to keep, 0 to delete"]


def test_names_stand_below_each_other_in_a_section() -> None:
    lines = plan_lines([Change("topic/a", Action.CREATE, "NAME"), Change("mapping/b", Action.DELETE, "NAME")])
    assert [line.index("NAME") for line in lines] == [21, 21]


def test_of_a_new_stack_every_resource_is_shown_with_every_field() -> None:
    stack = make_stack()
    names = {node.id: node.name for node in stack_nodes(stack)}
    changes = [Change(each, Action.CREATE, names[each], creation(state_of(stack, each))) for each in IDS]
    lines = plan_lines(changes)
    headed = [line.split()[2] for line in lines if line.startswith("+ create")]
    roles = [each for each in IDS if each.startswith("role/")]
    assert headed == [each for each in IDS if each not in roles] + roles
    assert "      batch_size: 1000" in lines
    assert "      environment.COUNTAGG_BUCKET: fleet-counters" in lines
    assert any(
        re.fullmatch(r"      policies\.countagg\.ReadCounterFiles: Allow s3:GetObject on \S+/counters/\*", line)
        for line in lines
    )
    assert not any("the zip" in line or "=>" in line for line in lines)


def test_a_receipt_tells_what_was_done_and_below_what_stays() -> None:
    changes = [LOSES, STAYS, Change("role/a", Action.DELETE, "n"), Change("x", Action.KEEP)]
    stays = ["Stays as it is", "= kept    bucket  somebodys  (not ours, used as it is)"]
    assert receipt_lines(changes, told=False) == [
        "- deleted table/totals  s-totals  (about 5 items, 1 kB)",
        "- deleted role/a        n",
        "",
        *stays,
    ]
    assert receipt_lines(changes, told=True) == stays
    assert receipt_lines([], told=False) == []


@pytest.mark.parametrize("strange", ["a\x1b[31mred", "a\nb", "tfel\u202eright"])
def test_what_a_terminal_might_obey_is_escaped_wherever_it_stands(strange: str) -> None:
    change = Change(
        f"email/{strange}",
        Action.UPDATE,
        strange,
        (FieldChange(f"tags{strange}", {strange: "a"}, {strange: strange}), FieldChange("list", [], [strange])),
        note=strange,
        contents=strange,
    )
    for lines in (plan_lines([change]), receipt_lines([change], told=False)):
        assert "".join(lines).isprintable()
        assert strange.encode("unicode_escape").decode() in lines[0]
    file = io.StringIO()
    print_plan(Console(file=file, force_terminal=True, width=400), [change])
    assert strange not in file.getvalue()


# On a terminal


def folded(changes: Sequence[Change], monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(changes, terminal=True)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


@pytest.mark.parametrize("columns", [80, 100])
def test_on_a_terminal_long_lines_go_on_below_themselves(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = folded(CHANGES, monkeypatch, columns)
    assert all(len(line) <= columns for line in lines)
    at = next(index for index, line in enumerate(lines) if "trust.Read" in line)
    assert lines[at + 1].startswith("        ")
    assert " ".join(line.strip() for line in lines[at : at + 3]).startswith(
        "trust.Read: (none) => Allow s3:GetObject, s3:ListBucket to Service=lambda.amazonaws.com on"
    )


def test_on_a_terminal_a_long_name_goes_on_below_its_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = folded([Change("mapping/aggregator", Action.CREATE, f"{'a' * 40} -> {'b' * 40}")], monkeypatch)
    assert lines[:2] == [f"+ create  mapping/aggregator  {'a' * 40} ->", f"          {'b' * 40}"]


def test_on_a_narrow_terminal_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "arn:aws:dynamodb:" + "x" * 200
    lines = folded([Change("topic/a", Action.CREATE, name)], monkeypatch)
    assert "".join(line.strip() for line in lines).count("x") == 200


def test_in_a_pipe_every_field_is_one_line_without_escapes() -> None:
    lines = shown(CHANGES)
    assert len([line for line in lines if "trust.Read" in line and line.endswith("SourceAccount=1")]) == 1
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize(("action", "colour"), [(Action.CREATE, 32), (Action.UPDATE, 33), (Action.DELETE, 31)])
def test_a_terminal_gets_colours_that_say_nothing_new(
    action: Action, colour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = Change("topic/a", action, "n", (FieldChange("f", 1, 2),))
    (line,) = (line for line in shown([change], terminal=True) if "topic/a" in line)
    assert line.startswith(f"\x1b[{colour}m")
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown([change], terminal=True) == shown([change])


def test_headings_stand_out_on_a_terminal() -> None:
    assert "\x1b[1mStays as it is\x1b[0m" in shown([STAYS], terminal=True)


def test_a_receipt_is_printed_as_its_lines() -> None:
    file = io.StringIO()
    print_receipt(Console(file=file, width=200), [LOSES, STAYS], told=False)
    assert file.getvalue().splitlines() == [*receipt_lines([LOSES, STAYS], told=False), ""]
    print_receipt(Console(file=file, width=200), [LOSES], told=True)
    assert file.getvalue().splitlines()[-1] == ""


# As a document


def test_the_document_of_a_change_has_these_keys() -> None:
    (document,) = change_documents([UPDATE])
    assert list(document) == ["resource", "action", "name", "fields", "note", "iam", "loses", "contents"]
    assert [document[name] for name in ("resource", "action", "name")] == ["queue/uploads", "update", "s-uploads"]
    assert document["fields"][:3] == [
        {"name": "retention", "current": 60, "desired": 345_600},
        {"name": "redrive_policy.maxReceiveCount", "current": None, "desired": 5},
        {"name": "tags.a", "current": None, "desired": "b"},
    ]
    assert document["fields"][-2:] == [
        {"name": "code", "current": "sha256:b2xk", "desired": "sha256:bmV3"},
        {"name": "source", "current": "arn:old", "desired": "(known after setup)"},
    ]
    assert [document[name] for name in ("note", "iam", "loses", "contents")] == ["", False, None, ""]


def test_a_document_tells_what_is_lost_what_is_kept_and_what_is_about_iam() -> None:
    loses, iam, stays = change_documents([LOSES, IAM, STAYS])
    assert (loses["loses"], loses["contents"], loses["iam"]) == ("data", "about 5 items, 1 kB", False)
    assert (iam["iam"], iam["loses"]) == (True, None)
    assert (stays["note"], stays["action"]) == ("not ours, used as it is", "keep")


def test_documents_of_every_kind_are_json() -> None:
    stack = make_stack()
    changes: list[Any] = [Change(each, Action.CREATE, each, creation(state_of(stack, each))) for each in IDS]
    text = json.dumps(change_documents(changes))
    assert "the zip" not in text
    assert {each["resource"] for each in json.loads(text)} == set(IDS)


def test_the_tally_counts_every_action_also_those_that_do_not_occur() -> None:
    changes = [Change("a", Action.CREATE), Change("b", Action.CREATE), Change("c", Action.KEEP)]

    assert tally_line(changes, done=True) == "2 created, 0 updated, 1 kept, 0 deleted"
    assert tally_line(changes, done=False) == "2 to create, 0 to update, 1 to keep, 0 to delete"
    assert tally_line([Change("d", Action.DELETE), Change("e", Action.UPDATE)], done=True) == (
        "0 created, 1 updated, 0 kept, 1 deleted"
    )
