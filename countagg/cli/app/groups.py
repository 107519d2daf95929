"""Groups of commands: what they show when no command is named, and how the app loads a command when it runs."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from countagg.cli.app.catalogue import CATALOGUE, ORDER_OF_WORK
from countagg.cli.app.conversion import converting_plain_values
from countagg.cli.app.given import refuse_bytes, refuse_empty
from countagg.cli.app.help import OPTIONS_TOPIC, write_folded, write_global_options, write_help
from countagg.cli.app.options import version_line
from countagg.cli.app.subjects import SUBJECTS, subject_of, typed, write_subject
from countagg.cli.start import INTERRUPTED, INTERRUPTED_TOLD
from countagg.cli.terminal.streams import outlive_reader

_USAGE: Final = 2


class CommandGroup(TyperGroup):
    """A group that shows its help on stderr when no command is named, and ends as wrong usage does.

    Nobody asked for help, and nothing was done: a script whose variable is empty finds no success and no output.
    """

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - typer has its own click
        """Return the group's own options."""
        return converting_plain_values(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has its own click
        """Parse the group's own options.

        Raises:
            UsageError: one cannot be meant.
        """
        if not args and not ctx.resilient_parsing:
            with redirect_stdout(sys.stderr):
                self.show_way(ctx)
            ctx.exit(_USAGE)
        refuse_empty(self, ctx, args)
        rest = super().parse_args(ctx, args)
        refuse_bytes(self, ctx)
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer has its own click
        """Write the help."""
        write_help(self, ctx, formatter)

    def show_way(self, ctx: Any) -> None:  # noqa: ANN401 - typer has its own click
        """Show how to go on."""
        sys.stdout.write(f"{ctx.get_help()}\n")


class _Listed(TyperCommand):
    """What stands for a command of the catalogue until it is loaded."""


class App(CommandGroup):
    """The app: it lists commands out of the catalogue, loads only the one that runs, and ends it at Ctrl-C."""

    def __init__(self, *, commands: dict[str, Any], **settings: Any) -> None:  # noqa: ANN401 - typer's settings
        super().__init__(**settings)
        listed = {
            name: _Listed(name, help=entry.summary, rich_help_panel=entry.panel)
            for name, entry in CATALOGUE.items()
        }
        self.commands = {**listed, **commands}

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as in typer
        """Load a command and run it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stderr = outlive_reader(sys.stderr, dispensable=True)
            stderr.write(INTERRUPTED_TOLD)
            ctx.exit(INTERRUPTED)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as in typer
        """Return the command that the arguments name, with its name and the other arguments."""
        if not ctx.resilient_parsing:
            args = self._asked(ctx, args)
        name, resolved, others = super().resolve_command(ctx, args)
        return name, load_command(str(name)) if isinstance(resolved, _Listed) else resolved, others

    def _asked(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as in typer
        """Answer `version` and `help`; return what `help COMMAND` stands for, or the arguments as they are.

        Raises:
            UsageError: help is asked for on what is neither a command nor a subject.
        """
        match args:
            case ["version", *_]:
                text = version_line()
            case ["help"] | ["help", "help" | "version"]:
                text = ctx.get_help()
            case ["help", word, *_] if word == OPTIONS_TOPIC:
                formatter = ctx.make_formatter()
                write_global_options(self, ctx, formatter)
                text = formatter.getvalue().rstrip()
            case ["help", word, *others] if not word.startswith("-") and (subject := subject_of(word)):
                no_color = bool(ctx.params.get("no_color")) or "--no-color" in others
                write_subject(subject, sys.stdout, no_color=no_color)
                return ctx.exit() or others
            case ["help", *words]:
                return [*words, "--help"]
            case _:
                return args
        sys.stdout.write(f"{text}\n")
        return ctx.exit() or args

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as in typer
        """Write the help, with the subjects that there are documents on."""
        super().format_help(ctx, formatter)
        names = ", ".join(map(typed, SUBJECTS))
        formatter.write_paragraph()
        write_folded(formatter, f"Subjects, of which `countagg help SUBJECT` tells more: {names}.")

    def show_way(self, ctx: Any) -> None:  # noqa: ANN401 - as in typer
        """Show the order of work."""
        width = max(len(line) for line, _ in ORDER_OF_WORK)
        lines = [
            *ctx.get_usage().splitlines(),
            "",
            str(self.help),
            "",
            "One after the other:",
            *(f"  countagg {line:<{width}}  {meaning}" for line, meaning in ORDER_OF_WORK),
            "",
            "Without an AWS account:          countagg demo",
            "All commands:                    countagg help",
            "Options of one, with an example: countagg help query",
        ]
        sys.stdout.write("\n".join([*lines, ""]))


def load_command(name: str) -> Any:  # noqa: ANN401 - a command or a group
    """Return a command of the catalogue.

    Raises:
        KeyError: there is none of that name.
    """
    app, entry = typer.Typer(rich_markup_mode=None), CATALOGUE[name]
    import_module(f"countagg.cli.{entry.module}")
    from countagg.cli.app.registry import add_declared

    add_declared(app, name, entry.panel, entry.summary)
    return typer.main.get_group(app).commands[name]
