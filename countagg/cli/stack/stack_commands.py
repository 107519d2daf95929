"""Commands that make, show and remove a stack."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countagg.cli.app.choice_options import read_choices, taking_choices
from countagg.cli.app.options import OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import ExpectAccountOption, YesOption
from countagg.cli.stack.adoption import tell_next
from countagg.cli.stack.settings_file import write_settings
from countagg.cli.terminal.render import for_reader, write_csv, write_json, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.errors import LeftOver, UsageError
from countagg.core.names import variable_of
from countagg.provision.choices import NoBucket
from countagg.provision.place import bucket_name

# What they do is imported when they do it, so that help and completion of their many options are quick.
if TYPE_CHECKING:
    from countagg.cli.stack.setup_progress import Reporter
    from countagg.operate.stack.deployment import Deployment, Plan, Receipt
    from countagg.provision.reconcile import Change


_USUAL_FLEET = (100, 100)
_LONG_PLAN = 20
"""Lines; a longer one is asked about in short."""


@command("setup", changes=True)
@taking_choices()
def setup(
    session: Session,
    flags: Mapping[str, Any],
    take_up: Annotated[
        bool, typer.Option("--take-up", help="Have today's files counted that the bucket has already.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Show the plan with every field before the question.")
    ] = False,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Set the pipeline up, or bring it back to what it should be.

    Safe to run again at any time: what is right already is not touched, and what a killed run left undone is
    finished. What is not said stays as it was chosen before; `none` takes a choice back.

    Example: countagg setup --bucket my-counters --create-bucket
    """
    from countagg.operate.stack.deployment import apply
    from countagg.operate.stack.outputs import stack_outputs

    session.introduce(expect_account)
    deployment, reporter = _deployment(session)
    try:
        planned = _plan(session, deployment, flags)
    except NoBucket as error:
        planned = _plan(session, deployment, {**flags, **_propose_bucket(session, error, yes=yes)})
    changes, began = planned.changes, session.now()
    if planned.is_pending:
        _tell_cost(session, planned)
        _ask(session, planned, f"Change the stack {session.options.stack}?", "yes", yes=yes, whole=details)
        began = session.now()
        changes = reporter.carry_out(apply(planned, reporter.begun, anything=yes), len(planned.changes))
    took = session.now() - began
    outputs = stack_outputs(session.clients, session.pipeline.settings, session.caller.place)
    _write_changes(session, changes, took, {"outputs": outputs})
    if session.options.output is OutputForm.TABLE:
        session.result_console.print("")
        write_table(session.result_console, ("OUTPUT", "VALUE"), list(outputs.items()))
    tell_next(session, changes, take_up=take_up)


@command("plan")
@taking_choices()
def plan(
    session: Session,
    flags: Mapping[str, Any],
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 6 if changes are pending.")
    ] = False,
) -> None:
    """Show what setup would change, field by field, and touch nothing.

    Example: countagg plan --detailed-exitcode
    """
    from countagg.cli.stack.plan_view import print_plan

    deployment, _ = _deployment(session)
    planned = _plan(session, deployment, flags)
    if session.options.output is OutputForm.TABLE:
        print_plan(session.result_console, planned.changes)
    else:
        _write_changes(session, planned.changes, None, {})
    if detailed_exitcode and planned.is_pending:
        raise typer.Exit(6)


@command("outputs", forms=tuple(OutputForm))
def outputs(
    session: Session,
    wanted: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this one, as it is.")] = None,
) -> None:
    """Show names, ARNs and addresses of the deployed stack, for other programs.

    With --output toml it is the settings file that `countagg upload` needs on the instances.

    Example: countagg outputs totals_stream_arn
    """
    from countagg.operate.stack.outputs import instance_settings, stack_outputs

    if session.options.output is OutputForm.TOML:
        if wanted is not None:
            raise UsageError("the settings file is one", where="NAME, --output toml", hint="leave one of them out")
        region = session.clients.session.region_name
        write_settings(session, instance_settings(session.pipeline.settings, region))
        return
    named = stack_outputs(session.clients, session.pipeline.settings, session.caller.place)
    if wanted is not None and wanted not in named:
        raise UsageError(f"there is no output {wanted!r}", where="NAME", hint=f"it is one of {', '.join(named)}")
    if wanted is not None:
        named = {wanted: named[wanted]}
    match session.options.output:
        case OutputForm.JSON:
            write_json(session.stdout, {"outputs": named})
        case OutputForm.ENV:
            for name, value in named.items():
                line = f"export {variable_of(name)}={shlex.quote(value)}"
                session.stdout.write(for_reader(session.stdout, line) + "\n")
        case OutputForm.CSV:
            write_csv(session.stdout, ("output", "value"), list(named.items()))
        case _ if wanted is not None:
            session.stdout.write(for_reader(session.stdout, named[wanted]) + "\n")
        case _:
            write_table(session.result_console, ("OUTPUT", "VALUE"), list(named.items()))


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
    from countagg.aws.kinds.binding import Forced
    from countagg.operate.stack.deployment import remove
    from countagg.provision.reconcile import Holds

    session.introduce(expect_account)
    keep = frozenset(holds for holds, kept in ((Holds.DATA, keep_data), (Holds.LOGS, keep_logs)) if kept)
    deployment, reporter = _deployment(session)
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
    _ask(session, planned, "This cannot be undone.", session.options.stack, yes=yes)
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
    if changes and session.options.output is OutputForm.TABLE:
        print_receipt(session.result_console, changes)
        session.result_console.print("")
    document = {
        "left_over": list(receipt.left_over),
        "searched_by_tag": receipt.searched_by_tag,
        "foreign_notifications": receipt.foreign,
        "foreign_notifications_unchanged": receipt.foreign_unchanged,
    }
    _write_changes(session, changes, took, document)
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


