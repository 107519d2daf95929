"""Every policy under the eyes of linters, and the linters under those of policies that are wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.provision.blueprint import Blueprint
from countagg.provision.packaged import packaged_folder
from countagg.provision.place import Place
from tests.provision.policy_evaluator import listed
from tests.provision.policy_lint import complaints
from tests.provision.stacks import PLACE, make_stack

KEY: Final = "arn:aws:kms:eu-central-1:123456789012:key/0d5f3b7e-1c1f-4b57-9a52-000000000000"
LONGEST: Final[dict[str, Any]] = {
    "stack": "s" * 32,
    "bucket": "b" * 63,
    "prefix": f"{'p' * 500}/",
    "output_prefix": f"{'o' * 500}/",
    "kms_key": KEY.replace("key/", "key/mrk-"),
}
STACKS: Final = {
    "plain": make_stack(),
    "with a key": make_stack(kms_key=KEY),
    "with an alarm of silent instances": make_stack(stale_alarm="15m"),
    "longest names": make_stack(Place("123456789012", "eu-central-1"), **LONGEST),
}


def kind_of(template: str) -> str:
    if template in {"processor", "aggregator", "publisher", "consumer"}:
        return "role"
    return template.partition("-")[0]


def templates() -> list[str]:
    return sorted(path.stem for path in packaged_folder("policies").glob("*.json"))


@pytest.mark.parametrize("stack", STACKS.values(), ids=list(STACKS))
@pytest.mark.parametrize("template", templates())
def test_nothing_is_wrong_with_any_policy(template: str, stack: Blueprint) -> None:
    assert complaints(kind_of(template), stack.policy(template)) == []


def test_nothing_is_wrong_with_what_an_operator_is_asked_to_add_to_a_key() -> None:
    assert complaints("key", make_stack(kms_key=KEY).policy("with-key/key")) == []


def test_every_template_is_seen_by_the_linter() -> None:
    seen = {
        *templates(),
        "with-key/key",
        "with-stale-alarm/processor",
        *(f"with-key/{name}" for name in ("aggregator", "consumer", "processor", "publisher")),
    }
    there = {
        path.relative_to(packaged_folder("policies")).with_suffix("").as_posix()
        for path in Path(packaged_folder("policies")).rglob("*.json")
    }
    # What only the embedded engine is given names an action that AWS does not know.
    assert there - seen == {"embedded-engine/publisher"}


def test_whoever_may_send_must_use_tls() -> None:
    for template in ("bucket", "queue-dead-letters", "queue-uploads", "topic-alerts", "topic-uploads"):
        policy = make_stack().policy(template)
        (denied,) = (each for each in policy["Statement"] if each["Effect"] == "Deny")
        allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
        assert denied["Principal"] == "*"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for each in allowed:
            assert each["Resource"] == denied["Resource"]
            assert each["Action"] == denied["Action"] or denied["Action"].endswith(":*")


Change = Callable[[dict[str, Any]], object]


def first(change: Callable[[dict[str, Any]], object]) -> Change:
    return lambda policy: change(policy["Statement"][0])


WRONG: Final[tuple[tuple[str, Change, str], ...]] = (
    ("processor", first(lambda each: each.update(Action="s3:GetObjekt")), "getobjekt"),
    ("processor", first(lambda each: each.update(Action="logs:*")), "logs:* is a pattern"),
    ("processor", first(lambda each: each.update(Resource="*")), "logs:CreateLogStream on any resource"),
    ("processor", first(lambda each: each.update(Resource=PLACE.queue_arn("q"))), "does not take"),
    ("processor", first(lambda each: each.update(Resource="arn:aws:logs")), "arn:aws:logs"),
    ("processor", first(lambda each: each.update(Sid="Write logs")), "not letters and digits"),
    ("processor", first(lambda each: each.update(Sid="ReceiveUploads")), "two statements of one Sid"),
    ("processor", first(lambda each: each.update(Efect="Allow")), "Efect"),
    ("processor", first(lambda each: each.update(NotAction="s3:*")), "says what is not meant"),
    ("processor", first(lambda each: each.update(Principal="*")), "Principal"),
    (
        "processor",
        first(lambda each: each.update(Condition={"StringEquals": {"s3:prefix": "a"}})),
        "does not know the condition key s3:prefix",
    ),
    (
        "processor",
        first(lambda each: each.update(Condition={"StringEqual": {"aws:SourceArn": "a"}})),
        "StringEqual",
    ),
    ("processor", lambda policy: policy.update(Version="2008-10-17"), "version 2008-10-17"),
    (
        "processor",
        lambda policy: policy["Statement"].extend(
            {**policy["Statement"][0], "Sid": f"More{number}"} for number in range(60)
        ),
        "characters of at most 10240",
    ),
    ("trust", first(lambda each: each.update(Principal="*")), "allows *"),
    ("trust", first(lambda each: each.update(Action="sts:AssumeRoles")), "assumeroles"),
    ("topic-uploads", first(lambda each: each["Condition"].pop("StringEquals")), "does not say for which account"),
    ("topic-uploads", first(lambda each: each.pop("Condition")), "does not say for which account"),
    ("topic-uploads", first(lambda each: each.update(Principal={"AWS": "*"})), "allows {'AWS': '*'}"),
    ("topic-alerts", first(lambda each: each.update(Action="sqs:SendMessage")), "'sqs' is not one of ['sns']"),
    ("queue-uploads", lambda policy: policy["Statement"][1].pop("Condition"), "does not say for which account"),
)


@pytest.mark.parametrize(
    ("template", "change", "complaint"), WRONG, ids=lambda each: each if isinstance(each, str) else ""
)
def test_a_policy_that_is_wrong_is_found(template: str, change: Change, complaint: str) -> None:
    policy = copy.deepcopy(make_stack().policy(template))
    change(policy)
    assert complaint in "\n".join(complaints(kind_of(template), policy))


@pytest.mark.parametrize("template", ["processor", "aggregator", "publisher"])
def test_no_role_may_delete_anything_or_change_who_may_do_what(template: str) -> None:
    statements = make_stack(kms_key=KEY).policy(template)["Statement"]
    for action in (action for statement in statements for action in listed(statement["Action"])):
        name = action.partition(":")[2]
        assert not name.startswith(("Delete", "Create", "Set", "Add", "Remove", "Attach")) or action in {
            "sqs:DeleteMessage",
            "logs:CreateLogStream",
        }
