"""Global options: accepted before and after the command, merged with preferences into one value."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from countagg import __version__
from countagg.cli.app import completion
from countagg.core.errors import ConnectionProblem, UsageError

if TYPE_CHECKING:
    from countagg.cli.app.preferences import Preferences

DEFAULT_STACK: Final = "countagg"
_PANEL: Final = "Global options, before or after the command"


class OutputForm(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    ENV = "env"
    TEXT = "text"


DATA_FORMS: Final = (OutputForm.TABLE, OutputForm.JSON, OutputForm.CSV)
"""Forms that commands take if nothing else is said."""


def _print_version(context: typer.Context, value: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    # Completion parses what is typed so far, and runs nothing.
    if value and not context.resilient_parsing:
        sys.stdout.write(f"countagg {__version__}\n")
        raise typer.Exit


def global_parameters(
    *,
    stack: Annotated[
        str | None, typer.Option(help="Name of the stack.", rich_help_panel=_PANEL, show_default=DEFAULT_STACK)
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Profile of the AWS configuration.", rich_help_panel=_PANEL)
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.", rich_help_panel=_PANEL)] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Address to use instead of AWS's own.", rich_help_panel=_PANEL)
    ] = None,
    local: Annotated[
        bool | None, typer.Option("--local", help="Work on the embedded engine.", rich_help_panel=_PANEL)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file instead of ./countagg.toml.", rich_help_panel=_PANEL)
    ] = None,
    output: Annotated[
        OutputForm | None, typer.Option(help="Form of the result.", rich_help_panel=_PANEL, show_default="table")
    ] = None,
    quiet: Annotated[
        bool | None, typer.Option("--quiet", "-q", help="No progress, no remarks.", rich_help_panel=_PANEL)
    ] = None,
    verbose: Annotated[
        bool | None, typer.Option("--verbose", "-v", help="More on errors.", rich_help_panel=_PANEL)
    ] = None,
    no_color: Annotated[
        bool | None,
        typer.Option("--no-color", help="No colours; so does the variable NO_COLOR.", rich_help_panel=_PANEL),
    ] = None,
    version: Annotated[
        bool | None,
        typer.Option(
            "--version",
            help="Print the version and end.",
            is_eager=True,
            callback=_print_version,
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """Hold the signature that every command shares."""


GLOBALS: Final = tuple(inspect.signature(global_parameters, eval_str=True).parameters.values())
GLOBAL_NAMES: Final = tuple(parameter.name for parameter in GLOBALS)


@dataclass(frozen=True, slots=True)
class Options:
    """The global options as they apply."""

    stack: str
    profile: str | None
    region: str | None
    endpoint_url: str | None
    local: bool
    output: OutputForm
    quiet: bool
    verbose: bool
    no_color: bool
    stack_flag: bool = field(default=False, compare=False)
    """Whether `--stack` was on the command line."""


def merge_flags(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Join what was given before and after the command; what stands nearer to the command wins."""
    return {name: before.get(name) if after.get(name) is None else after[name] for name in GLOBAL_NAMES}


def resolve_options(flags: Mapping[str, Any], preferences: Preferences) -> Options:
    """Complete the flags from the preferences.

    Raises:
        UsageError: a value cannot be, or two contradict each other.
    """

    def text(name: str) -> str | None:
        return flags[name] if flags[name] is not None else preferences.text(name)

    def switch(name: str) -> bool:
        return bool(flags[name] if flags[name] is not None else preferences.switch(name))

    def origin(name: str) -> str:
        return preferences.origin(name) if flags[name] is None else f"--{name.replace('_', '-')}"

    options = Options(
        stack=text("stack") or DEFAULT_STACK,
        profile=text("profile"),
        region=text("region"),
        endpoint_url=text("endpoint_url"),
        local=switch("local"),
        output=_output_form(text("output"), origin("output")),
        quiet=switch("quiet"),
        verbose=switch("verbose"),
        no_color=switch("no_color"),
        stack_flag=flags["stack"] is not None,
    )
    _check_endpoint(options, origin)
    return options


def _check_endpoint(options: Options, origin: Callable[[str], str]) -> None:
    """Refuse an address that cannot be, or that contradicts another option.

    Args:
        options: as they apply.
        origin: tells where an option's value was said.
    """
    if options.local and options.endpoint_url:
        raise UsageError(
            "both the embedded engine and an endpoint are given",
            where=f"{origin('local')}, {origin('endpoint_url')}",
            hint="the embedded engine has its own address: leave one of them out",
        )
    if options.endpoint_url and not options.endpoint_url.startswith(("http://", "https://")):
        raise ConnectionProblem(
            f"{options.endpoint_url!r} is no address",
            where=origin("endpoint_url"),
            hint="give it with its scheme, such as http://127.0.0.1:4566",
        )
    if options.endpoint_url and "@" in urlsplit(options.endpoint_url).netloc:
        raise UsageError(
            "the address has a user or a password in it, which would be shown and is not used",
            where=origin("endpoint_url"),
            hint="leave it out; credentials come from the AWS configuration",
        )


def _output_form(text: str | None, origin: str) -> OutputForm:
    try:
        return OutputForm(text or OutputForm.TABLE)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no form of output", where=origin, hint=f"use {', '.join(OutputForm)}"
        ) from error


def _output_of(forms: Sequence[OutputForm]) -> Any:  # noqa: ANN401 - an annotation
    """Return what typer reads about the option `--output` of a command with these forms."""
    names = [form.value for form in forms]
    option = typer.Option(
        help="Form of the result.",
        rich_help_panel=_PANEL,
        show_default="table",
        metavar=f"<{'|'.join(names)}>",
        autocompletion=completion.one_of(*names),
    )
    return Annotated[OutputForm | None, option]


def with_global_options(
    function: Callable[..., None],
    forms: Sequence[OutputForm],
    run: Callable[[typer.Context, dict[str, Any], dict[str, Any]], None],
) -> Callable[..., None]:
    """Return what typer registers for a command: its own parameters, and the global ones behind them.

    Args:
        function: the command; its first parameter is the session, which typer does not see.
        forms: in which it can write its result.
        run: called with typer's context, the global options given after the command, and the command's own.
    """

    def command(**values: Any) -> None:  # noqa: ANN401 - of any option
        context = values.pop("context")
        given = {name: values.pop(name) for name in GLOBAL_NAMES}
        run(context, given, values)

    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [
        context,
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
        *(each.replace(annotation=_output_of(forms)) if each.name == "output" else each for each in GLOBALS),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = function.__name__, _paragraphs(inspect.getdoc(function) or "")
    return command


def _paragraphs(text: str) -> str:
    """Return the text with each paragraph on one line, for typer to break where the terminal ends."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
