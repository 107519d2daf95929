"""The demonstration's end: whatever comes, what it made is removed."""

from __future__ import annotations

import signal

import pytest

from countagg.cli.local.demo_command import cleaned_up, run_step
from countagg.core.errors import CountaggError
from tests.cli.running import Terminal, at_terminal


def test_ctrl_c_ends_the_work_and_not_the_cleaning_up() -> None:
    done = []

    def clean() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("cleaned")

    def work() -> None:
        with cleaned_up() as at_end:
            at_end.callback(clean)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        work()

    assert done == ["cleaned"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("account")
def test_a_question_that_nobody_sees_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("yes\n")
    at_terminal(monkeypatch, terminal)

    with pytest.raises(CountaggError, match="there is no terminal to ask on"):
        run_step("setup --bucket brand-new --create-bucket")

    assert terminal.read() == "yes\n"
