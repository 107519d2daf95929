"""What AWS would say about a policy document, as far as that is known without AWS.

Two kept sources: cfn-lint, AWS's own linter of templates, knows the grammar of policies and every action;
policy_sentry holds the service authorization reference, and so knows what condition keys and resources an action
takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner
from policy_sentry.querying.actions import get_action_data
from policy_sentry.util.conditions import is_condition_key_match

from tests.provision.policy_evaluator import listed

Statement = dict[str, Any]

_VERSION: Final = "2012-10-17"
_TRUST: Final[Statement] = {
    "Version": _VERSION,
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def _role(document: Statement) -> Statement:
    return {
        "AssumeRolePolicyDocument": _TRUST,
        "Policies": [{"PolicyName": "countagg", "PolicyDocument": document}],
    }


KINDS: Final[dict[str, tuple[str, Callable[[Statement], Statement]]]] = {
    "role": ("AWS::IAM::Role", _role),
    "trust": ("AWS::IAM::Role", lambda document: {"AssumeRolePolicyDocument": document}),
    "topic": ("AWS::SNS::TopicPolicy", lambda document: {"Topics": ["arn"], "PolicyDocument": document}),
    "queue": ("AWS::SQS::QueuePolicy", lambda document: {"Queues": ["url"], "PolicyDocument": document}),
    "bucket": ("AWS::S3::BucketPolicy", lambda document: {"Bucket": "name", "PolicyDocument": document}),
    "key": ("AWS::KMS::Key", lambda document: {"KeyPolicy": document}),
}
"""Where a document stands in a template, by its kind."""

MAX_CHARACTERS: Final = {
    "role": 10_240,
    "trust": 2_048,
    "topic": 30 * 1024,
    "queue": 8_192,
    "bucket": 20 * 1024,
    "key": 32 * 1024,
}
"""Of all inline policies of a role together, of a role's trust, and of what resources bear. White space is free.

For queues AWS names no limit; this one is far above ours.
"""

GLOBAL_KEYS: Final = {"aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"}
"""Keys of any service (IAM user guide, global condition context keys)."""

_ARN: Final = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(\d{12})?:.+")
_NAMES: Final = {"ObjectName": ".+", "LogGroupName": "[^:]+"}
"""Names of resources that may have a slash in them."""

_SID: Final = re.compile(r"[A-Za-z0-9]+")


def complaints(kind: str, document: dict[str, Any]) -> list[str]:
    """Return what is wrong with a policy document; nothing if it is fine."""
    return [*_grammar(kind, document), *_shape(kind, document), *_statements(kind, document)]


def _grammar(kind: str, document: dict[str, Any]) -> Iterator[str]:
    name, properties = KINDS[kind]
    template = {"Resources": {"It": {"Type": name, "Properties": properties(document)}}}
    for match in _linter().validate_template(template):
        yield f"{match.rule.id}: {match.message}"


@cache
def _linter() -> Any:
    # I3510 compares actions with resources, and is off by default.
    runner: Any = Runner
    return runner(ConfigMixIn(include_checks=["I3510"], regions=["eu-central-1"]))


def _shape(kind: str, document: dict[str, Any]) -> Iterator[str]:
    if document.get("Version") != _VERSION:
        yield f"version {document.get('Version')}"
    size = len(re.sub(r"\s", "", json.dumps(document)))
    if size > MAX_CHARACTERS[kind]:
        yield f"{size} characters of at most {MAX_CHARACTERS[kind]}"
    sids = [statement.get("Sid", "") for statement in document["Statement"]]
    yield from (f"the Sid {sid!r} is not letters and digits" for sid in sids if not _SID.fullmatch(sid))
    if len(set(sids)) < len(sids):
        yield f"two statements of one Sid: {sids}"


def _statements(kind: str, document: dict[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        for complaint in _statement(kind, statement):
            yield f"{statement.get('Sid')}: {complaint}"


def _statement(kind: str, statement: Statement) -> Iterator[str]:
    if "NotAction" in statement or "NotResource" in statement or "NotPrincipal" in statement:
        yield "says what is not meant"
        return
    if statement["Effect"] != "Allow":
        return
    for action in listed(statement["Action"]):
        # A key's policy names the key by *, and its actions come as AWS's own examples have them.
        if kind != "key":
            yield from _action(action, listed(statement.get("Resource", [])))
        yield from _keys(action, _condition_keys(statement))
    if kind != "role":
        yield from _principal(kind, statement)


def _action(action: str, resources: list[str]) -> Iterator[str]:
    if "*" in action or "?" in action:
        yield f"{action} is a pattern"
        return
    formats = {entry["resource_arn_format"] for entry in _entries(action)}
    for resource in resources:
        if resource == "*":
            if formats != {"*"}:
                yield f"{action} on any resource, and takes {sorted(formats - {'*'})}"
        elif not _ARN.fullmatch(resource):
            yield f"{resource} is no ARN"
        elif not any(_fits(_spelled_out(resource), known) for known in formats - {"*"}):
            yield f"{action} does not take {resource}"


def _spelled_out(resource: str) -> str:
    """Return a log group's `...:*` as what it stands for: the streams below it."""
    return re.sub(r"(:log-group:[^:]+):\*$", r"\1:log-stream:*", resource)


def _fits(resource: str, known: str) -> bool:
    """Tell whether an ARN, or a pattern of ARNs, is one of a kind such as `arn:...:table/${TableName}`."""
    names = re.split(r"\$\{(\w+)\}", known)
    parts = (_NAMES.get(part, "[^/:]*") if number % 2 else re.escape(part) for number, part in enumerate(names))
    return re.fullmatch("".join(parts), resource) is not None


def _keys(action: str, keys: set[str]) -> Iterator[str]:
    known = {key for entry in _entries(action) for key in entry["condition_keys"]}
    for key in keys - GLOBAL_KEYS:
        if not any(is_condition_key_match(name, key) for name in known):
            yield f"{action} does not know the condition key {key}"


def _principal(kind: str, statement: Statement) -> Iterator[str]:
    """Tell of a service that anybody could make act for them (IAM user guide, confused deputy)."""
    if set(statement["Principal"]) != {"Service"}:
        yield f"allows {statement['Principal']}"
    if kind in {"trust", "key"}:
        return
    conditions = [value for operator in statement.get("Condition", {}).values() for value in operator.items()]
    values = dict(conditions)
    sources = listed(values.get("aws:SourceArn", []))
    # An ARN of S3 bears no account: the name of a bucket that was deleted may be anybody's tomorrow.
    has_account = "aws:SourceAccount" in values or all(source.split(":")[4] for source in sources)
    if not sources or not has_account:
        yield "does not say for which account and resource the service acts"


def _condition_keys(statement: Statement) -> set[str]:
    return {key for operator in statement.get("Condition", {}).values() for key in operator}


@cache
def _entries(action: str) -> list[dict[str, Any]]:
    """Return what the service authorization reference says of an action, a kind of resource each."""
    service, _, name = action.partition(":")
    found: Any = get_action_data(service, name.rstrip("*"))
    return list(found[service]) if found else []
