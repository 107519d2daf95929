"""What click says of a command line that it cannot read, told like any other error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

from countagg.core.errors import UsageError

WRONG_USAGE: Final[Any] = typer.BadParameter.__mro__[2]
"""The base of click's errors, or of those of the click that typer brings."""
_MEANT: Final = re.compile(r"\.? (?:Did you mean|\(Possible options:|\(Did you mean) ?(.+?)[?)]*$")
_NO_COMMAND: Final = ": there is no such command"
_NO_OPTION: Final = ": there is no such option"
_PLAIN: Final = (
    (r"^Value error, ", ""),
    (r"^Input should be a valid integer.*", "this is not a whole number"),
    (r"^Input should be a valid number.*", "this is not a number"),
    (r"^Got unexpected extra arguments? \((.*)\)$", r"\1: nothing is expected there"),
    (r"^Got unexpected extra argument\(s\) \((.*)\)$", r"\1: nothing is expected there"),
    (r"^No such option:? (\S+)$", rf"\1{_NO_OPTION}"),
    (r"^No such command ('\s*')$", r"\1: there is no such command"),
    (r"^No such command '(.*)'$", rf"\1{_NO_COMMAND}"),
    (r"(?s)^Missing (argument|option) '(.*?)'.*$", r"\2 is missing"),
    (r"^Missing command$", "no command is named"),
    (r"^Option '(.*)' requires an argument$", r"\1 takes a value, and none is given"),
    (r"^Option '(.*)' does not take a value$", r"\1 takes no value"),
    (r"^Input should be greater than or equal to (\S+)$", r"it must be at least \1"),
    (r"^Input should be less than or equal to (\S+)$", r"it must be at most \1"),
)


@contextmanager
def told_of(context: Any) -> Iterator[None]:  # noqa: ANN401 - a context of click
    """Let errors of the parser, which knows no command, name the help of the command that they are about."""
    try:
        yield
    except WRONG_USAGE as error:
        error.ctx = getattr(error, "ctx", None) or context
        raise


def as_usage_error(error: Any) -> UsageError:  # noqa: ANN401 - an exception of click, or of the one in typer
    """Return what is told of an error of click: what is wrong, and what may be meant or where help is."""
    text, context = error.format_message().strip(), getattr(error, "ctx", None)
    where = ""
    if named := re.fullmatch(r"Invalid value for '?(.+?)'?: (.+)", text, re.DOTALL):
        where, text = named.groups()
    meant = _MEANT.search(text)
    text = text[: meant.start()] if meant else text
    for pattern, plain in _PLAIN:
        text = re.sub(pattern, plain, text.rstrip("."))
    path = context.command_path if context is not None else "countagg"
    helped = f"`{path.replace('countagg', 'countagg help', 1)}`"
    hint = helped if meant is None else f"{meant[1].replace(chr(39), '')}; {helped} lists all"
    if text.endswith(_NO_OPTION):
        hint = _where_it_stands(text.removesuffix(_NO_OPTION), context) or hint
        if meant is None and _takes_arguments(context):
            hint += "; put -- before an argument that begins with -"
    if text.endswith(_NO_COMMAND) and (grouped := list(_of_groups(text.removesuffix(_NO_COMMAND), context))):
        hint = f"{', '.join(grouped)}; {helped} lists all"
    return UsageError(text, where=where, hint=hint)


def _of_groups(name: str, context: Any) -> Iterator[str]:  # noqa: ANN401 - a context of click
    """Yield the commands of groups that have a name which was given without its group."""
    from countagg.provision.calls import CALLS

    if context is not None and context is context.find_root():
        yield from (words for words in CALLS if words.endswith(f" {name}"))


def _where_it_stands(option: str, context: Any) -> str | None:  # noqa: ANN401 - a context of click
    """Return where an option that all commands have is to be put, if it stands behind the name of a group."""
    root = context.find_root()
    known = any(option.partition("=")[0] in parameter.opts for parameter in root.command.params)
    if context is root or not known or not hasattr(context.command, "commands"):
        return None
    return f"put it before {context.info_name} or behind the whole command"


def _takes_arguments(context: Any) -> bool:  # noqa: ANN401 - a context of click
    return any(parameter.param_type_name == "argument" for parameter in context.command.params)
