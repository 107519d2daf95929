from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from countagg.core.errors import CountaggError
from countagg.provision.packaged import packaged_folder
from countagg.provision.place import Place
from countagg.provision.policies import (
    canonical,
    has_policy,
    load_policy,
    merge_statements,
    our_statements,
)
from tests.provision.policy_evaluator import listed
from tests.provision.stacks import make_stack

FOLDER = packaged_folder("policies")
TEMPLATES = sorted(path.stem for path in FOLDER.glob("*.json"))
ON_ENGINE = sorted(path.stem for path in FOLDER.glob("embedded-engine/*.json"))
WITH_KEY = sorted(path.stem for path in FOLDER.glob("with-key/*.json"))
ROLES = ("processor", "aggregator", "publisher", "consumer")
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0d5f3b7e-1c1f-4b57-9a52-000000000000"
PLACES = (Place("123456789012", "eu-central-1"), Place("123456789012", "eu-central-1", tls=False, embedded=True))

ANY_RESOURCE = {"dynamodb:ListStreams"}
"""Actions that know no resource (docs/aws-facts.md#iam)."""

properties = settings(deadline=None, max_examples=100)
words = st.sampled_from(["a", "b", "c", "s3:GetObject", "Allow"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


@st.composite
def statements(draw: st.DrawFn, sids: st.SearchStrategy[str | None]) -> dict[str, Any]:
    sid = draw(sids)
    body: dict[str, Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Deny"])),
        "Principal": draw(st.sampled_from(["*", {"Service": "sns.amazonaws.com"}, {"AWS": ["2", "1"]}])),
        "Action": draw(st.lists(words, min_size=1, max_size=3) | words),
        "Resource": draw(words),
    }
    return body if sid is None else {"Sid": sid, **body}


foreign_statements = st.lists(
    statements(st.sampled_from([None, "", "Theirs", "countagg", "xCountagg"])), max_size=4
)
our_own = st.lists(statements(st.sampled_from(["Countagg", "CountaggA", "CountaggB"])), max_size=3)


def shuffled(value: Any, random: Any) -> Any:
    """Return JSON of the same meaning: keys in another order, lists of strings too, single strings as lists."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, random)) for key, item in value.items()]
        random.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            mixed = list(value)
            random.shuffle(mixed)
            return mixed[0] if len(mixed) == 1 and random.random() < 0.5 else mixed
        return [shuffled(item, random) for item in value]
    return value


# Canonical form


@given(documents)
@properties
def test_canonical_is_idempotent(document: Any) -> None:
    once = canonical(document)
    assert canonical(json.loads(once)) == once


@given(documents, st.randoms())
@properties
def test_canonical_does_not_depend_on_order(document: Any, random: Any) -> None:
    assert canonical(shuffled(document, random)) == canonical(document)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Action": "a"}, {"Action": "b"}),
        ({"Action": ["a", "b"]}, {"Action": ["a"]}),
        ({"Effect": "Allow"}, {"Effect": "Deny"}),
        ([{"Sid": "1"}, {"Sid": "2"}], [{"Sid": "2"}, {"Sid": "1"}]),
        ({"Value": "1"}, {"Value": 1}),
    ],
)
def test_documents_of_different_meaning_differ(one: object, other: object) -> None:
    assert canonical(one) != canonical(other)


def test_a_single_string_is_its_list() -> None:
    assert canonical({"Action": ["a"]}) == canonical({"Action": "a"}) == '{"Action":"a"}'


# Templates


@pytest.mark.parametrize("place", PLACES, ids=["aws", "engine"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_can_be_filled_in(template: str, place: Place) -> None:
    filled = make_stack(place).policy(template)
    assert filled["Version"] == "2012-10-17"
    assert "${" not in json.dumps(filled)
    assert "None" not in json.dumps(filled)


def test_every_template_is_used_or_belongs_to_one_that_is() -> None:
    assert set(TEMPLATES) == {
        "aggregator",
        "bucket",
        "consumer",
        "processor",
        "publisher",
        "queue-dead-letters",
        "queue-uploads",
        "topic-alerts",
        "topic-uploads",
        "trust",
    }
    assert set(ON_ENGINE) <= set(TEMPLATES)
    assert set(WITH_KEY) == {*ROLES, "key"}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.json")), ids=lambda path: path.stem)
def test_every_value_of_a_template_is_used_with_its_braces(path: Path) -> None:
    text = path.read_text()
    assert text.count("$") == len(re.findall(r"\$\{[A-Za-z]+\}", text))
    assert Template(text).is_valid()


@pytest.mark.parametrize("template", TEMPLATES)
def test_statements_have_unique_ids(template: str) -> None:
    sids = [statement["Sid"] for statement in make_stack(PLACES[1]).policy(template)["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)


@pytest.mark.parametrize("template", sorted(set(TEMPLATES) - {*ROLES, "trust"}))
def test_statements_of_shared_policies_are_known_as_ours(template: str) -> None:
    policy = make_stack().policy(template)
    assert json.loads(our_statements(policy)) == json.loads(canonical(policy["Statement"]))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_allowed_action_is_a_wildcard(template: str) -> None:
    for place in PLACES:
        for statement in make_stack(place, kms_key=KEY).policy(template)["Statement"]:
            if statement["Effect"] == "Allow":
                assert "*" not in json.dumps(statement["Action"])
                assert "NotAction" not in statement


@pytest.mark.parametrize("template", ROLES)
def test_only_actions_without_a_resource_are_granted_on_any(template: str) -> None:
    for statement in make_stack(kms_key=KEY).policy(template)["Statement"]:
        if statement["Resource"] == "*":
            assert statement["Action"] in ANY_RESOURCE
        else:
            for resource in listed(statement["Resource"]):
                assert re.match(r"arn:aws:[a-z0-9]+:[a-z0-9-]*:\d*:[^*]", resource)


@pytest.mark.parametrize("template", ROLES)
def test_the_key_is_granted_only_if_there_is_one_and_only_through_the_services_used(template: str) -> None:
    without = make_stack().policy(template)["Statement"]
    granted = make_stack(kms_key=KEY).policy(template)["Statement"]
    assert "kms:" not in json.dumps(without)
    assert granted[: len(without)] == without
    used = {
        "processor": {"dynamodb", "s3", "sqs"},
        "aggregator": {"dynamodb", "sqs"},
        "consumer": {"dynamodb", "sqs"},
    }
    services = set()
    for statement in granted[len(without) :]:
        assert statement["Resource"] == KEY
        via = statement["Condition"]["StringLike"]["kms:ViaService"]
        services |= {name.removesuffix(".eu-central-1.*") for name in listed(via)}
    assert services == used.get(template, {"dynamodb", "s3", "sns", "sqs"})


def test_nobody_may_create_log_groups() -> None:
    for place in PLACES:
        for template in ROLES:
            assert "CreateLogGroup" not in json.dumps(make_stack(place).policy(template))


def test_only_lambda_assumes_the_roles() -> None:
    (statement,) = make_stack().policy("trust")["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


def test_a_missing_value_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"Resource": ["${Known}", "${Unknown}"]}')
    with pytest.raises(CountaggError, match="Unknown") as caught:
        load_policy("x", {"Known": "k"}, tmp_path)
    assert caught.value.where == "x.json"


@pytest.mark.parametrize("text", ["[]", '"x"', "{", '{"a": "$"}'])
def test_a_template_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(CountaggError) as caught:
        load_policy("x", {}, tmp_path)
    assert caught.value.where == "x.json"


def test_values_are_filled_in_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": ["${V}/*", {"b": "${V}"}], "c": 1, "d": null}')
    assert load_policy("x", {"V": "v"}, tmp_path) == {"a": ["v/*", {"b": "v"}], "c": 1, "d": None}


def test_a_value_cannot_add_to_the_document(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": "${V}"}')
    assert load_policy("x", {"V": '", "b": "'}, tmp_path) == {"a": '", "b": "'}


def test_there_is_a_template_or_there_is_not() -> None:
    assert has_policy("embedded-engine/publisher")
    assert not has_policy("embedded-engine/processor")


def test_a_folder_that_is_missing_is_named() -> None:
    with pytest.raises(CountaggError, match="no_such_folder"):
        packaged_folder("no_such_folder")


# Shared policies


@given(foreign_statements, our_own, our_own, st.randoms())
@properties
def test_merging_keeps_what_is_not_ours_and_replaces_what_is(
    foreign: list[dict[str, Any]], old: list[dict[str, Any]], new: list[dict[str, Any]], random: Any
) -> None:
    mixed = [*foreign, *old]
    random.shuffle(mixed)
    theirs = [each for each in mixed if each in foreign and each not in old]
    policy = {"Version": "2008-10-17", "Id": "theirs", "Statement": mixed}
    before = json.dumps(policy)
    merged = merge_statements(policy, canonical(new))
    assert json.dumps(policy) == before
    assert {**merged, "Statement": None} == {"Version": "2008-10-17", "Id": "theirs", "Statement": None}
    kept = merged["Statement"][: len(theirs)]
    assert json.dumps(kept) == json.dumps(theirs)
    assert canonical(merged["Statement"][len(theirs) :]) == canonical(new)


@given(foreign_statements, our_own)
@properties
def test_our_statements_are_seen_again_and_those_of_others_are_not(
    foreign: list[dict[str, Any]], ours: list[dict[str, Any]]
) -> None:
    wanted = our_statements({"Statement": ours})
    assert our_statements(merge_statements({"Statement": foreign}, wanted)) == wanted
    assert our_statements({"Statement": foreign}) == "[]"


def test_a_new_policy_has_a_version() -> None:
    assert merge_statements({}, "[]") == {"Version": "2012-10-17", "Statement": []}


def test_a_single_statement_need_not_be_a_list() -> None:
    theirs = {"Sid": "Theirs", "Effect": "Deny"}
    assert merge_statements({"Statement": theirs}, "[]")["Statement"] == [theirs]
    assert our_statements({"Statement": {"Sid": "CountaggX", "Effect": "Deny"}}) != "[]"


# IAM's own opinion, as far as moto knows it


@pytest.fixture
def iam() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client(
            "iam", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )


@pytest.mark.parametrize("place", PLACES, ids=["aws", "engine"])
def test_iam_accepts_the_roles_and_their_policies(iam: Any, place: Place) -> None:
    stack = make_stack(place, kms_key=KEY)
    for name in ROLES:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(stack.policy("trust")))
        document = canonical(stack.policy(name))
        iam.put_role_policy(RoleName=name, PolicyName="countagg", PolicyDocument=document)
        iam.create_policy(PolicyName=name, PolicyDocument=document)
        assert len(document) < 10_240


@pytest.mark.parametrize("template", sorted(set(TEMPLATES) - {*ROLES, "trust"}))
def test_iam_accepts_the_statements_of_resource_policies(iam: Any, template: str) -> None:
    policy = make_stack().policy(template)
    for statement in policy["Statement"]:
        # IAM refuses a principal in an identity policy; the rest has one syntax.
        assert statement.pop("Principal")
    iam.create_policy(PolicyName=template, PolicyDocument=json.dumps(policy))


def test_iam_refuses_a_malformed_policy(iam: Any) -> None:
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        iam.create_policy(PolicyName="x", PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Sid": "x"}]}')
