"""Commands that make and show a stack."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countagg.cli.app.choice_options import read_choices, taking_choices
from countagg.cli.app.options import DATA_FORMS, OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import ExpectAccountOption, YesOption
from countagg.cli.stack.adoption import tell_next
from countagg.cli.stack.carrying_out import ask, prepare_deployment, show_plan, write_changes
from countagg.cli.stack.plan_file import plan_again, save_plan
from countagg.cli.stack.settings_file import write_settings
from countagg.cli.terminal.render import for_reader, write_csv, write_table
from countagg.cli.terminal.result import write_document
from countagg.core.errors import UsageError
from countagg.core.names import variable_of
from countagg.provision.choices import NoBucket
from countagg.provision.place import bucket_name

# What they do is imported when they do it, so that help and completion of their many options are quick.
if TYPE_CHECKING:
    from countagg.operate.stack.deployment import Deployment, Plan


_USUAL_FLEET = (100, 100)

_TakeUpOption = Annotated[
    bool, typer.Option("--take-up", help="Have today's files counted that the bucket has already.")
]
_DetailsOption = Annotated[
    bool, typer.Option("--details", help="Show the plan with every field before the question.")
]
_PlanOption = Annotated[
    Path | None,
    typer.Option(
        "--plan", metavar="FILE", help="Carry out a plan of `plan --save`, without a question, and nothing else."
    ),
]


@command("setup", changes=True)
@taking_choices()
def setup(
    session: Session,
    flags: Mapping[str, Any],
    take_up: _TakeUpOption = False,
    details: _DetailsOption = False,
    saved: _PlanOption = None,
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
    deployment, reporter = prepare_deployment(session)
    planned = _planned(session, deployment, flags, saved, yes=yes)
    changes, began = planned.changes, session.now()
    if planned.is_pending:
        _ask(session, planned, saved, details=details, yes=yes)
        began = session.now()
        steps = apply(planned, reporter.begun, anything=yes and saved is None)
        changes = reporter.carry_out(steps, len(planned.changes))
    elif saved is not None:
        session.remark("nothing to do: all is as the plan would leave it")
    took = session.now() - began
    outputs = stack_outputs(session.clients, session.pipeline.settings, session.caller.place)
    write_changes(session, changes, took, {"outputs": outputs})
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
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plan to a file too, for `setup --plan`.")
    ] = None,
) -> None:
    """Show what setup would change, field by field, and touch nothing.

    Example: countagg plan --bucket my-counters --save plan.json
    """
    from countagg.cli.stack.plan_view import print_plan, write_plan

    deployment, _ = prepare_deployment(session)
    planned = _plan(session, deployment, flags)
    if session.options.output is not OutputForm.TABLE:
        write_changes(session, planned.changes, None, {})
    elif session.draws_on(session.stdout):
        print_plan(session.result_console, planned.changes)
    else:
        write_plan(session.stdout, planned.changes)
    if save is not None:
        save_plan(session, planned, flags, save)
    if detailed_exitcode and planned.is_pending:
        raise typer.Exit(6)


@command("outputs", forms=(*DATA_FORMS, OutputForm.ENV, OutputForm.TOML))
def outputs(
    session: Session,
    wanted: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this one, as it is.")] = None,
) -> None:
    """Show names, ARNs and addresses of the deployed stack, for other programs.

    With --output toml it is the settings file that `countagg upload` needs on the instances.

    Example: countagg outputs totals_stream_arn
    """
    from difflib import get_close_matches

    from countagg.operate.stack.outputs import instance_settings, stack_outputs

    if session.options.output is OutputForm.TOML:
        if wanted is not None:
            raise UsageError("the settings file is one", where="NAME, --output toml", hint="leave one of them out")
        write_settings(session, instance_settings(session.pipeline.settings, session.clients.region()))
        return
    named = stack_outputs(session.clients, session.pipeline.settings, session.caller.place)
    if wanted is not None and wanted not in named:
        near = get_close_matches(wanted.lower().replace("-", "_"), named)
        hint = "; ".join(filter(None, (", ".join(near), f"it is one of {', '.join(named)}")))
        raise UsageError(f"there is no output {wanted!r}", where="NAME", hint=hint)
    if wanted is not None:
        named = {wanted: named[wanted]}
    match session.options.output:
        case OutputForm.JSON:
            write_document(session, {"outputs": named})
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


def _ask(session: Session, planned: Plan, saved: Path | None, *, details: bool, yes: bool) -> None:
    """Show the plan and have it agreed to; whoever saved one has looked at it."""
    if saved is None:
        _tell_cost(session, planned)
        ask(session, planned, f"Change the stack {session.options.stack}?", "yes", yes=yes, whole=details)
    elif not session.options.quiet:
        show_plan(session, planned, whole=details)


def _planned(
    session: Session, deployment: Deployment, flags: Mapping[str, Any], saved: Path | None, *, yes: bool
) -> Plan:
    """Return what setup is to do: what a file says, or what is chosen."""
    if saved is not None:
        return plan_again(session, deployment, saved, flags)
    try:
        return _plan(session, deployment, flags)
    except NoBucket as error:
        return _plan(session, deployment, {**flags, **_propose_bucket(session, error, yes=yes)})


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
    if yes or not session.can_ask:
        raise error
    name = bucket_name(session.options.stack, session.caller.place)
    otherwise = "name a bucket that is there, or another new one with --create-bucket, by --bucket"
    session.confirm(f"No bucket is named. Create the bucket {name}?", "yes", yes=False, otherwise=otherwise)
    return {"bucket": name, "create_bucket": True}


def _tell_cost(session: Session, planned: Plan) -> None:
    """Say what is new will cost: a stack about, where the prices of its region are known; a dashboard."""
    from countagg.operate.cost.growth import monthly_usd
    from countagg.operate.cost.prices import read_prices
    from countagg.provision.dashboard import DASHBOARD_NODE
    from countagg.provision.reconcile import Action
    from countagg.provision.settings import DASHBOARD_PRICE

    created = {change.resource for change in planned.changes if change.action is Action.CREATE}
    if DASHBOARD_NODE in created:
        session.remark(f"cost       {DASHBOARD_PRICE}, for the dashboard")
    if "table/snapshots" not in created:
        return
    region = session.caller.place.region
    prices = read_prices(region)
    if prices.region == region:
        usd = monthly_usd(*_USUAL_FLEET, prices)
        fleet = "{} instances of {} counters, every minute".format(*_USUAL_FLEET)
        session.remark(f"cost       {usd:,.0f} USD a month for {fleet}")
        session.remark("           `countagg cost` estimates others")