def _deployment(session: Session) -> tuple[Deployment, Reporter]:
    from countagg.aws.waiting import Patience
    from countagg.cli.stack.setup_progress import Reporter
    from countagg.operate.stack.deployment import Deployment

    reporter = Reporter(session.progress_console, quiet=session.options.quiet)
    return Deployment(session.clients, session.caller, Patience(reporter.waiting, warn=reporter.warning)), reporter


def _plan(session: Session, deployment: Deployment, flags: Mapping[str, Any]) -> Plan:
    with session.preferences.sources_named(flags):
        try:
            return deployment.plan(read_choices(session, flags))
        except NoBucket as error:
            usual = bucket_name(session.options.stack, session.caller.place)
            hint = f"give --bucket {usual} --create-bucket, or a --bucket that is there"
            raise NoBucket(error.what, where=error.where, hint=hint) from error


def _propose_bucket(session: Session, error: NoBucket, *, yes: bool) -> dict[str, Any]:
    """Return the choice of a new bucket of the usual name, if somebody is there who agrees to it.

    Raises:
        NoBucket: there is no terminal to ask on, or `--yes` agrees to what nobody named.
        Declined: another answer.
    """
    if yes or not session.stdin.isatty():
        raise error
    name = bucket_name(session.options.stack, session.caller.place)
    session.confirm(f"No bucket is named. Create the bucket {name}?", "yes", yes=False)
    return {"bucket": name, "create_bucket": True}


def _tell_cost(session: Session, planned: Plan) -> None:
    """Say what a new stack will cost about, where the prices of its region are known."""
    from countagg.operate.cost.growth import monthly_usd
    from countagg.operate.cost.prices import read_prices

    if not any((change.resource, change.action) == ("table/snapshots", "create") for change in planned.changes):
        return
    region = session.caller.place.region
    prices = read_prices(region)
    if prices.region == region:
        usd = monthly_usd(*_USUAL_FLEET, prices)
        fleet = "{} instances with {} counters each, every minute".format(*_USUAL_FLEET)
        session.remark(f"cost       {usd:,.0f} USD a month for {fleet}; `countagg cost` reckons others")


def _ask(session: Session, planned: Plan, question: str, answer: str, *, yes: bool, whole: bool = True) -> None:
    """Show what is about to be done, a long plan in short where one may ask for all, and have it agreed to."""
    from countagg.cli.stack.plan_summary import summary_lines
    from countagg.cli.stack.plan_view import plan_lines, print_plan

    console = session.progress_console

    def show_plan() -> None:
        print_plan(console, planned.changes)
        console.print("")

    asked = session.stdin.isatty() and not yes
    is_long = asked and not whole and len(plan_lines(planned.changes)) > _LONG_PLAN
    if not session.options.quiet:
        console.print("")
        if is_long:
            for line in summary_lines(planned.changes):
                console.print(line)
            console.print("")
        else:
            show_plan()
    session.confirm(question, answer, yes=yes, details=show_plan if is_long else None)


def _write_changes(
    session: Session, changes: Sequence[Change], took: timedelta | None, more: Mapping[str, Any]
) -> None:
    """Write what was done, or would be, to stdout."""
    from countagg.cli.stack.plan_view import change_documents, tally_line
    from countagg.operate.stack.deployment import tally

    document = {
        "stack": session.options.stack,
        "account": session.caller.place.account,
        "region": session.caller.place.region,
        "changes": change_documents(changes),
        "summary": tally(changes),
        **({} if took is None else {"seconds": round(took.total_seconds(), 1)}),
        **more,
    }
    rows = [(change.resource, str(change.action), change.name, change.note) for change in changes]
    told = tally_line(changes, done=True) + ("" if took is None else f" in {took.total_seconds():.0f} s")
    header = ("resource", "action", "name", "note")
    write_result(session, document, header, rows, lambda: session.result_console.print(told))
