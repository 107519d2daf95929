"""Progress of a load, on stderr: redrawn on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.console import is_redrawn
from countagg.cli.terminal.progress import progress_bar
from countagg.cli.terminal.render import counted
from countagg.operate.load.figures import Sample
from countagg.operate.load.loadtest import Load, OnSample

_LINE_SECONDS: Final = 10.0


@contextmanager
def load_progress(session: Session, load: Load) -> Iterator[OnSample]:
    """Show how far a load is: what was sent of what was due, and what the totals include of what was sent.

    Args:
        session: where to.
        load: what is to be done.

    Yields:
        What is to be told of each look.
    """
    next_line = _LINE_SECONDS
    with progress_bar(session) as progress:
        end = round(load.steps[-1].end)
        # Nobody knows when a load ends that ends at the knee.
        seconds = progress.add_task("seconds", total=end, visible=not load.until_knee)
        sent, included = (progress.add_task(what, total=None) for what in ("sent, of those due", "included"))

        def tell(sample: Sample, failures: int) -> None:
            nonlocal next_line
            progress.update(seconds, completed=min(round(sample.at), end))
            progress.update(sent, completed=sample.sent, total=sample.due)
            what = f"included, {counted(failures, 'error')}"
            progress.update(included, completed=sample.included, total=sample.sent, description=what)
            if is_redrawn(session.progress_console) or sample.at < next_line:
                return
            next_line = sample.at + _LINE_SECONDS
            session.remark(
                f"{sample.at:.0f} s: {sample.sent:,} sent of {sample.due:,} due, {sample.included:,} included, "
                f"{sample.lag:,} behind, {sample.queued:,} in the queue, {counted(failures, 'error')}"
            )

        yield tell
