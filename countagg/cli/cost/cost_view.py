"""Bills, as tables and as documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.render import grouped, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.cost.fleet_sizes import Sizes
from countagg.operate.cost.growth import Point, WindowEffect, article_sizes_of
from countagg.operate.cost.measured import Measured
from countagg.operate.cost.model import ASSUMED, HOPS, Bill, BillLine, Workload
from countagg.operate.cost.prices import SERVICES, Prices
from countagg.operate.cost.write_units import article_write_units_per_file, rhythm_of, write_units_per_file
from countagg.provision.settings import StackSettings

_CSV: Final = ("LAYOUT", "HOP", "SERVICE", "UNIT", "QUANTITY", "USD", "FORMULA")
_NO_DATA: Final = "no data"
_TOO_LARGE: Final = "too large"
OURS: Final = "countagg"
ARTICLE: Final = "article"


@dataclass(frozen=True, slots=True)
class Modelled:
    """What the model says of a fleet.

    Attributes:
        work: what the fleet does.
        choices: of setup, days spread as is recommended.
        sizes: of its files and items.
        ours: our bill.
        article: that of the article's layout; None if it does not fit into DynamoDB's items.
        by_instances, by_counters: bills of smaller and larger fleets.
        windows: bills with other windows.
    """

    work: Workload
    choices: StackSettings
    sizes: Sizes
    ours: Bill
    article: Bill | None
    by_instances: Sequence[Point]
    by_counters: Sequence[Point]
    windows: Sequence[WindowEffect]

    @property
    def units_per_file(self) -> dict[str, float | None]:
        """Write units of both layouts for each file."""
        work = self.work
        rhythm = rhythm_of(work, self.sizes, self.choices)
        units: dict[str, float | None] = {
            OURS: write_units_per_file(self.sizes, rhythm, work.counters, work.changed, work.changed_counters),
            ARTICLE: None,
        }
        if self.article is not None:
            sizes = article_sizes_of(work.instances, work.counters)
            units[ARTICLE] = article_write_units_per_file(
                sizes, work.counters, work.changed * work.changed_counters
            )
        return units


def write_modelled(session: Session, modelled: Modelled, prices: Prices, *, explain: bool) -> None:
    """Write the model's bills."""
    rows = [*_csv_rows(OURS, modelled.ours, prices), *_csv_rows(ARTICLE, modelled.article, prices)]
    text = _BillsAsText(session, modelled, prices)
    write_result(session, _modelled_document(modelled, prices), _CSV, rows, lambda: text.write(explain=explain))


def write_measured(session: Session, measured: Measured, prices: Prices) -> None:
    """Write a bill by measured rates."""
    total = _rounded(measured.bill.total(prices)) if measured.since else None
    document: dict[str, object] = {
        "measured_since": None if measured.since is None else measured.since.isoformat(),
        "measured_until": measured.until.isoformat(timespec="seconds"),
        "days": 30,
        "prices": _prices_document(prices),
        "complete": measured.bill.complete,
        "usd": total,
        "lines": [_line_document(line, prices) for line in measured.bill.lines],
    }

    def write_text() -> None:
        if measured.since is not None:
            hours = (measured.until - measured.since).total_seconds() / 3600
            session.result_console.print(
                f"30 days, at the rates of the last {hours:.1f} hours; {_price_note(prices)}\n"
            )
        _write_lines(session, measured.bill, prices, _NO_DATA if total is None else _money(total))

    write_result(session, document, _CSV, _csv_rows(OURS, measured.bill, prices), write_text)


def write_worst_day(session: Session, bill: Bill, prices: Prices) -> None:
    """Write what one instance's stolen right can cost."""
    document = {"days": 1, "prices": _prices_document(prices), "worst_day": _bill_document(bill, prices)}

    def write_text() -> None:
        session.result_console.print("what one instance's stolen right can cost in a day, at most, line by line")
        session.result_console.print(f"{_price_note(prices)}\n")
        _write_lines(session, bill, prices, _money(bill.total(prices)), formulas=True)

    write_result(session, document, _CSV, _csv_rows(OURS, bill, prices), write_text)


