"""Runs of the command line: in this process, and as a process of its own."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import simplejson
import typer

from countagg.cli.app.catalogue import CATALOGUE
from countagg.cli.app.groups import load_command
from countagg.cli.main import main, make_app

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = (sys.executable, "-m", "countagg")
UNTOUCHED: Final = "; nothing was touched\n  try: run it again to answer otherwise, or with --yes\n"
"""The end of what is said to whom declined."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON on stdout, with exact decimals."""
        document: dict[str, Any] = simplejson.loads(self.out, parse_float=Decimal)
        return document


class CommandLine:
    """Runs `countagg` in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str) -> Ran:
        self._capture.readouterr()
        code = main(list(arguments))
        captured = self._capture.readouterr()
        return Ran(code, captured.out, captured.err)


class Terminal(io.StringIO):
    """A terminal: what is typed on it, or what it shows."""

    def isatty(self) -> bool:
        return True


def at_terminal(patch: pytest.MonkeyPatch, typed: str | Terminal) -> None:
    """Have the next commands asked on a plain terminal, 80 columns wide.

    Args:
        patch: takes it away again.
        typed: the answers, lines; or what has them typed.
    """
    patch.setattr(sys, "stdin", Terminal(typed) if isinstance(typed, str) else typed)
    patch.setattr(sys.stderr, "isatty", lambda: True)
    patch.setenv("TERM", "dumb")


def whole_app() -> Any:
    """Return the app with all commands, of which a run loads only its own."""
    app: Any = typer.main.get_command(make_app())
    app.commands |= {name: load_command(name) for name in CATALOGUE}
    return app


def process_environment(**variables: str) -> dict[str, str]:
    """Return the environment for a process of our own program."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), **variables}


_WITHOUT_PRIVILEGES: Final = """
import ctypes, os, sys
library = ctypes.CDLL(None)
# PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, prctl(2): what root may read whatever the modes say.
# Another user has neither, and may not do this.
for capability in (1, 2):
    if hasattr(library, "prctl"):
        library.prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def as_the_modes_say(*words: str) -> tuple[str, ...]:
    """Return what runs a program that opens no file against its mode, whoever runs it."""
    return (sys.executable, "-c", _WITHOUT_PRIVILEGES, *words)
