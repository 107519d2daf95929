"""The demonstration: the main job from start to end, on an embedded engine of its own."""

from __future__ import annotations

import io
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Annotated, Final

import typer

from countagg.cli.app.options import PEOPLE_FORMS
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.start import INTERRUPTED
from countagg.core.errors import CountaggError, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import VARIABLE_PREFIX, variable_of
from countagg.local import EngineState, LocalEngine


@dataclass(frozen=True, slots=True)
class DemoStep:
    """A command of the demonstration.

    Attributes:
        arguments: of countagg.
        sentence: what it does, said before it; None where it belongs to the step before.
        shown: how many lines of what it prints: from the top, or if negative from the end.
    """

    arguments: str
    sentence: str | None
    shown: int = 20


_REMOVE: Final = DemoStep("teardown --delete-objects --yes", "Remove everything.", shown=-1)
_STOP: Final = "local stop"
STEPS: Final = (
    DemoStep("local start", "Start the engine: a server on 127.0.0.1 that stands in for AWS.", shown=0),
    DemoStep("setup --bucket counters-demo --create-bucket --yes", "Set the pipeline up.", shown=1),
    DemoStep("setup --yes", "A second setup finds nothing to do.", shown=1),
    DemoStep("upload-sample --wait", "Four instances upload their counters; i-deadbeef does so twice."),
    DemoStep("query --date today --by-instance", "The totals, and who contributes what."),
    DemoStep(
        "upload-sample --date yesterday --instances 200 --counters 100 --wait",
        "A fleet of 200 instances with 100 counters each, for yesterday.",
    ),
    DemoStep("query --date yesterday --counter COUNTER1 --output text", None),
    DemoStep("status", "Every hop."),
)
"""What is shown, before it is removed."""
_KEPT: Final = """
Engine and stack stay. Look around with

  countagg --local query
  countagg --local explain COUNTER1
  countagg --local plan --memory processor=512

and remove them with

  countagg --local teardown --delete-objects --yes
  countagg local stop
"""
_STAYS: Final = "what was made stays; `countagg local stop` removes it, with all else on the engine"
_STOPPED: Final = "the engine of the demonstration is stopped, and nothing is left of it"
_GONE: Final = """
Nothing is left. To look around yourself: countagg demo --keep
On AWS: countagg setup; all commands: countagg help
"""


@command("demo", PEOPLE_FORMS)
def demo(
    session: Session,
    keep: Annotated[bool, typer.Option("--keep", help="Leave engine and stack up, to look around.")] = False,
) -> None:
    """Run the whole pipeline on an embedded engine, show it, and clean up.

    Example: countagg demo --keep
    """
    if keep and LocalEngine().status().state is EngineState.RUNNING:
        hint = "look around on it with `countagg --local status`, or end it first: `countagg local stop`"
        raise UsageError("an embedded engine runs already, maybe with a stack on it", where="--keep", hint=hint)
    ends_with = _STAYS if keep else _STOPPED
    try:
        with cleaned_up() as at_end:
            folder = at_end.enter_context(tempfile.TemporaryDirectory(prefix="countagg-demo-"))
            at_end.enter_context(_environment(Path(folder), keep=keep))
            if not keep:
                at_end.callback(run_step, _STOP)
            for step in STEPS if keep else (*STEPS, _REMOVE):
                _show(session, step)
    except KeyboardInterrupt:
        # On a terminal the cursor stands behind its ^C.
        session.remark(f"\n{ends_with}" if session.stderr.isatty() else ends_with)
        raise typer.Exit(INTERRUPTED) from None
    except CountaggError as error:
        if not error.what.startswith(f"`countagg {_STOP}`"):
            session.remark(ends_with)
        raise
    session.result_console.print((_KEPT if keep else _GONE).rstrip())


@contextmanager
def cleaned_up() -> Iterator[ExitStack]:
    """Yield what is done at the end, whatever comes; Ctrl-C does not cut that short."""
    at_end = ExitStack()
    try:
        yield at_end
    finally:
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            at_end.close()
        finally:
            signal.signal(signal.SIGINT, heard)


@contextmanager
def _environment(folder: Path, *, keep: bool) -> Iterator[None]:
    """Let commands work on an engine by no settings but ours; one that is not kept has a folder of its own."""
    before = dict(os.environ)
    ours = {variable_of("local"): "1"}
    folders = {} if keep else {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    kept = {name: value for name, value in before.items() if not name.startswith((VARIABLE_PREFIX, "AWS_"))}
    try:
        _set_environment(kept | folders | ours)
        yield
    finally:
        _set_environment(before)


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _show(session: Session, step: DemoStep) -> None:
    """Say what a step does, run it, and show what it prints."""
    console = session.result_console
    if step.sentence:
        console.print(f"\n# {step.sentence}", style="bold")
    console.print(f"$ countagg {step.arguments}", style="bold cyan")
    session.stdout.flush()
    with session.busy(f"countagg {step.arguments}"):
        lines = run_step(step.arguments)
    for line in lines[step.shown :] if step.shown < 0 else lines[: step.shown]:
        console.print(line, soft_wrap=True)


def run_step(arguments: str) -> list[str]:
    """Run a command in this process, which has imported already what it needs; return the lines of its result.

    Raises:
        KeyboardInterrupt: it was interrupted.
        CountaggError: it failed; what it said is told.
    """
    from countagg.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        # No settings file has a say.
        code = main(["--config", os.devnull, *arguments.split()])
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        said = err.getvalue().rstrip() or out.getvalue().rstrip()
        raise CountaggError(f"`countagg {arguments}` ended with {code}: {said}", where="demo")
    return out.getvalue().splitlines()
