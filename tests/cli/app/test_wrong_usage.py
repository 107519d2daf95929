"""Command lines that cannot be read: told like any other error."""

from __future__ import annotations

import pytest

from tests.cli.running import CommandLine


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("qury", "qury: there is no such command\n  try: query; `countagg help` lists all"),
        ("redrive x", "redrive: there is no such command\n  try: dead-letters redrive; `countagg help` lists all"),
        ("limits redrive", "redrive: there is no such command\n  try: `countagg help limits`"),
        ("limits lst", "lst: there is no such command\n  try: list, set; `countagg help limits` lists all"),
        ("query --top x", "--top: this is not a whole number\n  try: `countagg help query`"),
        ("query --interval x", "--interval: this is not a number\n  try: `countagg help query`"),
        ("query extra", "extra: nothing is expected there\n  try: `countagg help query`"),
        ("limits set", "COUNTER is missing\n  try: `countagg help limits set`"),
        ("--stack", "--stack takes a value, and none is given\n  try: `countagg help`"),
        ("--quiet", "no command is named\n  try: `countagg help`"),
        (
            "query --date=today --counter",
            "--counter takes a value, and none is given\n  try: `countagg help query`",
        ),
        ("limits --top 3", "--top: there is no such option\n  try: `countagg help limits`"),
        ("setup --yes=no", "--yes takes no value\n  try: `countagg help setup`"),
        ("permissions print", "--role is missing\n  try: `countagg help permissions print`"),
        ("query --top 0", "--top: it must be at least 1\n  try: `countagg help query`"),
        ("cost --changed 2", "--changed: it must be at most 1\n  try: `countagg help cost`"),
        ("query --output xml", "--output: query has no form xml\n  try: use table, json, csv, text, prometheus"),
        (
            "outputs --output prometheus",
            "--output: outputs has no form prometheus\n  try: use table, json, csv, env, toml",
        ),
        (
            "limits unset -A",
            """-A: there is no such option
  try: `countagg help limits unset`; put -- before an argument that begins with -""",
        ),
        (
            "limits --stack x list",
            "--stack: there is no such option\n  try: put it before limits or behind the whole command",
        ),
        (
            "limits --quiet list",
            "--quiet: there is no such option\n  try: put it before limits or behind the whole command",
        ),
        ("query -A", "-A: there is no such option\n  try: `countagg help query`"),
        ("query --sort x", "--sort: 'x' is not one of 'name', 'value'\n  try: `countagg help query`"),
    ],
)
def test_it_says_where_and_what_and_what_next(line: str, told: str, countagg: CommandLine) -> None:
    ran = countagg(*line.split())

    assert (ran.code, ran.out, ran.err) == (2, "", f"countagg: {told}\n")


@pytest.mark.parametrize("line", ["repair --date", "upload-sample --date", "query --counter"])
def test_a_value_that_is_missing_is_refused_where_something_changes(line: str, countagg: CommandLine) -> None:
    option = line.rsplit(maxsplit=1)[-1]

    ran = countagg(*line.split())

    assert (ran.code, ran.out) == (2, "")
    assert f"{option} takes a value, and none is given" in ran.err


@pytest.mark.parametrize("group", [(), ("limits",), ("help",), ("help", "limits")])
@pytest.mark.parametrize("name", ["", " "])
def test_a_command_that_is_blank_is_seen_in_what_is_told(
    group: tuple[str, ...], name: str, countagg: CommandLine
) -> None:
    ran = countagg(*group, name)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: '{name}': there is no such command")


def test_a_value_without_an_end_is_told_by_its_beginning_and_at_once(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", "x" * 1_000_000)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: --date: '{'x' * 99}... is not a date\n")
