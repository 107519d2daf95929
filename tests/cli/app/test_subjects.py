"""`countagg help SUBJECT`: the documents in the terminal."""

from __future__ import annotations

import contextlib
import re

import pytest

from countagg.cli.app.catalogue import CATALOGUE
from countagg.cli.app.subjects import SUBJECTS, typed, write_subject
from countagg.cli.main import main
from tests.cli.running import CommandLine, Terminal
from tests.readme import document

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def drawn(subject: str, columns: int, monkeypatch: pytest.MonkeyPatch, *, no_color: bool = True) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    write_subject(subject, terminal, no_color=no_color)
    return terminal.getvalue()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_in_a_pipe_a_document_is_shown_as_it_is(subject: str, countagg: CommandLine) -> None:
    ran = countagg("help", typed(subject))

    assert (ran.code, ran.out, ran.err) == (0, document(subject), "")
    assert countagg("help", f"docs/{subject}.md").out == ran.out


def words_of(text: str) -> set[str]:
    """Return the longer words, which stand the same in the source and laid out."""
    return set(re.findall(r"[A-Za-z][a-z]{7,}", text))


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_on_a_terminal_it_is_laid_out_and_nothing_is_lost(
    subject: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = COLOURS.sub("", drawn(subject, columns, monkeypatch))

    source = re.sub(r"\]\([^)]*\)", "]", document(subject))
    assert words_of(source) <= words_of(shown)
    assert "```" not in shown
    # Blanks of a chart's braille, which nobody sees and a console escapes.
    assert "u2800" not in shown
    assert "\n#" not in shown
    assert not re.search(r"\]\(|screenshots/|\u2026|^\|", shown, re.MULTILINE)


def test_code_is_shown_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn("commands", 40, monkeypatch)

    lines = [COLOURS.sub("", line) for line in shown.splitlines()]
    assert "    countagg outputs --query 'outputs.[bucket, prefix]' --output text" in lines


def test_links_lead_to_what_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = " ".join(COLOURS.sub("", drawn("choices", 80, monkeypatch)).split())

    assert "(countagg help large-fleets)" in shown


def test_colours_are_left_out_where_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coloured = re.compile(r"\x1b\[(?:\d+;)*3[0-8]")

    assert coloured.search(drawn("commands", 80, monkeypatch, no_color=False))
    assert not coloured.search(drawn("commands", 80, monkeypatch, no_color=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(drawn("commands", 80, monkeypatch, no_color=False))


@pytest.mark.parametrize("words", [("--no-color", "help", "commands"), ("help", "commands", "--no-color")])
def test_the_option_against_colours_stands_on_either_side(words: tuple[str, ...]) -> None:
    with contextlib.redirect_stdout(Terminal()) as out:
        assert main(words) == 0

    assert "\x1b[1m" in out.getvalue()
    assert not re.search(r"\x1b\[(?:\d+;)*3[0-8]", out.getvalue())


def test_the_help_lists_the_subjects_as_one_types_them(countagg: CommandLine) -> None:
    lines = countagg("help").out
    [listed] = re.findall(r"`countagg help SUBJECT` tells more: ([^.]*)\.", " ".join(lines.split()))

    assert listed.split(", ") == [f"docs/{each}" if each in CATALOGUE else each for each in SUBJECTS]
    assert all(len(line) <= 80 for line in lines.splitlines())


@pytest.mark.parametrize("subject", [each for each in SUBJECTS if each in CATALOGUE])
def test_where_a_command_has_the_name_its_help_is_shown(subject: str, countagg: CommandLine) -> None:
    assert countagg("help", subject).out == countagg(subject, "--help").out


@pytest.mark.parametrize("word", ["raeding", "\x1b[31m", "docs/", "../README", "options.md"])
def test_an_unknown_name_is_answered_with_those_there_are(word: str, countagg: CommandLine) -> None:
    ran = countagg("help", word)

    assert (ran.code, ran.out) == (2, "")
    assert "there is no such command or subject\n  try: " in ran.err
    assert "`countagg help` lists the commands; subjects are demonstration, setting-up, " in ran.err
    assert "\x1b" not in ran.err


def test_a_misspelt_one_is_answered_with_what_may_be_meant(countagg: CommandLine) -> None:
    assert "\n  try: reading, " in countagg("help", "raeding").err
    assert "\n  try: query; " in countagg("help", "qury").err
