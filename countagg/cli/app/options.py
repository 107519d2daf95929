"""Global options: accepted before and after the command, merged with preferences into one value."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from countagg import __version__
from countagg.cli.app import completion
from countagg.cli.app.result_query import OPTION, ResultQuery
from countagg.core.errors import ConnectionProblem, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.setting_types import Setting, Switch, Text, settings_of

if TYPE_CHECKING:
    from countagg.cli.app.preferences import Preferences

DEFAULT_STACK: Final = "countagg"
GLOBAL_PANEL: Final = "Global options, before or after the command"


class OutputForm(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    ENV = "env"
    TEXT = "text"
    TOML = "toml"
    PROMETHEUS = "prometheus"


DATA_FORMS: Final = (OutputForm.TABLE, OutputForm.JSON, OutputForm.CSV)
"""Forms that commands take if nothing else is said."""
DOCUMENT_FORMS: Final = (OutputForm.TABLE, OutputForm.JSON)
"""Forms of a result that is no table of data."""
PEOPLE_FORMS: Final = (OutputForm.TABLE,)
"""Of a result that is text for people alone."""


def version_line() -> str:
    """Return what `version` prints."""
    return f"countagg {__version__}"


def _print_version(context: typer.Context, value: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    # Completion parses what is typed so far, and runs nothing.
    if value and not context.resilient_parsing:
        sys.stdout.write(f"{version_line()}\n")
        raise typer.Exit


@dataclass(frozen=True, slots=True)
class Options:
    """The global options as they apply: the one table of them, as `StackSettings` is of the choices of a stack."""

    stack: Annotated[str, Text("Name of the stack.")] = DEFAULT_STACK
    # Where credentials go, and which. A profile may run a program, its `credential_process`.
    profile: Annotated[str | None, Text("Profile of the AWS configuration.", is_personal=True)] = None
    region: Annotated[str | None, Text("AWS region.")] = None
    endpoint_url: Annotated[str | None, Text("Address to use instead of AWS's own.", is_personal=True)] = None
    local: Annotated[bool, Switch("Work on the embedded engine.", flags=("--local",))] = False
    output: Annotated[
        OutputForm, Text("Form of the result.", pattern="|".join(OutputForm), rule=" or ".join(OutputForm))
    ] = OutputForm.TABLE
    quiet: Annotated[bool, Switch("No progress, no remarks.", flags=("--quiet", "-q"))] = False
    verbose: Annotated[bool, Switch("Say more about errors.", flags=("--verbose", "-v"))] = False
    no_color: Annotated[bool, Switch("No colours; NO_COLOR does the same.", flags=("--no-color",))] = False
    query: ResultQuery | None = field(default=None, compare=False)
    """What of the result's JSON is written; None of all of it."""
    stack_flag: bool = field(default=False, compare=False)
    """Whether `--stack` was on the command line."""


GLOBAL_SETTINGS: Final = settings_of(Options)
_QUERY: Final = typer.Option(
    help="What of the JSON is written, as JMESPath; with --output text without quotes.",
    metavar="<jmespath>",
    rich_help_panel=GLOBAL_PANEL,
)
_CONFIG: Final = typer.Option(help="Settings file instead of ./countagg.toml.", rich_help_panel=GLOBAL_PANEL)
_VERSION: Final = typer.Option(
    "--version",
    help="Print the version and end.",
    is_eager=True,
    callback=_print_version,
    rich_help_panel=GLOBAL_PANEL,
)
GLOBAL_NAMES: Final = (*GLOBAL_SETTINGS, "query", "config", "version")


def parameter_of(setting: Setting, *, panel: str | None) -> inspect.Parameter:
    """Return what typer reads of a setting: its option, under a heading of the help."""
    shown = str(setting.default) if type(setting.default) in (str, int) else True
    option = typer.Option(
        *setting.flags,
        help=setting.told,
        metavar=setting.metavar,
        show_default=shown,
        rich_help_panel=panel,
    )
    return _parameter(setting.name, setting.flag_type, option)


