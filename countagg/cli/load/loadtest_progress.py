"""Progress of a load, on stderr: redrawn on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.progress import progress_bar
from countagg.operate.load.figures import Sample
from countagg.operate.load.loadtest import OnSample

_LINE_SECONDS: Final = 10.0


@contextmanager
def load_progress(session: Session, files: int) -> Iterator[OnSample]:
    """Show how far a load is.

    Args:
        session: where to.
        files: that are to be sent.

    Yields:
        What is to be told of each look.
    """
    next_line = _LINE_SECONDS
    with progress_bar(session) as progress:
        sent, included = (progress.add_task(what, total=files) for what in ("sent", "included"))

        def tell(sample: Sample, failures: int) -> None:
            nonlocal next_line
            what = f"included, {sample.lag:,} behind, {failures:,} errors"
            progress.update(sent, completed=sample.sent)
            progress.update(included, completed=sample.included, description=what)
            if session.progress_console.is_terminal or sample.at < next_line:
                return
            next_line = sample.at + _LINE_SECONDS
            session.remark(
                f"{sample.at:.0f} s: {sample.sent:,} sent, {sample.included:,} included, {sample.lag:,} behind, "
                f"{sample.queued:,} in the queue, {failures:,} errors"
            )

        yield tell
