"""Values that a shell's completion offers. It never fails and never asks; what it cannot know, it leaves out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from countagg.cli.terminal.process import answer_in_time

PATIENCE_VARIABLE: Final = "COUNTAGG_COMPLETION_SECONDS"
_PATIENCE: Final = 2.0
"""Seconds; about as long as somebody waits after pressing a key."""
_DAYS: Final = 14
_MOST_NAMES: Final = 500
# Shells put a name into the command line as it is, and zsh evaluates the whole answer. Whoever uploads a file may
# call its counters anything, so a name that a shell might read as more than text is not offered.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@%+,-]*")
_PLACE: Final = ("stack", "profile", "region", "endpoint_url", "config")


def days(incomplete: str) -> list[str]:
    """Return the days that one may mean, the latest first."""
    today = datetime.now(UTC).date()
    dates = [(today - timedelta(days=back)).isoformat() for back in range(_DAYS)]
    return _beginning(incomplete, ["today", "yesterday", *dates])


def ages_or_days(incomplete: str) -> list[str]:
    """Return the beginnings of a period in days."""
    return _beginning(incomplete, ["7d", "30d", "4w"]) + days(incomplete)


def moments(incomplete: str) -> list[str]:
    """Return the beginnings of a period in minutes or hours."""
    return _beginning(incomplete, ["10m", "1h", "6h", "1d", "1w"]) + days(incomplete)


def one_of(*values: str) -> Callable[[str], list[str]]:
    """Return what completes to one of the values."""

    def complete(incomplete: str) -> list[str]:
        return _beginning(incomplete, values)

    return complete


def counters(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of counters out of the deployed stack's ledger, of `--date` or of today.

    They are read by a process that is forked off: it can be ended when it takes too long, it has no terminal to
    ask for a code on, and whatever it says about its troubles reaches nobody.
    """
    arguments = query_arguments(context)
    command = context.find_root().command
    # Without a variable that asks for a completion, it runs the command.
    answer = answer_in_time(
        lambda: command.main(arguments, "countagg", complete_var="", standalone_mode=False), _patience()
    )
    try:
        names: Iterable[str] = json.loads(answer or "{}")["totals"]
    except (ValueError, KeyError):
        return []
    return _beginning(incomplete, filter(_HARMLESS.fullmatch, sorted(names)))[:_MOST_NAMES]


def _patience() -> float:
    try:
        return float(os.environ.get(PATIENCE_VARIABLE) or _PATIENCE)
    except ValueError:
        return 0.0


def query_arguments(context: typer.Context) -> list[str]:
    """Return the arguments that read the totals of the day and the place on the command line so far.

    A key that is pressed in a folder shall not do what a file there says: only a file that the line names is read.
    """
    before, here = context.find_root().params, context.params
    given = {name: here.get(name) or before.get(name) for name in (*_PLACE, "local")}
    given["config"] = given["config"] or os.devnull
    place = [part for name in _PLACE if given[name] for part in (f"--{name.replace('_', '-')}", str(given[name]))]
    local = ["--local"] if given["local"] else []
    return [*place, *local, "query", "--date", str(here.get("date") or "today"), "--output", "json", "--quiet"]


def _beginning(incomplete: str, values: Iterable[str]) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]
