"""The options that say what a stack shall be: the same for setup and plan, as flag, variable and setting."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from countagg.cli.app.preferences import LONGEST_NUMBER, NUMBERS, parse_entries
from countagg.core.errors import UsageError

if TYPE_CHECKING:
    from countagg.cli.app.preferences import Preferences
    from countagg.provision.choices import Chosen

_BUCKET: Final = "Bucket"
_FUNCTIONS: Final = "Functions"
_SAFETY: Final = "Access and safety"


def choice_parameters(
    *,
    bucket: Annotated[
        str | None,
        typer.Option(
            help="Bucket with the counter files; that of the deployed stack if left out.", rich_help_panel=_BUCKET
        ),
    ] = None,
    create_bucket: Annotated[
        bool | None,
        typer.Option("--create-bucket", help="Create the bucket; it is ours then.", rich_help_panel=_BUCKET),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(help="Folder of the counter files.", show_default="counters/", rich_help_panel=_BUCKET),
    ] = None,
    output_prefix: Annotated[
        str | None,
        typer.Option(help="Folder of the published totals.", show_default="totals/", rich_help_panel=_BUCKET),
    ] = None,
    bucket_versioning: Annotated[
        bool | None, typer.Option(help="Keep old versions in a bucket of ours.", rich_help_panel=_BUCKET)
    ] = None,
    memory: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FUNCTION=MB",
            help="Memory of processor (256), aggregator (512) or publisher (256).",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FUNCTION=SECONDS",
            help="How long records are collected for processor (0), aggregator (1) or publisher (10).",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    max_concurrency: Annotated[
        int | None,
        typer.Option(
            help="Invocations of the processor at a time, 2 to 1000.",
            show_default="100",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    retention: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=DAYS",
            help="How long snapshots (35), totals (400) or logs (30) are kept; days that have begun keep theirs.",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="arm64|x86_64",
            help="Instruction set of the functions; x86_64 where arm64 is not offered.",
            show_default="arm64",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    lanes: Annotated[
        int | None,
        typer.Option(
            help="Lanes that a day's instances are spread over; from the next day that begins.",
            show_default="1",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    counter_shards: Annotated[
        int | None,
        typer.Option(
            help="Shards that a day's counters are spread over; from the next day that begins.",
            show_default="1",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    max_counters: Annotated[
        int | None,
        typer.Option(
            help="Counters that a file may have; one with more is refused.",
            show_default="20000",
            rich_help_panel=_FUNCTIONS,
        ),
    ] = None,
    alarm_email: Annotated[
        str | None, typer.Option(help="Address that alarms go to.", rich_help_panel=_SAFETY)
    ] = None,
    alarm_uploads: Annotated[
        int | None,
        typer.Option(
            help="Files a minute above which an alarm goes off.", show_default="10000", rich_help_panel=_SAFETY
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Tag of every resource; all of them are said at once.",
            rich_help_panel=_SAFETY,
        ),
    ] = None,
    permissions_boundary: Annotated[
        str | None, typer.Option(metavar="ARN", help="Policy that bounds the roles.", rich_help_panel=_SAFETY)
    ] = None,
    role_path: Annotated[str | None, typer.Option(help="Path of the roles.", rich_help_panel=_SAFETY)] = None,
    kms_key: Annotated[
        str | None,
        typer.Option(
            metavar="ARN", help="Key that encrypts bucket, topics, queues and tables.", rich_help_panel=_SAFETY
        ),
    ] = None,
    point_in_time_recovery: Annotated[
        bool | None, typer.Option(help="Let tables be restored to any second.", rich_help_panel=_SAFETY)
    ] = None,
    deletion_protection: Annotated[
        bool | None, typer.Option(help="Protect the tables against deletion.", rich_help_panel=_SAFETY)
    ] = None,
) -> None:
    """Hold the signature that setup and plan share."""


_PARAMETERS: Final = tuple(inspect.signature(choice_parameters, eval_str=True).parameters.values())
_TEXTS: Final = (
    "bucket",
    "prefix",
    "output_prefix",
    "permissions_boundary",
    "role_path",
    "kms_key",
    "alarm_email",
    "architecture",
)
_SWITCHES: Final = ("create_bucket", "bucket_versioning", "point_in_time_recovery", "deletion_protection")
_NUMBERS_BY_NAME: Final = ("memory", "window", "retention")
_SETTINGS: Final = {"tag": "tags"}
"""Flags whose setting has another name."""


def taking_choices(function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with its parameter `flags` replaced by the options above, which it gets as a mapping."""

    def command(session: Any, **values: Any) -> None:  # noqa: ANN401 - of any option
        flags = {parameter.name: values.pop(parameter.name) for parameter in _PARAMETERS}
        function(session, flags=flags, **values)

    session, *own = inspect.signature(function, eval_str=True).parameters.values()
    others = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own if each.name != "flags"]
    command.__signature__ = inspect.Signature([session, *_PARAMETERS, *others])  # type: ignore[attr-defined]  # read by typer
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


