"""The command that tells what a fleet costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from countagg.aws.environments import read_environment
from countagg.aws.metrics import read_metrics
from countagg.aws.session import Clients, ConnectionOptions
from countagg.cli.app import completion
from countagg.cli.app.choice_options import complete_settings, taking_choices
from countagg.cli.app.options import OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.cost.cost_view import Modelled, write_measured, write_modelled, write_worst_day
from countagg.core.errors import UsageError
from countagg.operate.cost.countagg import our_bill
from countagg.operate.cost.growth import bill_of_article, grow_counters, grow_instances, sizes_of, vary_windows
from countagg.operate.cost.measured import Measured, full_hour, measure, measured_lines
from countagg.operate.cost.model import Workload, spread
from countagg.operate.cost.prices import DEFAULT_REGION, Prices, read_prices
from countagg.operate.cost.spreading import recommend_layout
from countagg.operate.cost.worst_day import worst_day
from countagg.operate.moments import parse_moment
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.settings import StackSettings

_CHOICES = (
    *("memory", "window", "retention", "max_concurrency", "max_counters", "bucket_versioning", "stale_alarm"),
    "dashboard",
)
"""Those that a bill depends on."""
_MEASURED_SINCE = "1d"
_WorstDayOption = Annotated[
    bool, typer.Option("--worst-day", help="What one instance's stolen right can cost in a day, at most.")
]
_SinceOption = Annotated[
    str | None,
    typer.Option(
        help="With --measured: an age such as 6h or 7d.",
        show_default=_MEASURED_SINCE,
        autocompletion=completion.one_of("6h", "1d", "7d", "30d"),
    ),
]


@command("cost")
@taking_choices("window", "memory", "stale_alarm", "dashboard")
def cost(
    session: Session,
    *,
    instances: Annotated[int, typer.Option(min=1, help="Instances of the fleet.")] = 100,
    counters: Annotated[int, typer.Option(min=1, help="Counters in each file.")] = 100,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two files of an instance.")] = 60.0,
    days: Annotated[float, typer.Option(min=0.001, max=36_600, help="Days to bill.")] = 30.0,
    changed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the files whose values differ from the file before.")
    ] = 1.0,
    changed_counters: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the counters that differ in such a file.")
    ] = 1.0,
    flags: Mapping[str, Any],
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file of prices to use instead of the built-in ones.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each line with its formula, the sizes and the assumptions.")
    ] = False,
    worst_day: _WorstDayOption = False,
    measured: Annotated[
        bool, typer.Option("--measured", help="Use what CloudWatch measured of the deployed stack.")
    ] = False,
    since: _SinceOption = None,
) -> None:
    """Show what a fleet costs a month, by service and by hop, beside the layout of the article of 2015.

    By list prices, without any free tier. It changes nothing, and without --measured it needs no stack.

    Example: countagg cost --instances 1000 --counters 100 --interval 60
    """
    if since is not None and not measured:
        raise UsageError("only a measured bill takes it", where="--since", hint="give --measured too")
    if measured:
        _write_measured(session, _measure(session, since or _MEASURED_SINCE), prices_of_region(session, prices))
    elif worst_day:
        _write_worst_day(session, _settings(session, flags), prices_of_region(session, prices))
    else:
        fleet = (instances, counters, interval, days, changed, changed_counters)
        settings = _settings(session, flags)
        _write_modelled(session, fleet, settings, prices_of_region(session, prices), explain=explain)


def prices_of_region(session: Session, file: Path | None = None) -> Prices:
    """Read the prices of the session's region, with a remark if they are another's."""
    asked = _region(session)
    prices = read_prices(asked, file)
    if prices.region != asked:
        session.remark(
            f"no prices of {asked} are known here; these are those of {prices.region}, see cost --prices"
        )
    return prices


def _region(session: Session) -> str:
    """Return the region whose prices are asked for."""
    if session.options.local or session.options.region:
        return session.options.region or DEFAULT_REGION
    return Clients(ConnectionOptions(session.options.profile)).session.region_name or DEFAULT_REGION


def _settings(session: Session, flags: Mapping[str, Any]) -> StackSettings:
    """Return what setup would choose, but for the options."""
    # A bill needs no bucket; settings do.
    return complete_settings(session, {**flags, "bucket": "any-bucket"}, Remembered(), (*_CHOICES, "bucket"))


def _write_worst_day(session: Session, settings: StackSettings, prices: Prices) -> None:
    write_worst_day(session, worst_day(settings), prices)


def _write_modelled(
    session: Session,
    fleet: tuple[int, int, float, float, float, float],
    settings: StackSettings,
    prices: Prices,
    *,
    explain: bool,
) -> None:
    work = Workload(*fleet)
    layout = recommend_layout(work.instances, work.counters, work.per_second)
    choices = spread(settings, layout)
    sizes = sizes_of(work.instances, work.counters, layout)
    with session.busy("sizing fleets"):
        modelled = Modelled(
            work=work,
            choices=choices,
            sizes=sizes,
            ours=our_bill(work, sizes, choices),
            article=bill_of_article(work),
            by_instances=grow_instances(work, choices, prices),
            by_counters=grow_counters(work, choices, prices),
            windows=vary_windows(work, choices, prices),
        )
    write_modelled(session, modelled, prices, explain=explain)


def _measure(session: Session, since: str) -> Measured:
    now = session.now()
    begin = full_hour(parse_moment(since, now, "--since"))
    if begin >= now:
        raise UsageError("it is in the future", where="--since")
    names = session.pipeline.names
    memory = {name: session.pipeline.function_memory(name) or 0 for name in names.functions.values()}
    lines = measured_lines(names, memory)
    metrics = list(dict.fromkeys(metric for line in lines for metric in line.metrics))
    remembered = Remembered.from_environment(read_environment(session.clients, names.stack))
    choices = Chosen(names.stack).settings(remembered)
    return measure(lines, read_metrics(session.clients, metrics, begin, now), now, choices)


def _write_measured(session: Session, measured: Measured, prices: Prices) -> None:
    write_measured(session, measured, prices)
    missing = sorted({line.hop for line in measured.bill.lines if line.quantity is None})
    if measured.since is None:
        session.remark("CloudWatch has no data of this stack for that time")
    elif missing:
        session.remark(f"CloudWatch has no data of a part of {', '.join(missing)}; the total is without it")
    if session.options.output is OutputForm.TABLE:
        session.remark("what is stored is not measured; see `countagg cost --explain`", style="dim")