def _parameter(name: str, flag_type: Any, option: Any) -> inspect.Parameter:  # noqa: ANN401 - as typer has them
    annotation = Annotated[flag_type | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def global_parameters(forms: Sequence[OutputForm] = tuple(OutputForm)) -> list[inspect.Parameter]:
    """Return the global options, of a command with results in these forms."""
    names = [form.value for form in forms]
    output = typer.Option(
        help=GLOBAL_SETTINGS["output"].help,
        rich_help_panel=GLOBAL_PANEL,
        show_default=OutputForm.TABLE.value,
        metavar=f"<{'|'.join(names)}>",
        autocompletion=completion.one_of(*names),
    )
    return [
        *(
            _parameter(name, str, output) if name == "output" else parameter_of(setting, panel=GLOBAL_PANEL)
            for name, setting in GLOBAL_SETTINGS.items()
        ),
        _parameter("query", str, _QUERY),
        _parameter("config", Path, _CONFIG),
        _parameter("version", bool, _VERSION),
    ]


def merge_flags(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Join what was given before and after the command; what stands nearer to the command wins."""
    return {name: before.get(name) if after.get(name) is None else after[name] for name in GLOBAL_NAMES}


def with_query(flags: Mapping[str, Any], words: str, forms: Sequence[OutputForm]) -> dict[str, Any]:
    """Return the global options with the query parsed, which makes JSON the form of the result.

    Args:
        flags: the global options that were given.
        words: of the command that runs.
        forms: in which it can write its result.

    Raises:
        UsageError: the query is none, or another form is asked for at once.
    """
    query, form = flags["query"], flags["output"]
    if query is None:
        return dict(flags)
    if OutputForm.JSON not in forms:
        raise UsageError(f"{words} has no JSON to choose from", where=OPTION, hint="leave it out")
    if form not in (None, OutputForm.JSON, OutputForm.TEXT):
        raise UsageError(
            f"a query is answered in JSON, not as {form}",
            where=f"{OPTION}, --output",
            hint="leave --output out, or give text for the answer without quotes",
        )
    parsed = ResultQuery.parse(query, as_text=form == OutputForm.TEXT)
    return {**flags, "query": parsed, "output": OutputForm.JSON.value}


def resolve_options(flags: Mapping[str, Any], preferences: Preferences) -> Options:
    """Complete the flags from the preferences.

    Raises:
        UsageError: a value cannot be, or two contradict each other.
    """
    with preferences.sources_named(flags):
        values = {name: preferences.value(name, flags[name]) for name in GLOBAL_SETTINGS}
        for name, value in values.items():
            GLOBAL_SETTINGS[name].check(value)
        said = {name: value for name, value in values.items() if value is not None}
        options = Options(**said, query=flags["query"], stack_flag=flags["stack"] is not None)
        _check_endpoint(options)
        return replace(options, output=OutputForm(options.output))


def _check_endpoint(options: Options) -> None:
    """Refuse an address that cannot be, or that contradicts another option."""
    if options.local and options.endpoint_url:
        raise UsageError(
            "both the embedded engine and an endpoint are given",
            where="--local, --endpoint-url",
            hint="the embedded engine has its own address: leave one of them out",
        )
    if options.endpoint_url and not options.endpoint_url.startswith(("http://", "https://")):
        raise ConnectionProblem(
            f"{options.endpoint_url!r} is not an address",
            where="--endpoint-url",
            hint="give it with its scheme, such as http://127.0.0.1:4566",
        )
    if options.endpoint_url and "@" in urlsplit(options.endpoint_url).netloc:
        raise UsageError(
            "the address has a user or a password in it, which would be shown and is not used",
            where="--endpoint-url",
            hint="leave it out; credentials come from the AWS configuration",
        )


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
        *global_parameters(forms),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = function.__name__, _paragraphs(inspect.getdoc(function) or "")
    return command


def _paragraphs(text: str) -> str:
    """Return the text with each paragraph on one line, for typer to break where the terminal ends."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
