"""The app: its commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import click
import typer

from countagg import __version__
from countagg.cli import data_commands, demo_command, local_commands, stack_commands, status_command
from countagg.cli.options import GLOBALS
from countagg.core.errors import CountaggError

INTERRUPTED = 130


def make_app() -> typer.Typer:
    """Return the app with all its commands."""
    app = typer.Typer(name="countagg", add_completion=True, no_args_is_help=True, rich_markup_mode="rich")
    app.callback()(_root_callback())
    for module in (local_commands, demo_command, stack_commands, data_commands, status_command):
        module.register(app)
    return app


def _root_callback() -> Any:  # noqa: ANN401 - a function with a made-up signature
    def root(**values: Any) -> None:  # noqa: ANN401 - of any option
        context: typer.Context = values.pop("context")
        values.pop("version")
        context.obj = values

    version = Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("context", keyword, annotation=typer.Context),
        inspect.Parameter("version", keyword, annotation=version, default=False),
        *GLOBALS,
    ]
    root.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    root.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    root.__doc__ = "Sum the counters of a fleet, per day, always equal to the files in the bucket."
    return root


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    if value:
        sys.stdout.write(f"countagg {__version__}\n")
        raise typer.Exit


def run() -> NoReturn:
    """Run the command line and end the process."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    try:
        result = typer.main.get_command(make_app())(list(arguments), prog_name="countagg", standalone_mode=False)
    except CountaggError as error:
        return _explain(error, verbose=_is_verbose(arguments))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("interrupted; running the same command again goes on from here\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone. What is still buffered has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _is_verbose(arguments: Sequence[str]) -> bool:
    return "--verbose" in arguments or "-v" in arguments or os.environ.get("COUNTAGG_VERBOSE") == "1"


def _explain(error: CountaggError, *, verbose: bool) -> int:
    sys.stderr.write(f"countagg: {error}\n")
    if error.hint:
        sys.stderr.write(f"  try: {error.hint}\n")
    if verbose and error.detail:
        sys.stderr.write(f"  detail: {error.detail}\n")
    return error.exit_code