class _BillsAsText:
    """Bills for people."""

    def __init__(self, session: Session, modelled: Modelled, prices: Prices) -> None:
        self._session, self._found, self._prices = session, modelled, prices

    def write(self, *, explain: bool) -> None:
        work = self._found.work
        self._say(
            f"{grouped(work.instances)} instances, {grouped(work.counters)} counters, a file every "
            f"{work.interval:g} s, {work.days:g} days: {grouped(round(work.files))} files"
        )
        layout = self._found.choices.layout
        if layout.is_split:
            self._say(f"recommended, and reckoned with: --lanes {layout.lanes} --counter-shards {layout.shards}")
        self._say(f"{_price_note(self._prices)}\n")
        if explain:
            self._explain()
            return
        self._comparison("SERVICE", list(SERVICES), lambda bill: bill.by_service(self._prices))
        self._say("")
        self._comparison("HOP", list(HOPS), lambda bill: bill.by_hop(self._prices))
        self._say("")
        self._growth()
        self._say("")
        self._windows()

    def _say(self, text: str) -> None:
        self._session.result_console.print(text)

    def _comparison(self, title: str, names: list[str], sums: Any) -> None:  # noqa: ANN401 - a method of a bill
        bills = [self._found.ours, self._found.article]
        columns = [None if bill is None else sums(bill) for bill in bills]
        rows = [(name, *(_amount(column, name) for column in columns)) for name in names]
        totals = [_TOO_LARGE if bill is None else _money(bill.total(self._prices)) for bill in bills]
        header = (title, f"{OURS.upper()} USD", f"{ARTICLE.upper()} USD")
        write_table(self._session.result_console, header, [*rows, ("total", *totals)], frozenset(header[1:]))

    def _growth(self) -> None:
        header = ("INSTANCES", "COUNTERS", f"{OURS.upper()} USD", f"{ARTICLE.upper()} USD")
        rows = [
            (
                grouped(each.instances),
                grouped(each.counters),
                _or_too_large(each.ours),
                _or_too_large(each.article),
            )
            for each in (*self._found.by_instances, *self._found.by_counters)
        ]
        write_table(self._session.result_console, header, rows, frozenset(header))

    def _windows(self) -> None:
        header = ("WINDOW OF", "SECONDS", "FILES A CALL", "USD")
        rows = [
            (each.function, str(each.seconds), f"{each.files:,.1f}", _money(each.usd))
            for each in self._found.windows
        ]
        write_table(self._session.result_console, header, rows, frozenset(header[1:]))

    def _explain(self) -> None:
        for layout, bill in ((OURS, self._found.ours), (ARTICLE, self._found.article)):
            if bill is not None:
                self._say(f"{layout}\n")
                _write_lines(self._session, bill, self._prices, _money(bill.total(self._prices)), formulas=True)
                self._say("")
        for name, value in _assumptions(self._found).items():
            self._say(f"{name.replace('_', ' '):28} {value:,.6g}")
        units = self._found.units_per_file
        for layout, count in units.items():
            self._say(f"{f'write units a file, {layout}':28} {_TOO_LARGE if count is None else f'{count:,.2f}'}")
        self._say("")
        for meter, price in self._prices.of.items():
            self._say(f"{meter.value:18} {price.usd.normalize():f} USD a {meter.unit}: {price.source}")


def _write_lines(session: Session, bill: Bill, prices: Prices, total: str, *, formulas: bool = False) -> None:
    """Write a bill line by line, and what is given as its total."""
    header = ("HOP", "SERVICE", "QUANTITY", "UNIT", "USD")
    rows: list[tuple[str, ...]] = []
    for line in bill.lines:
        usd = line.usd(prices)
        quantity = _NO_DATA if line.quantity is None else _counted(line.quantity)
        cells = (line.hop, line.meter.service, quantity, line.meter.unit, _NO_DATA if usd is None else _money(usd))
        rows.append((*cells, line.formula) if formulas else cells)
    last = ("total", "", "", "", total)
    rows.append((*last, "") if formulas else last)
    write_table(
        session.result_console, (*header, "HOW") if formulas else header, rows, frozenset({"QUANTITY", "USD"})
    )


def _price_note(prices: Prices) -> str:
    """Tell whose prices a bill has."""
    return f"list prices of {prices.region}, {prices.as_of}; no free tier counted"


