"""The command that tells where AWS's console shows a stack."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from countagg.cli.app import completion
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import write_table
from countagg.cli.terminal.result import write_result
from countagg.core.errors import ConnectionProblem, CountaggError, UsageError
from countagg.core.names import Names
from countagg.provision.console import ConsolePart, console_addresses

if TYPE_CHECKING:
    from countagg.provision.place import Place

_HEADER: Final = ("PART", "NAME", "ADDRESS")
_FUNCTIONS: Final = tuple(Names("any").functions)
_OF_AWS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")
"""How the names of AWS's endpoints end, those of dual stack among them (AWS General Reference, endpoints)."""

PartArgument = Annotated[
    ConsolePart | None,
    typer.Argument(metavar="PART", help="bucket, function, logs or dashboard; all without one."),
]
FunctionArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="FUNCTION",
        help="Of function and logs: processor, aggregator or publisher.",
        autocompletion=completion.one_of(*_FUNCTIONS),
    ),
]


@command("open")
def open_console(
    session: Session,
    part: PartArgument = None,
    function: FunctionArgument = None,
    browser: Annotated[bool, typer.Option("--browser", help="Open it in the browser too.")] = False,
) -> None:
    """Show where AWS's console has the stack, and open it there.

    One address alone is printed as it is, for other programs.

    Example: countagg open logs publisher
    """
    _check(part, function)
    place = _place(session)
    settings, names = session.pipeline.settings, session.pipeline.names
    every = list(console_addresses(names, place, settings.bucket, settings.prefix))
    name = None if function is None else names.functions[function]
    wanted = (None, name, name and Names.log_group(name))
    addresses = [each for each in every if part in (None, each.part) and (name is None or each.name in wanted)]
    if browser and len(addresses) > 1:
        raise UsageError(
            f"there are {len(addresses)} addresses",
            where="--browser",
            hint="name one: `countagg open function publisher --browser`",
        )
    document = {
        "stack": session.options.stack,
        "account": place.account,
        "region": place.region,
        "addresses": [asdict(each) for each in addresses],
    }
    rows = [(each.part.value, each.name, each.url) for each in addresses]
    write_result(session, document, _HEADER, rows, lambda: _write_text(session, rows))
    session.remark(f"in account {place.account}, which the browser has to be signed in to")
    if part is ConsolePart.DASHBOARD:
        session.remark("a stack has a dashboard if it was chosen: `countagg setup --dashboard`")
    if browser and not webbrowser.open(addresses[0].url):
        raise CountaggError("no browser could be started", where="--browser", hint="open the address by hand")


def _check(part: ConsolePart | None, function: str | None) -> None:
    if function is None:
        return
    if part not in (ConsolePart.FUNCTION, ConsolePart.LOGS):
        raise UsageError(f"there is one {part} of a stack", where="FUNCTION", hint="leave it out")
    if function not in _FUNCTIONS:
        raise UsageError(
            f"there is no function {function!r}", where="FUNCTION", hint=f"one of {', '.join(_FUNCTIONS)}"
        )


def _place(session: Session) -> Place:
    """Return where the stack is.

    Raises:
        ConnectionProblem: no console shows it.
    """
    hint = "leave --local and --endpoint-url out for a stack on AWS"
    if session.options.local:
        raise ConnectionProblem("the embedded engine has no console", where="--local", hint=hint)
    endpoint = session.clients.lambda_.meta.endpoint_url
    if not (urlsplit(endpoint).hostname or "").endswith(_OF_AWS):
        raise ConnectionProblem("only AWS has a console", where=endpoint, hint=hint)
    return session.caller.place


def _write_text(session: Session, rows: list[tuple[str, str, str]]) -> None:
    if len(rows) == 1:
        session.result_console.print(rows[0][-1], soft_wrap=True)
    else:
        write_table(session.result_console, _HEADER, rows)
