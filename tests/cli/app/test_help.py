"""Help, and the list of commands and options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest

from countagg import __version__
from countagg.cli.app.catalogue import CATALOGUE, ORDER_OF_WORK
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.provision import settings
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, whole_app

GLOBAL_OPTIONS: Final = {
    "--stack",
    "--profile",
    "--region",
    "--endpoint-url",
    "--local",
    "--config",
    "--output",
    "--quiet",
    "--verbose",
    "--no-color",
    "--query",
    "--version",
}
CHOICES: Final = {choice.option for choice in settings.CHOICES.values()}
COMMANDS: Final = {
    "setup": {*CHOICES, "--take-up", "--details", "--yes", "--expect-account"},
    "export cloudformation": {*CHOICES, "--out", "--offline"},
    "plan": {*CHOICES, "--detailed-exitcode"},
    "outputs": set[str](),
    "open": {"--browser"},
    "stacks": set[str](),
    "bundle": {"--files", "--save", "--sbom"},
    "upload": {
        "--bucket",
        "--prefix",
        "--instance-id",
        "--date",
        "--format",
        "--include",
        "--exclude",
        "--gauges",
        "--wait",
        "--timeout",
        "--print-unit",
        "--values",
        "--state",
        "--every",
        "--always",
        "--withdraw",
    },
    "report": {"--date", "--save", "--counter", "--days", "--rows"},
    "instances": {"--date", "--stale", "--watch", "--interval"},
    "upload-sample": {"--date", "--instances", "--counters", "--seed", "--wait", "--remove", "--yes"},
    "query": {
        "--date",
        "--counter",
        "--by-instance",
        "--since",
        "--until",
        "--top",
        "--sort",
        "--watch",
        "--interval",
        "--save",
        "--pivot",
    },
    "logs": {"--function", "--since", "--until", "--follow", "--filter", "--level"},
    "status": {"--watch", "--interval"},
    "serve": {"--port", "--listen", "--allow-host", "--interval", "--date", "--counter"},
    "teardown": {
        "--yes",
        "--bucket",
        "--keep-data",
        "--keep-logs",
        "--delete-objects",
        "--delete-protected",
        "--expect-account",
    },
    "limits set": {"--expect-account"},
    "limits list": {"--date"},
    "limits unset": {"--expect-account"},
    "limits import": {"--expect-account"},
    "limits test": {"--expect-account", "--date"},
    "subscribe function": {"--counter", "--yes", "--expect-account"},
    "subscribe queue": {"--yes", "--expect-account"},
    "subscribe email": {"--yes", "--expect-account"},
    "subscribe https": {"--yes", "--expect-account"},
    "subscribe list": set[str](),
    "subscribe remove": {"--yes", "--expect-account"},
    "verify": {"--date", "--settle"},
    "explain": {"--date"},
    "repair": {"--date", "--since", "--until", "--dry-run", "--settle", "--timeout", "--yes", "--expect-account"},
    "dead-letters list": set[str](),
    "dead-letters show": set[str](),
    "dead-letters redrive": {"--all", "--yes", "--expect-account"},
    "dead-letters purge": {"--all", "--yes", "--expect-account"},
    "cost": {
        "--instances",
        "--counters",
        "--interval",
        "--days",
        "--changed",
        "--window",
        "--memory",
        "--prices",
        "--explain",
        "--measured",
        "--since",
    },
    "selftest": {"--keep", "--timeout", "--max-cost", "--save", "--yes", "--expect-account"},
    "loadtest": {
        "--instances",
        "--counters",
        "--interval",
        "--duration",
        "--ramp",
        "--step",
        "--factor",
        "--date",
        "--seed",
        "--workers",
        "--drain-timeout",
        "--settle",
        "--remove",
        "--max-cost",
        "--cleanup",
        "--yes",
        "--expect-account",
    },
    "permissions print": {
        "--role",
        "--instance-id",
        "--subscriber",
        "--account",
        "--bucket",
        "--prefix",
        "--output-prefix",
        "--role-path",
        "--kms-key",
        "--permissions-boundary",
    },
    "doctor": {"--role", "--bucket", "--create-bucket", "--prefix", "--output-prefix"},
    "local start": set[str](),
    "local stop": set[str](),
    "local status": set[str](),
    "local env": set[str](),
    "local logs": set[str](),
    "demo": {"--keep"},
}


tree = cache(whole_app)
"""Return the command tree, which nobody changes."""
_tree_to_parse_with = cache(whole_app)


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its words."""
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from leaves(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


def options_of(found: Any) -> set[str]:
    return {option for parameter in found.params for option in parameter.opts if option.startswith("--")}


def parse(line: str) -> tuple[str, dict[str, Any]]:
    """Parse a command line as the program would, and run nothing."""
    parsed: list[tuple[str, dict[str, Any]]] = []
    root = _tree_to_parse_with()
    for name, found in leaves(root):
        found.callback = lambda name=name, **values: parsed.append((name, values))
    program, *arguments = shlex.split(line)
    assert program == "countagg"
    root(arguments, prog_name="countagg", standalone_mode=False)
    (only,) = parsed
    return only


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_options_and_the_global_ones(name: str) -> None:
    found = dict(leaves(tree()))[name]

    assert options_of(found) >= GLOBAL_OPTIONS | COMMANDS[name]
    assert all(parameter.help for parameter in found.params)


def test_no_command_is_left_out_here() -> None:
    assert dict(leaves(tree())).keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", ["setup", "plan"])
def test_a_switch_can_be_put_back(name: str) -> None:
    secondary = {option for found in dict(leaves(tree()))[name].params for option in found.secondary_opts}

    assert secondary == {
        "--no-bucket-versioning",
        "--no-dashboard",
        "--no-point-in-time-recovery",
        "--no-deletion-protection",
    }


def test_the_global_options_stand_before_the_command_too() -> None:
    assert options_of(tree()) >= GLOBAL_OPTIONS


@pytest.mark.parametrize("name", dict(leaves(tree())))
def test_the_example_of_every_command_is_one_of_it_and_parses(name: str) -> None:
    found = dict(leaves(tree()))[name]
    (example,) = re.findall(r"^Example: (.+)$", found.help, re.MULTILINE)
    inner = re.fullmatch(r'eval "\$\((.+)\)"', example)

    parsed, _ = parse(inner[1] if inner else example)

    assert parsed == name


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_the_help_lists_is_what_the_command_says_itself(name: str) -> None:
    found = tree().commands[name]
    sentence, *_ = found.help.split("\n\n")

    assert (CATALOGUE[name].summary, CATALOGUE[name].panel) == (sentence, found.rich_help_panel)


@pytest.mark.parametrize("name", [*dict(leaves(tree())), *CATALOGUE])
def test_a_command_is_told_in_one_sentence(name: str) -> None:
    *path, last = name.split()
    (group,) = [tree().commands[each] for each in path] or [tree()]
    sentence, *_ = group.commands[last].help.split("\n\n")

    assert re.fullmatch(r"[A-Z][^.]+(\.\w[^.]*)*\.", sentence)


def test_the_order_of_work_is_made_of_command_lines() -> None:
    parsed = [parse(f"countagg {line}")[0] for line, _ in ORDER_OF_WORK]

    assert parsed == ["setup", "upload-sample", "query", "status", "teardown"]


def test_no_command_shows_the_order_of_work_and_is_wrong_usage(countagg: CommandLine) -> None:
    ran = countagg()

    assert (ran.code, ran.out) == (2, "")
    positions = [ran.err.index(f"countagg {line} ") for line, _ in ORDER_OF_WORK]
    assert positions == sorted(positions)
    assert all(len(line) <= 80 for line in ran.err.splitlines())


@pytest.mark.parametrize("name", ["local", "limits", "permissions", "dead-letters"])
def test_a_group_without_its_command_shows_its_help_and_is_wrong_usage(name: str, countagg: CommandLine) -> None:
    ran, asked = countagg(name), countagg(name, "--help")

    assert (ran.code, ran.out, ran.err.split()) == (2, "", asked.out.split())


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("qury --date today", "\n  try: query; "),
        ("limits lst", "\n  try: list, set; "),
        ("--outptu json status", "--output"),
        ("query --date today --conter A", "--counter"),
        ("setup --buket b", "--bucket"),
    ],
)
def test_what_is_misspelt_is_answered_with_what_may_be_meant(
    arguments: str, meant: str, countagg: CommandLine
) -> None:
    ran = countagg(*arguments.split())

    assert (ran.code, ran.out) == (2, "")
    assert meant in ran.err