def read_choices(stack: str, flags: Mapping[str, Any], preferences: Preferences) -> Chosen:
    """Complete the flags from the preferences. Of the numbers each entry is completed for itself.

    Raises:
        UsageError: an entry is not of its form.
    """
    from countagg.provision.choices import Chosen

    texts: dict[str, Any] = {
        name: flags[name] if flags[name] is not None else preferences.text(name) for name in _TEXTS
    }
    switches: dict[str, Any] = {
        name: flags[name] if flags[name] is not None else preferences.switch(name) for name in _SWITCHES
    }
    switches["create_bucket"] = bool(switches["create_bucket"])
    numbers: dict[str, Any] = {
        name: flags[name] if flags[name] is not None else preferences.number(name) for name in NUMBERS
    }
    numbers |= {name: read_numbers(name, flags[name], preferences) for name in _NUMBERS_BY_NAME}
    tags = preferences.table("tags") if flags["tag"] is None else _tags(flags["tag"])
    return Chosen(stack, tags=tags, **texts, **switches, **numbers)


def _tags(texts: Sequence[str]) -> dict[str, str]:
    from countagg.provision.choices import REMOVED

    return {} if list(texts) == [REMOVED] else parse_entries(texts, "--tag")


def read_numbers(name: str, flag: Sequence[str] | None, preferences: Preferences) -> dict[str, int]:
    """Read one of the choices that are a number for each function, each completed for itself.

    Raises:
        UsageError: an entry is not of its form.
    """
    flagged = (f"--{name}", parse_entries(flag or (), f"--{name}"))
    merged: dict[str, int] = {}
    for origin, entries in (flagged, *preferences.tables(name)):
        merged = {**_as_numbers(entries, origin), **merged}
    return merged


def _as_numbers(entries: Mapping[str, str], origin: str) -> dict[str, int]:
    for key, text in entries.items():
        if not text.isdecimal() or len(text) > LONGEST_NUMBER:
            raise UsageError(f"{key}={text} is not a whole number that could be meant", where=origin)
    return {key: int(text) for key, text in entries.items()}


@contextmanager
def sources_named(flags: Mapping[str, Any], preferences: Preferences) -> Iterator[None]:
    """Have an error that complains of an option name the variable or the file, if that is where it was said."""
    try:
        yield
    except UsageError as error:
        options = error.where.split(", ")
        if not all(option.startswith("--") for option in options):
            raise
        error.where = ", ".join(dict.fromkeys(_source(option, flags, preferences) for option in options))
        raise


def _source(option: str, flags: Mapping[str, Any], preferences: Preferences) -> str:
    name = option.removeprefix("--").replace("-", "_")
    if name not in flags:
        return option
    if name in _NUMBERS_BY_NAME:
        said = [origin for origin, _ in preferences.tables(name)]
        return ", ".join([*([option] if flags[name] else []), *said]) or option
    return option if flags[name] is not None else preferences.origin(_SETTINGS.get(name, name)) or option
