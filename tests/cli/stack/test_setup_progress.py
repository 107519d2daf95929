"""Progress of a setup or teardown, on a terminal and off it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from rich.console import Console

from countagg.cli.stack.setup_progress import Reporter
from countagg.core.errors import AccessDenied, TimedOut
from countagg.provision.reconcile import Action, Change

HIDE_CURSOR: Final = "\x1b[?25l"
SHOW_CURSOR: Final = "\x1b[?25h"
STEPS: Final = (("topic/a", Action.CREATE), ("topic/b", Action.KEEP), ("topic/c", Action.UPDATE))


def reporter(*, terminal: bool = False, quiet: bool = False) -> tuple[Reporter, io.StringIO]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=80, no_color=True, markup=False, highlight=False)
    return Reporter(lambda: console, quiet=quiet), file


def work(found: Reporter, fails: Callable[[], None] = lambda: None) -> Iterator[Change]:
    """Do three steps: one that creates and waits, one that keeps, and one that updates, or fails."""
    for resource, action in STEPS:
        if action is not Action.KEEP:
            found.begun(resource, action)
        if action is Action.CREATE:
            found.waiting("the role of \x1b[31mfunction a")
        if action is Action.UPDATE:
            fails()
        yield Change(resource, action)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_off_a_terminal_there_are_lines_that_are_only_appended() -> None:
    found, file = reporter()
    assert [change.resource for change in found.carry_out(work(found), 3)] == ["topic/a", "topic/b", "topic/c"]
    assert file.getvalue().splitlines() == [
        "create  topic/a",
        "waiting for the role of \\x1b[31mfunction a",
        "update  topic/c",
    ]


def test_a_dumb_terminal_gets_the_lines_that_a_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, file = reporter()
    elsewhere.carry_out(work(elsewhere), 3)
    monkeypatch.setenv("TERM", "dumb")
    found, screen = reporter(terminal=True)
    found.carry_out(work(found), 3)
    assert screen.getvalue() == file.getvalue()


def test_on_a_terminal_there_is_a_bar_that_names_what_is_done_and_waited_for() -> None:
    found, file = reporter(terminal=True)
    seen = []
    for change in found_steps(found):
        # As the ten times a second that it is drawn by itself.
        assert found._bar is not None  # noqa: SLF001 - there is no other way to have it drawn now
        found._bar.refresh()  # noqa: SLF001 - the same
        seen.append((change.resource, plain(file.getvalue())))
        file.seek(0)
        file.truncate()
    assert "0/3" in seen[0][1]
    assert "waiting for the role of \\x1b[31mfunction a" in seen[0][1]
    assert "1/3" in seen[1][1]
    assert "2/3" in seen[2][1]
    assert "update  topic/c" in seen[2][1]


def found_steps(found: Reporter) -> Iterator[Change]:
    with found.steps(3):
        for change in work(found):
            yield change
            found.ended(change)


def test_on_a_terminal_what_was_touched_stays_as_a_line_and_the_bar_goes() -> None:
    found, file = reporter(terminal=True)
    found.carry_out(work(found), 3)
    assert SHOW_CURSOR in file.getvalue()
    lines = [line.split("\r")[-1].strip() for line in plain(file.getvalue()).split("\n")]
    assert [line for line in lines if line in {"create  topic/a", "keep    topic/b", "update  topic/c"}] == [
        "create  topic/a",
        "update  topic/c",
    ]
    # The bar is erased: up one line, and the line cleared.
    assert file.getvalue().endswith("\x1b[1A\x1b[2K")


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_is_silent(*, terminal: bool) -> None:
    found, file = reporter(terminal=terminal, quiet=True)
    assert len(found.carry_out(work(found), 3)) == 3
    found.waiting("something")
    assert file.getvalue() == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_waited_for_after_the_steps_is_told_too(*, terminal: bool) -> None:
    found, file = reporter(terminal=terminal)
    found.carry_out(work(found), 3)
    found.waiting("late log lines")
    assert plain(file.getvalue()).splitlines()[-1].endswith("waiting for late log lines")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("within", [True, False])
def test_a_warning_stays_as_a_line(*, terminal: bool, within: bool) -> None:
    found, file = reporter(terminal=terminal)
    if within:
        with found.steps(1):
            found.warning("expiry of \x1b[31mtotals")
    else:
        found.warning("expiry of \x1b[31mtotals")
    lines = [line.split("\r")[-1] for line in plain(file.getvalue()).split("\n")]
    assert "note: expiry of \\x1b[31mtotals" in lines


@pytest.mark.parametrize("terminal", [True, False])
def test_a_resource_with_a_strange_name_is_harmless(*, terminal: bool) -> None:
    found, file = reporter(terminal=terminal)

    def subscribe() -> Iterator[Change]:
        found.begun("email/\u202ea@b.org", Action.CREATE)
        yield Change("email/\u202ea@b.org", Action.CREATE)

    found.carry_out(subscribe(), 1)
    assert "\u202e" not in file.getvalue()
    assert "create  email/\\u202ea@b.org" in file.getvalue()


def test_quiet_silences_warnings_too() -> None:
    found, file = reporter(quiet=True)
    found.warning("something")
    assert file.getvalue() == ""


def interrupt() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_leaves_the_terminal_as_it_was() -> None:
    found, file = reporter(terminal=True)
    with pytest.raises(KeyboardInterrupt):
        found.carry_out(work(found, interrupt), 3)
    text = file.getvalue()
    assert text.count(HIDE_CURSOR) == text.count(SHOW_CURSOR) == 1
    assert text.index(HIDE_CURSOR) < text.index(SHOW_CURSOR)
    assert text.endswith("\x1b[1A\x1b[2K")
    file.truncate(0)
    found.waiting("what comes next")
    assert plain(file.getvalue()).strip("\0\n") == "waiting for what comes next"


def deny() -> None:
    raise AccessDenied("no permission", where="topic/c", hint="ask for it\nand wait", detail="id")


def give_up() -> None:
    raise TimedOut("still waiting", where="topic/c")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    ("fails", "hint"),
    [
        (
            deny,
            (
                "ask for it\nand wait\n"
                "  then: the same command again: it stopped at topic/c, 2 of 3 done, and goes on from there"
            ),
        ),
        (give_up, "the same command again: it stopped at topic/c, 2 of 3 done, and goes on from there"),
    ],
)
def test_an_error_in_the_middle_says_where_it_stopped_and_how_to_go_on(
    fails: Callable[[], None], hint: str, *, terminal: bool
) -> None:
    found, file = reporter(terminal=terminal)
    with pytest.raises((AccessDenied, TimedOut)) as caught:
        found.carry_out(work(found, fails), 3)
    assert caught.value.hint == hint
    assert (caught.value.where, caught.value.detail) in {("topic/c", "id"), ("topic/c", "")}
    assert file.getvalue().count(HIDE_CURSOR) == file.getvalue().count(SHOW_CURSOR)


def test_an_error_between_two_steps_names_the_one_before() -> None:
    found, _ = reporter()

    def fail() -> Iterator[Change]:
        yield from work(found)
        deny()

    with pytest.raises(AccessDenied) as caught:
        found.carry_out(fail(), 9)
    assert "it stopped after topic/c, 3 of 9 done" in caught.value.hint


def test_an_error_before_the_first_step_says_so() -> None:
    found, _ = reporter()

    def fail() -> Iterator[Change]:
        yield from ()
        deny()

    with pytest.raises(AccessDenied) as caught:
        found.carry_out(fail(), 3)
    assert "it stopped at the first step, 0 of 3 done" in caught.value.hint
