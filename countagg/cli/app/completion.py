"""Values that a shell's completion offers. It never fails and never asks; what it cannot know, it leaves out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import typer

PATIENCE_VARIABLE: Final = "COUNTAGG_COMPLETION_SECONDS"
_PATIENCE: Final = 2.0
"""Seconds; about as long as somebody waits after pressing a key."""
_DAYS: Final = 14
_MOST_NAMES: Final = 500
# Shells put a name into the command line as it is, and zsh evaluates the whole answer. Whoever uploads a file may
# call its counters anything, so a name that a shell might read as more than text is not offered.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@%+,-]*")
# What the shell's own completion says to the process; without it, the process runs a command.
_PROTOCOL: Final = frozenset({"_COUNTAGG_COMPLETE", "_TYPER_COMPLETE_ARGS", "COMP_WORDS", "COMP_CWORD"})
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

    They are read by another process of ours: it can be ended when it takes too long, it has no terminal to ask for
    a code on, and whatever it says about its troubles reaches nobody.
    """
    names = sorted(_read_totals(query_arguments(context), os.environ))
    return _beginning(incomplete, filter(_HARMLESS.fullmatch, names))[:_MOST_NAMES]


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


def _read_totals(arguments: list[str], variables: Mapping[str, str]) -> Iterable[str]:
    """Return the names in the answer of a query; none if there is no answer in time."""
    kept = {name: value for name, value in variables.items() if name not in _PROTOCOL}
    from countagg.interpreter import isolated

    try:
        ran = subprocess.run(  # noqa: S603 - our own program
            isolated("countagg", *arguments),
            # Should that process take itself for a completion after all, it starts no other.
            env=kept | {PATIENCE_VARIABLE: "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=float(variables.get(PATIENCE_VARIABLE) or _PATIENCE),
            start_new_session=True,
            check=True,
        )
        totals: dict[str, Any] = json.loads(ran.stdout)["totals"]
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return ()
    return totals


def _beginning(incomplete: str, values: Iterable[str]) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]
