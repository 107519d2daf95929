"""How long `countagg` takes before it does anything, beside what its libraries take: `make start-up`."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Final

ROUNDS: Final = 7
_RUN: Final = "from countagg.cli.main import main; main({arguments!r})"
PROGRAMS: Final = {
    "python": "pass",
    "import typer, rich": "import typer, rich",
    "what typer needs for any help": "import typer.main, typer.rich_utils",
    "countagg --version": _RUN.format(arguments=["--version"]),
    "countagg --help": _RUN.format(arguments=["--help"]),
    "countagg query --help": _RUN.format(arguments=["query", "--help"]),
}


def seconds(code: str) -> float:
    """Return the shortest of several runs: the others measure what else the machine was doing."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run((sys.executable, "-c", code), stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    """Print each program's time, and how many times that of `import typer, rich` it is."""
    found = {name: seconds(code) for name, code in PROGRAMS.items()}
    for name, took in found.items():
        sys.stdout.write(f"{name:<30} {took:6.3f} s  {took / found['import typer, rich']:5.2f}\n")


if __name__ == "__main__":
    main()
