"""The app: its commands under one name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from countagg.cli.app.groups import App
from countagg.cli.app.options import global_parameters
from countagg.cli.app.wrong_usage import WRONG_USAGE, as_usage_error
from countagg.cli.terminal.process import collect_late, end_process
from countagg.cli.terminal.streams import open_standard_streams
from countagg.core.errors import CountaggError, Declined

_EPILOG = (
    "In the order of work: setup, upload-sample, query, status, teardown. "
    "`countagg help setup` tells of one command, with an example. Without an AWS account: `countagg demo`."
)
_HELP_OPTIONS = {"help_option_names": ["--help", "-h"]}


def make_app() -> typer.Typer:
    """Return the app with all its commands."""
    app = typer.Typer(
        name="countagg",
        cls=App,
        add_completion=True,
        rich_markup_mode=None,
        epilog=_EPILOG,
        context_settings=_HELP_OPTIONS,
    )
    app.callback()(_root_callback())
    return app


def _root_callback() -> Any:  # noqa: ANN401 - a function with a made-up signature
    def root(**values: Any) -> None:  # noqa: ANN401 - of any option
        context: typer.Context = values.pop("context")
        context.obj = values

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [context, *global_parameters()]
    root.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    root.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    root.__doc__ = "Sum the counters of a fleet, per day, always equal to the files in the bucket."
    return root


def run() -> NoReturn:
    """Run the command line and end the process."""
    collect_late()
    open_standard_streams()
    end_process(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except CountaggError as error:
        # Commands explain their own; it is the help or the version that could not be written.
        from countagg.cli.app.registry import explain

        sys.stderr.write(explain(error, verbose=False))
        return error.exit_code
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        code = typer.main.get_command(make_app())(list(arguments), prog_name="countagg", standalone_mode=False)
    except SystemExit as end:
        code = end.code
    except typer.Abort:
        raise Declined("there was no answer", hint="answer on a terminal, or give --yes") from None
    except WRONG_USAGE as error:
        raise as_usage_error(error) from error
    return code if isinstance(code, int) else int(code is not None)
