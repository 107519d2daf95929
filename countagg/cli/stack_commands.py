"""Commands that make, show and remove a stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from countagg.cli.options import OutputForm
from countagg.cli.registry import command
from countagg.cli.render import write_csv, write_json
from countagg.cli.session import Session
from countagg.core.errors import LeftOver

if TYPE_CHECKING:
    from countagg.aws.waiting import Patience
    from countagg.operate.deployment import Chosen
    from countagg.provision.reconcile import Action, Change

_PANEL = "Set up and tear down"

BucketOption = Annotated[
    str | None,
    typer.Option("--bucket", help="Bucket with the counter files; that of the deployed stack if left out."),
]
CreateBucketOption = Annotated[bool, typer.Option("--create-bucket", help="Create the bucket; it is ours then.")]
PrefixOption = Annotated[
    str | None, typer.Option("--prefix", help="Folder of the counter files.", show_default="counters/")
]
OutputPrefixOption = Annotated[
    str | None, typer.Option("--output-prefix", help="Folder of the published totals.", show_default="totals/")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
ExpectAccountOption = Annotated[
    str | None, typer.Option("--expect-account", help="Refuse to work on another account.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    command(app, "setup", _PANEL)(setup)
    command(app, "plan", _PANEL)(plan)
    command(app, "teardown", _PANEL)(teardown)


def setup(
    session: Session,
    bucket: BucketOption = None,
    create_bucket: CreateBucketOption = False,
    prefix: PrefixOption = None,
    output_prefix: OutputPrefixOption = None,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Set the pipeline up, or bring it back to what it should be.

    Safe to run again at any time: what is right already is not touched, and what a killed run left undone is
    finished.

    Example: countagg setup --bucket my-counters --create-bucket
    """
    from countagg.cli.changes import tally_line
    from countagg.operate.deployment import Deployment, apply
    from countagg.operate.deployment import plan as make_plan
    from countagg.provision.reconcile import Action

    session.introduce(expect_account)
    deployment = Deployment(session.clients, session.caller, _patience(session))
    nodes = deployment.nodes(_chosen(session, bucket, prefix, output_prefix, create_bucket=create_bucket))
    changes = make_plan(nodes)
    if any(change.action is not Action.KEEP for change in changes):
        _show_plan(session, changes)
        session.confirm(f"Change the stack {session.options.stack}?", "yes", yes=yes)
        changes = tuple(apply(nodes, _announcing(session)))
    _write_changes(session, changes, [tally_line(changes, done=True)])
    upload, query = session.invocation("upload-sample --wait"), session.invocation("query --date today")
    session.remark(f"next: {upload}, then {query}", style="dim")


def plan(
    session: Session,
    bucket: BucketOption = None,
    create_bucket: CreateBucketOption = False,
    prefix: PrefixOption = None,
    output_prefix: OutputPrefixOption = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 6 if changes are pending.")
    ] = False,
) -> None:
    """Show what setup would change, and touch nothing.

    Example: countagg plan --detailed-exitcode
    """
    from countagg.cli.changes import describe_changes, tally_line
    from countagg.operate.deployment import Deployment
    from countagg.operate.deployment import plan as make_plan
    from countagg.provision.reconcile import Action

    deployment = Deployment(session.clients, session.caller, _patience(session))
    changes = make_plan(
        deployment.nodes(_chosen(session, bucket, prefix, output_prefix, create_bucket=create_bucket))
    )
    _write_changes(session, changes, [*describe_changes(changes), tally_line(changes, done=False)])
    if detailed_exitcode and any(change.action is not Action.KEEP for change in changes):
        raise typer.Exit(6)


def teardown(
    session: Session,
    bucket: Annotated[
        str | None, typer.Option(help="The bucket, where nothing is left of the stack that names it.")
    ] = None,
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep tables and bucket.")] = False,
    keep_logs: Annotated[bool, typer.Option("--keep-logs", help="Keep the log groups.")] = False,
    delete_objects: Annotated[
        bool, typer.Option("--delete-objects", help="Delete a bucket that setup created with all its objects.")
    ] = False,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Remove the pipeline, and nothing of anybody else's.

    A bucket that setup created goes only when it is empty, or with --delete-objects.

    Example: countagg teardown --keep-data
    """
    from countagg.cli.changes import tally_line
    from countagg.operate.deployment import Deployment, plan_removal, remove
    from countagg.provision.reconcile import Action, Holds

    session.introduce(expect_account)
    keep = frozenset(holds for holds, kept in ((Holds.DATA, keep_data), (Holds.LOGS, keep_logs)) if kept)
    deployment = Deployment(session.clients, session.caller, _patience(session))
    nodes = deployment.nodes_to_remove(session.options.stack, bucket, delete_objects=delete_objects)
    changes = plan_removal(nodes, keep)
    if any(change.action is Action.DELETE for change in changes):
        _show_plan(session, changes)
        session.confirm("This cannot be undone.", session.options.stack, yes=yes)
        changes = tuple(remove(nodes, keep, _announcing(session)))
        remaining = deployment.left_over(nodes, changes)
        if remaining:
            raise LeftOver(
                f"still there: {', '.join(remaining)}", hint=f"run `{session.invocation('teardown')}` again"
            )
    if not changes:
        session.remark(
            f"nothing is left of a stack {session.options.stack!r} in {session.caller.place.region}; "
            "if its bucket still notifies it, name the bucket with --bucket"
        )
    _write_changes(session, changes, [tally_line(changes, done=True), *_kept(changes)])


def _chosen(
    session: Session, bucket: str | None, prefix: str | None, output_prefix: str | None, *, create_bucket: bool
) -> Chosen:
    from countagg.operate.deployment import Chosen

    preferences = session.preferences
    return Chosen(
        stack=session.options.stack,
        bucket=bucket or preferences.text("bucket"),
        create_bucket=create_bucket,
        prefix=prefix or preferences.text("prefix"),
        output_prefix=output_prefix or preferences.text("output_prefix"),
    )


def _patience(session: Session) -> Patience:
    from countagg.aws.waiting import Patience

    return Patience(lambda what: session.remark(f"waiting for {what}", style="dim"))


def _announcing(session: Session) -> Callable[[str, Action], None]:
    return lambda resource, action: session.remark(f"{action:<8}{resource}")


def _kept(changes: Sequence[Change]) -> list[str]:
    return [f"kept {change.resource}: {change.note}" for change in changes if change.note]


def _show_plan(session: Session, changes: Sequence[Change]) -> None:
    """Show on stderr what is about to be done."""
    from countagg.cli.changes import describe_changes

    session.remark("")
    for line in describe_changes(changes):
        session.remark(line)
    session.remark("")


def _write_changes(session: Session, changes: Sequence[Change], summary: Sequence[str]) -> None:
    """Write what was done, or would be, to stdout."""
    from countagg.operate.deployment import tally

    if session.options.output is OutputForm.JSON:
        rows = [{"resource": change.resource, "action": str(change.action)} for change in changes]
        write_json(session.stdout, {"stack": session.options.stack, "changes": rows, "summary": tally(changes)})
    elif session.options.output is OutputForm.CSV:
        write_csv(
            session.stdout,
            ("resource", "action", "note"),
            [(change.resource, str(change.action), change.note) for change in changes],
        )
    else:
        for line in summary:
            session.result_console.print(line)