def _amount(sums: Mapping[str, Decimal] | None, name: str) -> str:
    if sums is None:
        return _TOO_LARGE
    return _money(sums[name]) if name in sums else "-"


def _or_too_large(usd: Decimal | None) -> str:
    return _TOO_LARGE if usd is None else _money(usd)


def _money(usd: Decimal) -> str:
    """Return an amount to the cent."""
    return f"{usd:,.2f}"


def _rounded(usd: Decimal) -> Decimal:
    return round(usd, 6)


def _counted(quantity: Decimal) -> str:
    return f"{quantity:,.0f}" if quantity >= 10 else f"{quantity:,.2f}"  # noqa: PLR2004 - fractions of less count


def _modelled_document(modelled: Modelled, prices: Prices) -> dict[str, object]:
    work = modelled.work
    return {
        "instances": work.instances,
        "counters": work.counters,
        "interval": work.interval,
        "days": work.days,
        "files": round(work.files),
        "recommended": {"lanes": modelled.choices.layout.lanes, "counter_shards": modelled.choices.layout.shards},
        "prices": _prices_document(prices),
        "free_tier": False,
        "layouts": {
            OURS: _bill_document(modelled.ours, prices),
            ARTICLE: None if modelled.article is None else _bill_document(modelled.article, prices),
        },
        "write_units_per_file": modelled.units_per_file,
        "growth": [_point_document(each) for each in (*modelled.by_instances, *modelled.by_counters)],
        "windows": [
            {
                "function": each.function,
                "seconds": each.seconds,
                "files_per_call": round(each.files, 3),
                "usd": _rounded(each.usd),
            }
            for each in modelled.windows
        ],
        "assumptions": _assumptions(modelled),
    }


def _point_document(point: Point) -> dict[str, object]:
    return {
        "instances": point.instances,
        "counters": point.counters,
        OURS: None if point.ours is None else _rounded(point.ours),
        ARTICLE: None if point.article is None else _rounded(point.article),
    }


def _bill_document(bill: Bill, prices: Prices) -> dict[str, object]:
    """Return a bill as JSON has it."""
    return {
        "usd": _rounded(bill.total(prices)),
        "by_service": {name: _rounded(usd) for name, usd in bill.by_service(prices).items()},
        "by_hop": {name: _rounded(usd) for name, usd in bill.by_hop(prices).items()},
        "lines": [_line_document(line, prices) for line in bill.lines],
    }


def _line_document(line: BillLine, prices: Prices) -> dict[str, object]:
    usd = line.usd(prices)
    return {
        "hop": line.hop,
        "service": line.meter.service,
        "meter": str(line.meter),
        "unit": line.meter.unit,
        "quantity": line.quantity,
        "usd": None if usd is None else _rounded(usd),
        "formula": line.formula,
    }


def _prices_document(prices: Prices) -> dict[str, object]:
    """Return as JSON has it whose prices they are."""
    return {"region": prices.region, "as_of": prices.as_of}


def _csv_rows(layout: str, bill: Bill | None, prices: Prices) -> Iterator[tuple[object, ...]]:
    """Yield a bill's lines as CSV has them."""
    for line in bill.lines if bill is not None else ():
        usd = line.usd(prices)
        quantity = "" if line.quantity is None else line.quantity
        cells = (line.hop, line.meter.service, line.meter.unit, quantity, "" if usd is None else _rounded(usd))
        yield (layout, *cells, line.formula)


def _assumptions(modelled: Modelled) -> dict[str, float]:
    """Return what the bill rests on besides prices: shares, sizes of the made-up fleet, and what is assumed."""
    work, sizes = modelled.work, modelled.sizes
    return {
        "changed_files": work.changed,
        "changed_counters": work.changed_counters,
        "file_bytes": sizes.file,
        "packed_bytes_per_counter": round(sizes.packed / work.counters, 3),
        "snapshot_bytes": sizes.snapshot,
        "ledger_bytes": sizes.ledger,
        "counter_item_bytes": sizes.counter,
        "files_kept_days": work.keep_days,
        **{f"assumed_{name}": value for name, value in asdict(ASSUMED).items()},
    }
