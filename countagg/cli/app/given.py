"""What is given on a command line and cannot be meant, whatever the command: the same check for every option.

A shell writes nothing where a variable is not set. `countagg teardown --stack "$STACK"` must not take that for the
default stack, nor `--expect-account "$ACCOUNT"` for any account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from typer.core import TyperCommand

from countagg.cli.app.conversion import converting_plain_values
from countagg.cli.app.help import write_help
from countagg.cli.app.wrong_usage import told_of
from countagg.core.errors import UsageError

_EMPTY: Final = "give a value or leave it out; maybe a shell variable is not set"


class Command(TyperCommand):
    """A command that refuses empty texts, and texts that are no text."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - typer has its own click
        """Return the command's arguments and options."""
        return converting_plain_values(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has its own click
        """Parse the command's arguments.

        Raises:
            UsageError: one cannot be meant.
        """
        refuse_empty(self, ctx, args)
        rest = super().parse_args(ctx, args)
        refuse_bytes(self, ctx)
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer has its own click
        """Write the help."""
        write_help(self, ctx, formatter)


class ReadingCommand(Command):
    """A command that changes nothing. There, `--date` without a value is today."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has its own click
        """Parse the command's arguments."""
        if any("--date" in parameter.opts for parameter in self.params) and not ctx.resilient_parsing:
            args = list(_with_day(args))
        return super().parse_args(ctx, args)


def _with_day(args: Sequence[str]) -> Iterator[str]:
    for number, argument in enumerate(args):
        yield argument
        if argument == "--date" and (number + 1 == len(args) or args[number + 1].startswith("--")):
            yield "today"


def refuse_empty(command: Any, ctx: Any, args: Sequence[str]) -> None:  # noqa: ANN401 - a command or a group
    """Refuse an option or an argument that is given empty, before an empty path becomes the working directory.

    Args:
        command: which parses the arguments.
        ctx: of the command.
        args: not yet parsed.

    Raises:
        UsageError: it names the option or the argument.
    """
    if ctx.resilient_parsing:
        return
    with told_of(ctx):
        given, _, order = command.make_parser(ctx).parse_args(list(args))
    if any(parameter.is_eager for parameter in order):
        return  # the help, or the version
    for parameter in order:
        if "" in _texts(given[parameter.name]):
            raise UsageError(f"{_title(parameter)} is empty", hint=_EMPTY)


def refuse_bytes(command: Any, ctx: Any) -> None:  # noqa: ANN401 - a command or a group
    """Refuse a text that no system of ours could be told. Only names of files may be any bytes.

    Args:
        command: which parsed its arguments.
        ctx: with their values.

    Raises:
        UsageError: it names the option or the argument.
    """
    if ctx.resilient_parsing:
        return
    for parameter in command.params:
        if not all(map(is_unicode, _texts(ctx.params.get(parameter.name)))):
            raise UsageError(f"{_title(parameter)} is not UTF-8", hint="check the encoding of the terminal")


def is_unicode(text: str) -> bool:
    """Tell whether a text from the system is text: bytes that are not UTF-8 come as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_variables(variables: Mapping[str, str]) -> None:
    """Refuse variables of ours that are set and cannot be meant.

    Raises:
        UsageError: it names the variable.
    """
    for name, value in variables.items():
        if not value:
            raise UsageError(f"{name} is empty", hint="give it a value, or unset it")
        if not is_unicode(value):
            raise UsageError(f"{name} is not UTF-8", hint="check the encoding of the terminal")


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a value, which may be a list of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _title(parameter: Any) -> str:  # noqa: ANN401 - an option or an argument
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())
