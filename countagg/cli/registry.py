"""Registers commands: gives each its global options and its session."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import typer

from countagg.cli.options import merge_flags, resolve_options, with_global_options
from countagg.cli.preferences import load_preferences
from countagg.cli.session import Session


def command(app: typer.Typer, name: str, panel: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command.

    Args:
        app: where to.
        name: of the command.
        panel: heading under which the help shows it.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def run(context: typer.Context, after: dict[str, Any], own: dict[str, Any]) -> None:
            function(open_session(context, after), **own)

        app.command(name, rich_help_panel=panel)(with_global_options(function, run))
        return function

    return register


def open_session(context: typer.Context, after: dict[str, Any]) -> Session:
    """Make the session out of the global options given before and after the command."""
    flags = merge_flags(context.find_root().obj or {}, after)
    preferences = load_preferences(os.environ, flags["config"])
    return Session(resolve_options(flags, preferences), preferences)
