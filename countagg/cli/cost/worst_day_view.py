"""The worst bill of a day in all forms."""

from __future__ import annotations

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.cost.cost_view import (
    CSV,
    bill_document,
    csv_rows,
    money,
    price_note,
    prices_document,
    write_lines,
)
from countagg.cli.terminal.render import write_csv, write_json
from countagg.operate.cost.model import Bill
from countagg.operate.cost.prices import Prices

_LAYOUT = "countagg"


def write_worst_day(session: Session, bill: Bill, prices: Prices) -> None:
    """Write what one instance's stolen right can cost."""
    if session.options.output is OutputForm.JSON:
        worst = bill_document(bill, prices)
        write_json(session.stdout, {"days": 1, "prices": prices_document(prices), "worst_day": worst})
    elif session.options.output is OutputForm.CSV:
        write_csv(session.stdout, CSV, csv_rows(_LAYOUT, bill, prices))
    else:
        session.result_console.print("what one instance's stolen right can cost in a day, at most, line by line")
        session.result_console.print(f"{price_note(prices)}\n")
        write_lines(session, bill, prices, money(bill.total(prices)), formulas=True)
