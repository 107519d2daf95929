"""The command that removes a stack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from countagg.cli.app.options import OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import ExpectAccountOption, YesOption
from countagg.cli.stack.carrying_out import ask, prepare_deployment, write_changes
from countagg.core.errors import LeftOver

# What it does is imported when it does it, so that help and completion are quick.
if TYPE_CHECKING:
    from countagg.operate.stack.deployment import Plan, Receipt
    from countagg.provision.reconcile import Change


@command("teardown", changes=True)
def teardown(
    session: Session,
    bucket: Annotated[
        str | None, typer.Option(help="The bucket, if nothing of the stack is left to name it.")
    ] = None,
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep tables and bucket.")] = False,
    keep_logs: Annotated[bool, typer.Option("--keep-logs", help="Keep the log groups.")] = False,
    delete_objects: Annotated[
        bool, typer.Option("--delete-objects", help="Delete a bucket that setup created with all its objects.")
    ] = False,
    delete_protected: Annotated[
        bool, typer.Option("--delete-protected", help="Delete tables that are protected against deletion.")
    ] = False,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Remove the pipeline and nothing else.

    A bucket that setup created goes only when it is empty, or with --delete-objects.

    Example: countagg teardown --keep-data
    """
    from countagg.aws.kinds.context import Forced
    from countagg.operate.stack.deployment import remove
    from countagg.provision.reconcile import Holds

    session.introduce(expect_account)
    keep = frozenset(holds for holds, kept in ((Holds.DATA, keep_data), (Holds.LOGS, keep_logs)) if kept)
    deployment, reporter = prepare_deployment(session)
    stack, forced = session.options.stack, Forced(objects=delete_objects, protected=delete_protected)
    planned = deployment.plan_removal(stack, bucket, keep, forced)
    changes, began = planned.changes, session.now()
    if planned.is_pending:
        _confirm_removal(session, planned, yes=yes)
        began = session.now()
        changes = reporter.carry_out(remove(planned, keep, reporter.begun, anything=yes), len(changes))
    receipt = deployment.receipt(stack, planned, changes)
    _write_receipt(session, changes, receipt, session.now() - began)


def _confirm_removal(session: Session, planned: Plan, *, yes: bool) -> None:
    """Have the stack's name typed, and the bucket's too if its objects are to go."""
    ask(session, planned, "This cannot be undone.", session.options.stack, yes=yes)
    for change in planned.changes:
        if change.resource == "bucket" and change.contents:
            session.confirm(f"The bucket goes with {change.contents}.", change.name, yes=yes)


def _write_receipt(session: Session, changes: Sequence[Change], receipt: Receipt, took: timedelta) -> None:
    from countagg.cli.stack.plan_view import print_receipt

    if not changes and not receipt.left_over:
        session.remark(
            f"nothing is left of a stack {session.options.stack!r} in {session.caller.place.region}; "
            "if its bucket still notifies it, name the bucket with --bucket"
        )
    if session.options.output is OutputForm.TABLE:
        told = session.stdout.isatty() and session.stderr.isatty() and not session.options.quiet
        print_receipt(session.result_console, changes, told=told)
    document = {
        "left_over": list(receipt.left_over),
        "searched_by_tag": receipt.searched_by_tag,
        "foreign_notifications": receipt.foreign,
        "foreign_notifications_unchanged": receipt.foreign_unchanged,
    }
    write_changes(session, changes, took, document)
    if receipt.foreign or not receipt.foreign_unchanged:
        what = "unchanged" if receipt.foreign_unchanged else "CHANGED by somebody else meanwhile"
        session.remark(f"notifications of others on the bucket: {receipt.foreign}, {what}")
    if not receipt.searched_by_tag:
        session.remark("not searched by tag: this principal may not (tag:GetResources)")
    if receipt.left_over:
        raise LeftOver(f"still there: {', '.join(receipt.left_over)}", hint=_way_out(receipt))


def _way_out(receipt: Receipt) -> str:
    again = "run `countagg teardown` again"
    if any(name.startswith("arn:") for name in receipt.left_over):
        return f"{again}; what is named by its ARN only bears the stack's tag: remove it, or the tag, yourself"
    return again
