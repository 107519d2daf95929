"""Questions: asked where they are both seen and answered, and nowhere else."""

from __future__ import annotations

import ast
import io
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.core.errors import UsageError
from tests.cli.account import BUCKET
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import REPOSITORY, CommandLine, Terminal, at_terminal

ASKING: Final = ("setup", "setup --bucket brand-new --create-bucket", "upload-sample", "--local status")
DECIDES: Final = "countagg/cli/app/session.py"


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("answered", [True, False])
def test_a_question_is_one_only_where_it_is_seen_and_answered(*, seen: bool, answered: bool) -> None:
    keyboard = (Terminal if answered else io.StringIO)("yes\n")
    screen = (Terminal if seen else io.StringIO)()
    session = Session(DEFAULTS, Preferences({}), stdin=keyboard, stderr=screen)

    if seen and answered:
        session.confirm("Delete it?", "yes", yes=False)
        assert "Delete it? Type 'yes' to go on: " in screen.getvalue()
        return
    with pytest.raises(UsageError, match="there is no terminal to ask on") as caught:
        session.confirm("Delete it?", "yes", yes=False)
    assert caught.value.where == "--yes"
    assert (screen.getvalue(), keyboard.read()) == ("", "yes\n")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("line", ASKING)
def test_who_writes_stderr_to_a_file_is_told_what_who_has_no_terminal_is(
    line: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = countagg(*line.split())
    keyboard = Terminal("yes\n")
    at_terminal(monkeypatch, keyboard)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)

    unseen = countagg(*line.split())

    assert unseen == without
    assert keyboard.read() == "yes\n"


@pytest.mark.usefixtures("account")
def test_quiet_does_not_silence_what_a_question_is_about(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("setup", "--bucket", BUCKET)
    at_terminal(monkeypatch, "d\nno\nd\nno\n")

    talking, quiet = countagg(*line), countagg(*line, "--quiet")

    assert (quiet.code, quiet.err) == (8, talking.err)
    assert quiet.err.startswith("account  ")
    assert "      batch_size: 1000\n" in quiet.err


def test_quiet_holds_back_what_leads_to_no_question() -> None:
    screen = Terminal()
    session = Session(replace(DEFAULTS, quiet=True), Preferences({}), stdin=Terminal("yes\n"), stderr=screen)
    session.remark("the day has 2 instances")
    assert screen.getvalue() == ""
    session.confirm("Add to them?", "yes", yes=True)
    assert screen.getvalue() == ""
    session.confirm("Add to them?", "yes", yes=False)
    assert screen.getvalue().index("the day has 2 instances") < screen.getvalue().index("Add to them?")
    session.remark("next: something")
    assert "next" not in screen.getvalue()


def test_one_place_decides_whether_there_is_somebody_to_ask() -> None:
    asked = {
        str(path.relative_to(REPOSITORY))
        for path in Path(REPOSITORY, "countagg").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "isatty" and ast.unparse(node.value).endswith("stdin")
    }
    assert asked == {DECIDES}
