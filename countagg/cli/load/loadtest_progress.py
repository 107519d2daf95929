"""Progress of a load, on stderr: redrawn on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

from typing import Final, Self

from countagg.cli.app.session import Session
from countagg.cli.terminal.progress import progress_bar
from countagg.operate.load.figures import Sample

_LINE_SECONDS: Final = 10.0


class LoadProgress:
    """Shows how far a load is.

    Args:
        session: where to.
        files: that are to be sent.
    """

    def __init__(self, session: Session, files: int) -> None:
        self._session = session
        self._progress = progress_bar(session)
        self._sent = self._progress.add_task("sent", total=files)
        self._included = self._progress.add_task("included", total=files)
        self._next_line = _LINE_SECONDS

    def __enter__(self) -> Self:
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._progress.stop()

    def tell(self, sample: Sample, failures: int) -> None:
        """Show a look."""
        what = f"included, {sample.lag:,} behind, {failures:,} errors"
        self._progress.update(self._sent, completed=sample.sent)
        self._progress.update(self._included, completed=sample.included, description=what)
        if self._session.progress_console.is_terminal or sample.at < self._next_line:
            return
        self._next_line = sample.at + _LINE_SECONDS
        self._session.remark(
            f"{sample.at:.0f} s: {sample.sent:,} sent, {sample.included:,} included, {sample.lag:,} behind, "
            f"{sample.queued:,} in the queue, {failures:,} errors"
        )
