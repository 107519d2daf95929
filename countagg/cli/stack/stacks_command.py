"""The command that lists stacks."""

from __future__ import annotations

from dataclasses import asdict

from countagg.aws.tagged import tagged_by_stack
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import write_table
from countagg.cli.terminal.result import write_result
from countagg.operate.stack.stacks import find_stacks

_HEADER = ("STACK", "RESOURCES", "FUNCTIONS", "TABLES", "BUCKET")


@command("stacks")
def stacks(session: Session) -> None:
    """List the stacks of this account and region, by their tag.

    Only a bucket that setup created is told. AWS goes on listing for a while what was deleted.

    Example: countagg stacks
    """
    region = session.clients.region()
    found = find_stacks(tagged_by_stack(session.clients))
    rows = [
        (each.stack, str(each.resources), str(each.functions), str(each.tables), each.bucket or "")
        for each in found
    ]

    def write_text() -> None:
        if rows:
            write_table(session.result_console, _HEADER, rows, numeric=frozenset(_HEADER[1:4]))
        else:
            session.remark(f"there is no stack in {region}; `countagg setup` makes one")

    document = {"region": region, "stacks": [asdict(each) for each in found]}
    write_result(session, document, [name.lower() for name in _HEADER], rows, write_text)