@pytest.mark.parametrize("name", dict.fromkeys(["", *CATALOGUE, *dict(leaves(tree()))]))
def test_help_goes_to_stdout_and_fits_a_narrow_terminal(name: str, countagg: CommandLine) -> None:
    ran = countagg(*name.split(), "--help")

    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: countagg {name}".rstrip() in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("help", "query"), ("query", "--help")),
        (("help", "limits", "set"), ("limits", "set", "--help")),
        (("help",), ("--help",)),
        (("-h",), ("--help",)),
        (("limits", "set", "-h"), ("limits", "set", "--help")),
    ],
)
def test_help_is_asked_for_in_any_usual_way(
    words: tuple[str, ...], asked: tuple[str, ...], countagg: CommandLine
) -> None:
    ran = countagg(*words)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == countagg(*asked).out


def test_the_help_begins_with_the_commands_and_names_the_global_options_in_one_sentence(
    countagg: CommandLine,
) -> None:
    lines = countagg("--help").out.splitlines()
    text = " ".join(lines)

    assert lines.index("Try out:") < lines.index("Options:")
    assert "Global options, before or after the command: --stack, --profile, " in text
    assert "--no-color, --query, --config, --version. `countagg help options` tells what each is." in text


def test_the_global_options_are_told_on_demand(countagg: CommandLine) -> None:
    ran = countagg("help", "options")

    assert (ran.code, ran.err) == (0, "")
    assert all(f" {option} " in ran.out for option in GLOBAL_OPTIONS)
    assert all(len(line) <= 80 for line in ran.out.splitlines())


