"""The demonstration's end: whatever comes, what it made is removed."""

from __future__ import annotations

import signal

import pytest

from countagg.cli.local.demo_command import cleaned_up


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
