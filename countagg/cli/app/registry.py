"""Declares commands: gives each its global options and its session, and turns its errors into exit codes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final

import typer

from countagg.cli.app.given import Command, ReadingCommand
from countagg.cli.app.groups import CommandGroup
from countagg.cli.app.options import (
    DATA_FORMS,
    PEOPLE_FORMS,
    OutputForm,
    merge_flags,
    resolve_options,
    with_global_options,
    with_query,
)
from countagg.cli.app.preferences import load_preferences
from countagg.cli.app.session import Session
from countagg.cli.terminal.streams import outlive_reader
from countagg.core.errors import CountaggError, UsageError, shorten
from countagg.core.printable import printable
from countagg.redaction import redact

_PACKAGE: Final = Path(__file__).parents[2]


_ENDLESS: Final = re.compile(r"(\S{100})\S{1100,}")
"""A word that is longer than a key or an ARN can be: somebody gave a file's content for a name."""
_DECLARED: Final[dict[str, Callable[[typer.Typer, str], None]]] = {}
"""What adds a command to an app under a heading of the help, by the command's words."""


def command(
    words: str,
    forms: Sequence[OutputForm] = DATA_FORMS,
    context_settings: dict[str, Any] | None = None,
    *,
    changes: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a function as a command.

    Args:
        words: its name, behind that of its group if it has one, such as `limits set`.
        forms: in which it can write its result.
        context_settings: of click, for a command that reads its arguments in another way.
        changes: whether it may change something, so that what a file in the working directory decides is shown.
    """

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        def run(context: typer.Context, after: dict[str, Any], own: dict[str, Any]) -> None:
            flags = merge_flags(context.find_root().obj or {}, after)
            with _errors_explained():
                session = open_session(flags, words, forms)
                session.agreed = bool(own.get("yes"))
                if changes or session.options.verbose:
                    session.tell_project()
                try:
                    with _errors_explained(session.in_place, verbose=session.options.verbose):
                        function(session, **own)
                finally:
                    session.stdout.flush()

        def add(app: typer.Typer, panel: str) -> None:
            name = words.rpartition(" ")[-1]
            kind = Command if changes else ReadingCommand
            register = app.command(name, cls=kind, rich_help_panel=panel, context_settings=context_settings)
            register(with_global_options(function, forms, run))

        _DECLARED[words] = add
        return function

    return declare


def add_declared(app: typer.Typer, name: str, panel: str, summary: str) -> None:
    """Add a declared command, or a group of them, to an app.

    Args:
        app: where to.
        name: of the command or the group.
        panel: heading under which the help shows it.
        summary: of the group, in the help.
    """
    if name in _DECLARED:
        _DECLARED[name](app, panel)
        return
    group = typer.Typer(name=name, help=summary, cls=CommandGroup, rich_markup_mode=None)
    for words, add in _DECLARED.items():
        if words.startswith(f"{name} "):
            add(group, "Commands")
    app.add_typer(group, rich_help_panel=panel)


def open_session(flags: Mapping[str, Any], words: str, forms: Sequence[OutputForm]) -> Session:
    """Make the session out of the global options.

    Args:
        flags: the global options that were given.
        words: of the command that runs.
        forms: in which it can write its result.

    Raises:
        UsageError: an option cannot be meant, or the form is not one of these.
    """
    reopen = partial(open_session, flags, words, forms)
    flags = with_query(flags, words, forms)
    preferences = load_preferences(os.environ, flags["config"])
    # Whoever prefers a form does not thereby rule out what has but one.
    form = flags["output"] if forms == PEOPLE_FORMS else preferences.value("output", flags["output"])
    if (form or OutputForm.TABLE) not in forms:
        raise UsageError(
            f"{words} has no form {form}",
            where=preferences.origin("--output", flags["output"]),
            hint=f"use {', '.join(forms)}",
        )
    options = resolve_options(flags, preferences)
    stderr = outlive_reader(sys.stderr, dispensable=True)
    given = frozenset(name for name, value in flags.items() if value is not None)
    session = Session(options, preferences, given, stdout=outlive_reader(sys.stdout), stderr=stderr)
    session.reopen = reopen
    for path, reason in preferences.skipped:
        session.remark(f"{printable(str(path))} is skipped: {reason}", style="dim")
    return session


@contextmanager
def _errors_explained(in_place: Callable[[str], str] = str, *, verbose: bool = False) -> Iterator[None]:
    """End the process with the exit code that an error stands for, and say what it was."""
    stderr = outlive_reader(sys.stderr, dispensable=True)
    try:
        yield
    except CountaggError as error:
        stderr.write(explain(error, in_place, verbose=verbose))
        raise typer.Exit(error.exit_code) from error
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        stderr.write(explain(_unexpected(error), in_place, verbose=verbose))
        raise typer.Exit(CountaggError.exit_code) from error


def _unexpected(error: Exception) -> CountaggError:
    """Return what is said of an error that nobody thought of: where it rose instead of a traceback."""
    frames = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(_PACKAGE)]
    places = [f"{Path(each.filename).relative_to(_PACKAGE.parent)}:{each.lineno}" for each in frames]
    return CountaggError(
        f"unexpected {type(error).__name__}: {shorten(redact(str(error)))}",
        where=places[-1] if places else "",
        hint="check --endpoint-url if there is one: is it AWS that answers there? Otherwise please report this "
        "with what --verbose adds",
        detail=" > ".join(places),
    )


def explain(error: CountaggError, in_place: Callable[[str], str] = str, *, verbose: bool) -> str:
    """Return the lines that tell an error: where and what, what next, and on demand the details.

    Args:
        error: what happened.
        in_place: makes the commands in a hint work on the stack, and in the place, that the failed one was about.
        verbose: whether details are asked for.
    """
    # A place is one line, also if it is a file whose name has several.
    lines = [f"countagg: {str(error).replace(error.where, printable(error.where), 1)}"]
    if error.hint:
        lines.append(f"  try: {in_place(error.hint)}")
    if verbose and error.detail:
        lines.append(f"  detail: {error.detail}")
    told = "\n".join(_ENDLESS.sub(r"\1...", redact(text)) for text in lines)
    return "".join(f"{printable(line)}\n" for line in told.split("\n"))