@pytest.mark.parametrize("name", dict(leaves(tree())))
def test_no_name_of_an_option_is_broken_or_followed_by_the_name_of_a_type(
    name: str, countagg: CommandLine
) -> None:
    found = dict(leaves(tree()))[name]
    out = countagg(*name.split(), "--help").out

    assert options_of(found) <= set(re.findall(r"--[a-z][a-z-]*[a-z]", out))
    assert not re.search(r"<(bool|str|int|float|list)\b", out)


@pytest.mark.parametrize("columns", ["50", "80"])
@pytest.mark.parametrize("name", dict.fromkeys(["", *CATALOGUE, *dict(leaves(tree()))]))
def test_no_word_is_broken_at_its_hyphen(
    name: str, columns: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert not re.findall(r".*-$", countagg(*name.split(), "--help").out, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("open", "[PART] [FUNCTION]"),
        ("upload", "[SOURCE]..."),
        ("dead-letters purge", "[ID]..."),
        ("explain", "{COUNTER|FILE}"),
    ],
)
def test_the_usage_tells_what_may_be_left_out_and_repeated(name: str, taken: str, countagg: CommandLine) -> None:
    assert countagg(*name.split(), "--help").out.startswith(f"Usage: countagg {name} [OPTIONS] {taken}\n")


@pytest.mark.parametrize("words", [("help", "qury"), ("help", "limits", "lst")])
def test_help_for_a_command_that_is_none_is_wrong_usage(words: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*words)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: {words[-1]}: there is no such command")


@pytest.mark.parametrize("word", ["help", "version"])
def test_help_for_a_word_that_needs_none_lists_the_commands(word: str, countagg: CommandLine) -> None:
    assert countagg("help", word).out == countagg("help").out


@pytest.mark.parametrize(
    "arguments", [("version",), ("--version",), ("query", "--version"), ("local", "stop", "--version")]
)
def test_the_version_is_told_before_and_after_a_command(arguments: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*arguments)

    assert (ran.code, ran.out, ran.err) == (0, f"countagg {__version__}\n", "")


def test_a_command_line_to_copy_works_in_the_same_place() -> None:
    here = Session(DEFAULTS, Preferences({}))
    local = Session(replace(DEFAULTS, local=True, stack="other"), Preferences({}))
    there = Session(
        replace(DEFAULTS, profile="my profile", region="eu-west-1", endpoint_url="http://127.0.0.1:1"),
        Preferences({}),
    )

    assert here.invocation("status") == "countagg status"
    assert local.invocation("query --date today") == "countagg --local --stack other query --date today"
    assert parse(there.invocation("status"))[0] == "status"
    assert here.aws("s3 ls") == "aws s3 ls"
    assert local.aws("s3 ls") == 'eval "$(countagg local env)"; aws s3 ls'
    assert there.aws("s3 ls") == (
        "aws --profile 'my profile' --region eu-west-1 --endpoint-url http://127.0.0.1:1 s3 ls"
    )
    assert there.invocation("status") == (
        "countagg --profile 'my profile' --region eu-west-1 --endpoint-url http://127.0.0.1:1 status"
    )
