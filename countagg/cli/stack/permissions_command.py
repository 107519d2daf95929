"""The command that prints IAM policies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from countagg.aws.environments import read_environment
from countagg.aws.session import configured_place
from countagg.cli.app.choice_options import POLICY_CHOICES, complete_settings, taking_choices
from countagg.cli.app.options import DOCUMENT_FORMS
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.stack.carrying_out import prepare_patience
from countagg.cli.terminal.result import write_foreign_document
from countagg.core.errors import InvalidObjectKey, UsageError
from countagg.operate.selftest.selftest import THROW_AWAY, throw_away_bucket
from countagg.provision.choices import Remembered
from countagg.provision.instance_policy import INSTANCE_TAG, instance_policy
from countagg.provision.permissions import (
    INLINE_POLICY_SIZE,
    MANAGED_POLICY_SIZE,
    Audience,
    role_policy,
)
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings

_MAKING_ROLES = frozenset({Audience.DEPLOYER, Audience.SELFTEST})
_RoleOption = Annotated[Audience, typer.Option(help="Who the policy is for.")]
_InstanceIdOption = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="Instance that may write its files; may be repeated.")
]
_SubscriberOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ARN", help="Function or queue that `subscribe` may add; may be repeated."),
]
_AccountOption = Annotated[
    str | None, typer.Option(metavar="ID", help="Account of the stack; with it, AWS is not asked.")
]


@command("permissions print", forms=DOCUMENT_FORMS)
@taking_choices(*POLICY_CHOICES)
def print_policy(
    session: Session,
    *,
    role: _RoleOption,
    instance_id: _InstanceIdOption = None,
    subscriber: _SubscriberOption = None,
    account: _AccountOption = None,
    flags: Mapping[str, Any],
) -> None:
    """Print the IAM policy of a role: what its commands call, on this stack's resources, and nothing else.

    The document is IAM's own, ready for `aws iam put-role-policy`. With --account, --region and --bucket it takes
    no credentials.

    Example: countagg permissions print --role reader
    """
    if instance_id and role is not Audience.INSTANCE:
        raise UsageError(
            "only the policy of an instance names instances", where="--instance-id", hint="give --role instance"
        )
    place = _place(session, account)
    if role is Audience.SELFTEST and not session.options.stack_flag:
        flags = {**flags, "bucket": flags["bucket"] or _throw_away(session, place), "create_bucket": True}
    settings = complete_settings(session, flags, _remembered(session, account), POLICY_CHOICES)
    if subscriber:
        settings = _with_subscribers(session, settings, subscriber, account)
    document = _document(role, instance_id or (), settings, place)
    write_foreign_document(session, document)
    if role is Audience.INSTANCE and not instance_id:
        session.remark(f"tag the instance's role, or its session, with {INSTANCE_TAG} = the instance's id")
    if role in _MAKING_ROLES and not settings.permissions_boundary:
        session.remark(
            "who has this policy can give the functions any right of the account: "
            "set up with --permissions-boundary, and it asks for that boundary on every role"
        )
    _remark_on_size(session, len(json.dumps(document, separators=(",", ":"))))


def _document(role: Audience, instances: Sequence[str], settings: StackSettings, place: Place) -> dict[str, Any]:
    if role is not Audience.INSTANCE:
        return role_policy(role, settings, place)
    try:
        return instance_policy(instances, settings, place)
    except InvalidObjectKey as error:
        raise UsageError(
            error.what, where="--instance-id", hint="give what the file's name has after values_"
        ) from error


def _with_subscribers(
    session: Session, settings: StackSettings, said: Sequence[str], account: str | None
) -> StackSettings:
    """Return the settings of a stack to which these are subscribed too."""
    from countagg.operate.stack.subscribing import Subscribing

    if account is not None:
        raise UsageError(
            "the role of a function is read from AWS",
            where="--subscriber, --account",
            hint="leave one of them out",
        )
    patience, _ = prepare_patience(session)
    subscribing = Subscribing(session.clients, session.caller, patience, session.options.stack)
    added = [subscribing.read(each) for each in said]
    return replace(settings, subscriptions=(*settings.subscriptions, *added))


def _throw_away(session: Session, place: Place) -> str:
    """Turn to the stack that a self-test makes; return its bucket."""
    session.options = replace(session.options, stack=THROW_AWAY)
    return throw_away_bucket(place)


def _remark_on_size(session: Session, size: int) -> None:
    if size > INLINE_POLICY_SIZE:
        session.remark(f"{size:,} characters without white space: more than a policy may have; print it in parts")
    elif size > MANAGED_POLICY_SIZE:
        session.remark(f"{size:,} characters: too many for a managed policy, but a role takes it as an inline one")


def _place(session: Session, account: str | None) -> Place:
    if account is None:
        return session.caller.place
    if not (account.isascii() and account.isdecimal() and len(account) == 12):  # noqa: PLR2004 - of every account
        raise UsageError(f"{account!r} is not an account", where="--account", hint="give its 12 digits")

    return configured_place(session.clients, account)


def _remembered(session: Session, account: str | None) -> Remembered:
    environment = {} if account else read_environment(session.clients, session.options.stack)
    return Remembered.from_environment(environment)
