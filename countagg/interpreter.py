"""The one way to start a process that runs Python code of ours."""

from __future__ import annotations

import sys


def isolated(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs an installed module and imports nothing out of the working directory.

    `python -m` alone puts that directory first on the import path: a `typer.py` that lies in it would run.

    Args:
        module: run as `__main__`.
        arguments: for it.
    """
    return (sys.executable, "-P", "-m", module, *arguments)
