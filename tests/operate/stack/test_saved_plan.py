"""A saved plan: what it holds, what is no such file, and all that may have moved since."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from countagg.core.errors import ConnectionProblem, PlanOutdated, UsageError
from countagg.operate.stack.deployment import Plan
from countagg.operate.stack.plan_document import plan_document
from countagg.operate.stack.saved_plan import MadeWith, SavedPlan, read_saved, saved_document
from countagg.provision.differences import KNOWN_AFTER_SETUP, FieldChange
from countagg.provision.place import Place
from countagg.provision.reconcile import Action, Change
from countagg.provision.settings import StackSettings

PLACE: Final = Place("123456789012", "eu-central-1")
MADE_WITH: Final = MadeWith(
    "1.2.3", "c2hh", {"lanes": 4, "memory": {"processor": 512}, "tags": {"a": "b"}}, {"lanes": 2}
)
CREATED: Final = Change(
    "function/processor",
    Action.CREATE,
    "s-processor",
    (FieldChange("memory", None, 256), FieldChange("environment", None, {"ROLE_ID": KNOWN_AFTER_SETUP})),
)
UPDATED: Final = Change(
    "queue/uploads",
    Action.UPDATE,
    "s-uploads",
    (FieldChange("retention", 60, 90), FieldChange("tags", (), ("a",))),
)
KEPT: Final = Change("table/totals", Action.KEEP, "s-totals")
DELETED: Final = Change("email/a@b.org", Action.DELETE, "a@b.org")
CHANGES: Final = (CREATED, UPDATED, KEPT, DELETED)


def plan_of(*changes: Change) -> Plan:
    return Plan((), changes, settings=StackSettings("fleet", "a-bucket", lanes=4), zip="c2hh")


def saved(*changes: Change) -> SavedPlan:
    return read_saved(saved_document(plan_of(*changes), PLACE, MADE_WITH).encode(), "plan.json", "1.2.3")


def kept(change: Change) -> Change:
    return Change(change.resource, Action.KEEP, change.name)


def test_the_document_is_that_of_plan_with_what_it_was_made_with() -> None:
    document = json.loads(saved_document(plan_of(*CHANGES), PLACE, MADE_WITH))

    assert document == {
        "schema": 1,
        "stack": "fleet",
        "account": "123456789012",
        "region": "eu-central-1",
        **json.loads(json.dumps(plan_document(CHANGES))),
        "made_with": {
            "countagg": "1.2.3",
            "zip": "c2hh",
            "choices": {"lanes": 4, "memory": {"processor": 512}, "tags": {"a": "b"}, "bucket": "a-bucket"},
            "choices_without_options": {"lanes": 2},
        },
    }
    chosen = saved(*CHANGES).chosen
    assert (chosen.stack, chosen.bucket, chosen.said["memory"]) == ("fleet", "a-bucket", {"processor": 512})


def test_credentials_of_this_process_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret := "wJalrXUtnFEMI/K7MDENG/secret")
    leaking = Change("function/processor", Action.UPDATE, "s", (FieldChange("environment", {"KEY": secret}, {}),))

    text = saved_document(plan_of(leaking), PLACE, MADE_WITH)

    assert secret not in text
    read_saved(text.encode(), "plan.json", "1.2.3").require_unmoved([leaking])


@pytest.mark.parametrize(
    "changes",
    [
        CHANGES,
        (kept(CREATED), UPDATED, KEPT, DELETED),
        (kept(CREATED), kept(UPDATED), KEPT),
        (
            replace(CREATED, fields=(CREATED.fields[0], FieldChange("environment", None, {"ROLE_ID": "AROA"}))),
            replace(UPDATED, note="explained otherwise"),
            KEPT,
        ),
    ],
)
def test_what_is_as_it_was_or_as_the_plan_would_leave_it_has_not_moved(changes: tuple[Change, ...]) -> None:
    saved(*CHANGES).require_unmoved(changes)


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        (
            replace(UPDATED, fields=(FieldChange("retention", 61, 90), UPDATED.fields[1])),
            "plan was made: retention",
        ),
        (
            replace(UPDATED, fields=(FieldChange("retention", 60, 91), UPDATED.fields[1])),
            "plan was made: retention",
        ),
        (replace(UPDATED, fields=UPDATED.fields[:1]), "it has changed since the plan was made"),
        (replace(UPDATED, fields=(*UPDATED.fields, FieldChange("delay", 1, 0))), "plan was made: delay"),
        (replace(UPDATED, name="other"), "it has changed since the plan was made"),
        (replace(UPDATED, action=Action.CREATE), "it was there when the plan was made, and is gone"),
        (replace(KEPT, action=Action.CREATE), "it was there when the plan was made, and is gone"),
        (
            replace(KEPT, action=Action.UPDATE, fields=tuple(FieldChange(each, 1, 2) for each in "abcd")),
            "it has changed since the plan was made: a, b, c, ...",
        ),
        (replace(CREATED, action=Action.UPDATE, fields=(FieldChange("memory", 1, 256),)), "made: memory"),
        (replace(KEPT, action=Action.DELETE), "it has changed since the plan was made"),
        (kept(DELETED), "it has changed since the plan was made"),
    ],
)
def test_whatever_else_is_due_has_moved_and_is_named(moved: Change, told: str) -> None:
    now = [moved if change.resource == moved.resource else change for change in CHANGES]

    with pytest.raises(PlanOutdated) as caught:
        saved(*CHANGES).require_unmoved(now)

    assert caught.value.what.endswith(told)
    assert caught.value.where == moved.resource
    assert "`countagg plan --save FILE`; nothing was touched" in caught.value.hint


def test_of_many_that_moved_one_is_named_and_the_others_are_counted() -> None:
    added = Change("alarm/new", Action.CREATE, "new")

    with pytest.raises(PlanOutdated, match=r"it is no part of the plan \(and 2 more that moved\)$"):
        saved(CREATED, UPDATED).require_unmoved([added])


@pytest.mark.parametrize(
    ("stack", "place", "kind", "told", "hint"),
    [
        ("other", PLACE, UsageError, "the plan is for the stack 'fleet', not for 'other'", "give --stack fleet"),
        (
            "fleet",
            replace(PLACE, account="210987654321"),
            ConnectionProblem,
            "the plan is for the account '123456789012', and this is 210987654321",
            "check --profile; nothing was touched",
        ),
        (
            "fleet",
            replace(PLACE, region="us-east-1"),
            ConnectionProblem,
            "the plan is for the region 'eu-central-1', and this is us-east-1",
            "check --region; nothing was touched",
        ),
    ],
)
def test_it_is_for_one_stack_in_one_place(
    stack: str, place: Place, kind: type[UsageError | ConnectionProblem], told: str, hint: str
) -> None:
    saved().require_place("fleet", PLACE)
    with pytest.raises(kind) as caught:
        saved().require_place(stack, place)
    assert (caught.value.what, caught.value.hint) == (told, hint)


def test_it_is_carried_out_by_the_countagg_and_with_the_functions_that_it_was_made_with() -> None:
    saved().require_zip("c2hh")
    with pytest.raises(PlanOutdated, match="the functions' zip is another one"):
        saved().require_zip("b3Ro")
    newer = json.dumps(made_with(countagg="1.2.4", choices={"not_yet_known": 1})).encode()
    with pytest.raises(PlanOutdated, match=r"countagg '1.2.4' made the plan, and this is countagg 1.2.3"):
        read_saved(newer, "plan.json", "1.2.3")


@pytest.mark.parametrize("said", [{}, {"lanes": 4}, {"lanes": 2}, {"tags": {"a": "b"}, "memory": {}}])
def test_choices_that_did_not_move_do_no_harm(said: dict[str, Any]) -> None:
    saved().require_choices(said.get, str)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"lanes": 3}, "lanes: it says lanes = 3 now, and the plan was made with 4"),
        (
            {"deletion_protection": False},
            "it says deletion_protection = False now, and the plan was made with None",
        ),
        ({"bucket": "b"}, "it says bucket = 'b' now, and the plan was made with 'a-bucket'"),
    ],
)
def test_choices_that_moved_are_named(said: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanOutdated) as caught:
        saved().require_choices(said.get, str)
    assert str(caught.value).endswith(told)


WHOLE: Final = json.loads(saved_document(plan_of(*CHANGES), PLACE, MADE_WITH))


def without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


def made_with(**changed: Any) -> dict[str, Any]:
    return {**WHOLE, "made_with": {**WHOLE["made_with"], **changed}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"PK\x03\x04",
        b"null",
        b"[]",
        b'"schema"',
        b"{}",
        b'{"schema": 1}',
        b"[" * 100_000,
        json.dumps(WHOLE).encode()[:-30],
        *(json.dumps(without(WHOLE, key)).encode() for key in WHOLE if key not in {"schema", "summary"}),
        json.dumps({**WHOLE, "stack": 7}).encode(),
        json.dumps({**WHOLE, "changes": 7}).encode(),
        json.dumps({**WHOLE, "changes": [7]}).encode(),
        json.dumps({**WHOLE, "changes": [{**WHOLE["changes"][0], "action": "destroy"}]}).encode(),
        json.dumps({**WHOLE, "changes": [{**WHOLE["changes"][0], "fields": [[]]}]}).encode(),
        json.dumps(made_with(zip=None)).encode(),
        json.dumps(made_with(choices=None)).encode(),
        json.dumps(made_with(choices={"unheard_of": 1})).encode(),
        json.dumps(made_with(choices={"lanes": "4"})).encode(),
        json.dumps(made_with(choices={"lanes": True})).encode(),
    ],
)
def test_what_is_no_saved_plan_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        read_saved(content, "plan.json", "1.2.3")
    assert str(caught.value) == "plan.json: it is not a saved plan, or it is damaged"
    assert caught.value.hint == "name a file that `countagg plan --save` wrote"


@pytest.mark.parametrize("schema", [2, "1", None, {}])
def test_another_form_is_told(schema: object) -> None:
    with pytest.raises(UsageError, match=r"it is of schema .*, and this countagg knows 1"):
        read_saved(json.dumps({**WHOLE, "schema": schema}).encode(), "plan.json", "1.2.3")


def test_a_choice_that_cannot_be_is_told_as_anywhere() -> None:
    with pytest.raises(UsageError, match="there is no 'nobody' to set"):
        read_saved(json.dumps(made_with(choices={"memory": {"nobody": 1}})).encode(), "plan.json", "1.2.3")
