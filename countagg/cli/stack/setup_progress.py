"""Progress of a setup or teardown: a bar on a terminal, a line for each step elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable
from countagg.provision.reconcile import Action, Change

# Imported where something is drawn: a plan tells nothing.
if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


@dataclass
class Reporter:
    """Tells on stderr what is being done and what is waited for.

    Attributes:
        open_console: returns where to.
        quiet: tell nothing.
    """

    open_console: Callable[[], Console]
    quiet: bool = False
    _bar: Progress | None = field(default=None, init=False)
    _task: TaskID | None = field(default=None, init=False)
    _begun: str = field(default="", init=False)

    def carry_out(self, changes: Iterator[Change], total: int) -> tuple[Change, ...]:
        """Have the changes made, one after the other, and report each.

        Args:
            changes: each is made when it is asked for.
            total: how many there are.

        Raises:
            CountaggError: what went wrong, with where it stopped and how to go on.
        """
        made: list[Change] = []
        try:
            with self.steps(total):
                for change in changes:
                    self.ended(change)
                    made.append(change)
        except CountaggError as error:
            # The step that was begun last may be done: what failed then is a look at the next one.
            where = "after" if made and made[-1].resource == self._begun else "at"
            stopped = f"it stopped {where} {self._begun or 'the first step'}, {len(made)} of {total} done"
            error.hint = f"{error.hint}\n  then: " if error.hint else ""
            error.hint += f"the same command again: {stopped}, and goes on from there"
            raise
        return tuple(made)

    @contextmanager
    def steps(self, total: int) -> Iterator[None]:
        """Report a number of steps."""
        from countagg.cli.terminal.console import is_redrawn, spinner

        console = self.open_console()
        if self.quiet or not is_redrawn(console):
            yield
            return
        from rich.progress import Progress, SpinnerColumn

        from countagg.cli.terminal.progress import bar_columns

        columns = (SpinnerColumn(spinner(console)), *bar_columns(total))
        with Progress(*columns, console=console, transient=True) as bar:
            self._bar, self._task = bar, bar.add_task("", total=total)
            try:
                yield
            finally:
                self._bar = None

    def begun(self, resource: str, action: Action) -> None:
        """Tell that a resource is being touched."""
        self._begun = resource
        self._tell(f"{action:<8}{printable(resource)}")

    def waiting(self, what: str) -> None:
        """Tell what is waited for."""
        self._tell(f"waiting for {printable(what)}")

    def warning(self, what: str) -> None:
        """Tell what the operator should know; on a terminal it stays as a line."""
        if not self.quiet:
            console = self._bar.console if self._bar is not None else self.open_console()
            console.print(f"note: {printable(what)}")

    def _tell(self, text: str) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text)
        elif not self.quiet:
            self.open_console().print(text)

    def ended(self, change: Change) -> None:
        """Tell that a resource is as it should be; on a terminal what was touched stays as a line."""
        if self._bar is None or self._task is None:
            return
        self._bar.advance(self._task)
        if change.action is not Action.KEEP:
            self._bar.console.print(f"{change.action:<8}{printable(change.resource)}")
