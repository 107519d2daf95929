"""The demonstration: the main job from start to end, on an embedded engine of its own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.core.errors import CountaggError
from countagg.core.names import VARIABLE_PREFIX, variable_of
from countagg.local.interpreter import isolated

STEPS: Final = (
    ("Start the engine: a server on 127.0.0.1 that stands in for AWS.", ("local", "start")),
    ("Set the pipeline up.", ("setup", "--bucket", "counters-demo", "--create-bucket", "--yes")),
    ("A second setup finds nothing to do.", ("setup", "--yes")),
    ("Four instances upload their counters; i-deadbeef does so twice.", ("upload-sample", "--wait")),
    ("The totals, and who contributes what.", ("query", "--date", "today", "--by-instance")),
    ("The same files again: no total changes.", ("upload-sample", "--wait")),
    (
        "A fleet of 200 instances with 100 counters each, for yesterday.",
        ("upload-sample", "--date", "yesterday", "--instances", "200", "--counters", "100", "--wait"),
    ),
    ("For scripts.", ("query", "--date", "yesterday", "--counter", "COUNTER1", "--output", "json")),
    ("Every hop.", ("status",)),
    ("Remove everything.", ("teardown", "--delete-objects", "--yes")),
)
"""What is shown: a sentence, and the command that follows."""

_LAST: Final = ("local", "stop")


@command("demo")
def demo(session: Session) -> None:
    """Run the whole pipeline on an embedded engine, show it, and clean up.

    Example: countagg demo
    """
    with tempfile.TemporaryDirectory(prefix="countagg-demo-") as folder:
        environment = _environment(session, Path(folder))
        # Nor shall a ./countagg.toml of the user's have a say.
        settings = Path(folder) / "countagg.toml"
        settings.touch()
        program = isolated("countagg", "--config", str(settings))
        try:
            for sentence, arguments in STEPS:
                session.result_console.print(f"\n# {sentence}", style="bold")
                _run(session, program, arguments, environment)
        finally:
            _run(session, program, _LAST, environment)


def _environment(session: Session, folder: Path) -> dict[str, str]:
    """Return the environment of the steps: no settings but ours, and the engine's state in a folder of its own."""
    kept = {
        name: value for name, value in session.environ.items() if not name.startswith((VARIABLE_PREFIX, "AWS_"))
    }
    return kept | {variable_of("local"): "1", "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def _run(session: Session, program: Sequence[str], arguments: Sequence[str], environment: dict[str, str]) -> None:
    session.result_console.print(f"$ countagg {' '.join(arguments)}", style="bold cyan")
    session.stdout.flush()
    # Our own program, with arguments from this file.
    done = subprocess.run(  # noqa: S603
        [*program, *arguments], env=environment, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise CountaggError(
            f"`countagg {' '.join(arguments)}` ended with {done.returncode}",
            where="demo",
            hint="see its message above",
        )
