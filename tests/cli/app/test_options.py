"""Where a setting comes from: flags before and after the command, variables, files, defaults."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from countagg.cli.app.options import Options, OutputForm
from countagg.cli.app.preferences import SETTINGS
from countagg.cli.app.registry import add_declared, command
from countagg.cli.app.session import Session
from countagg.cli.main import make_app
from tests.cli.running import CommandLine

DEFAULTS: Final = Options(
    stack="countagg",
    profile=None,
    region=None,
    endpoint_url=None,
    local=False,
    output=OutputForm.TABLE,
    quiet=False,
    verbose=False,
    no_color=False,
)
TEXTS: Final = {
    "stack": ("one", "two"),
    "profile": ("one", "two"),
    "region": ("eu-central-1", "eu-west-1"),
    "endpoint_url": ("http://127.0.0.1:1", "https://127.0.0.1:2"),
    "output": ("json", "csv"),
}
SWITCHES: Final = ("local", "quiet", "verbose", "no_color")
SOURCES: Final = ("flag", "variable", "project file", "user file")
REFUSED: Final = {(name, "project file") for name, setting in SETTINGS.items() if setting.is_personal}


def session_of(*arguments: str) -> Session:
    """Return the session that a command gets when `probe` in the arguments stands for it."""
    sessions: list[Session] = []

    def probe(session: Session) -> None:
        """Keep the session."""
        sessions.append(session)

    app = make_app()
    command("probe")(probe)
    add_declared(app, "probe", "Tests", "")
    with pytest.raises(SystemExit) as end:
        typer.main.get_command(app)(list(arguments), prog_name="countagg")
    assert end.value.code == 0
    (session,) = sessions
    return session


def defaults_but(name: str, value: str | bool) -> Options:  # noqa: FBT001 - a value of a setting
    change: dict[str, Any] = {name: OutputForm(str(value)) if name == "output" else value}
    return replace(DEFAULTS, **change)


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def toml(value: str | bool) -> str:  # noqa: FBT001 - a value of a setting
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


class Sources:
    """The places a setting can be said in, below the flags."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project_file = folder / "countagg.toml"
        self.user_file = folder / "config" / "countagg" / "config.toml"
        self._monkeypatch = monkeypatch

    def say(self, source: str, name: str, value: str | bool) -> None:  # noqa: FBT001 - a value of a setting
        if source == "variable":
            text = value if isinstance(value, str) else str(int(value))
            self._monkeypatch.setenv(f"COUNTAGG_{name.upper()}", text)
        else:
            path = self.project_file if source == "project file" else self.user_file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} = {toml(value)}\n")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(tmp_path, monkeypatch)


def test_without_any_setting_the_defaults_apply() -> None:
    assert session_of("probe").options == DEFAULTS


@pytest.mark.parametrize(
    ("name", "strongest"),
    [(name, source) for name in TEXTS for source in SOURCES if (name, source) not in REFUSED],
)
def test_the_strongest_source_of_a_text_wins(name: str, strongest: str, sources: Sources) -> None:
    wanted, other = TEXTS[name]
    position = SOURCES.index(strongest)
    for weaker in SOURCES[position + 1 :]:
        if (name, weaker) not in REFUSED:
            sources.say(weaker, name, other)
    given = [flag(name), wanted] if strongest == "flag" else []
    if strongest != "flag":
        sources.say(strongest, name, wanted)

    found = session_of("probe", *given).options

    assert found == defaults_but(name, wanted)


@pytest.mark.parametrize("strongest", SOURCES)
@pytest.mark.parametrize("name", SWITCHES)
def test_the_strongest_source_of_a_switch_wins(name: str, strongest: str, sources: Sources) -> None:
    position = SOURCES.index(strongest)
    for wanted in (True,) if strongest == "flag" else (True, False):
        for weaker in SOURCES[position + 1 :]:
            sources.say(weaker, name, not wanted)
        if strongest != "flag":
            sources.say(strongest, name, wanted)

        found = session_of("probe", *([flag(name)] if strongest == "flag" else [])).options

        assert found == defaults_but(name, wanted)


@pytest.mark.parametrize("name", [*TEXTS, *SWITCHES])
def test_a_global_option_counts_before_and_after_the_command(name: str) -> None:
    values = TEXTS.get(name)
    given = [flag(name), values[0]] if values else [flag(name)]
    expected = defaults_but(name, values[0] if values else True)

    assert session_of(*given, "probe").options == expected
    assert session_of("probe", *given).options == expected


@pytest.mark.parametrize("name", TEXTS)
def test_after_the_command_wins_over_before_it(name: str) -> None:
    before, after = TEXTS[name]

    options = session_of(flag(name), before, "probe", flag(name), after).options

    assert getattr(options, name) == after


def test_short_flags_mean_the_long_ones() -> None:
    assert session_of("-q", "probe", "-v").options == replace(DEFAULTS, quiet=True, verbose=True)
    assert session_of("probe", "-qv").options == replace(DEFAULTS, quiet=True, verbose=True)


def test_config_names_a_file_that_is_read_instead_of_the_project_file(sources: Sources, tmp_path: Path) -> None:
    sources.say("project file", "stack", "project")
    sources.say("user file", "region", "eu-west-1")
    (tmp_path / "other.toml").write_text('stack = "other"\n')
    (tmp_path / "another.toml").write_text('stack = "another"\n')

    assert session_of("probe").options.stack == "project"
    assert session_of("--config", "other.toml", "probe").options == replace(
        DEFAULTS, stack="other", region="eu-west-1"
    )
    assert session_of("--config", "other.toml", "probe", "--config", "another.toml").options.stack == "another"


def test_a_variable_wins_over_the_file_that_config_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text('stack = "other"\n')
    monkeypatch.setenv("COUNTAGG_STACK", "variable")

    assert session_of("probe", "--config", "other.toml").options.stack == "variable"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("true", True), ("YES", True), ("on", True), ("0", False), ("False", False), ("no", False)],
)
def test_a_variable_switches_on_and_off(text: str, *, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTAGG_LOCAL", text)

    assert session_of("probe").options.local is expected


def test_a_variable_that_says_neither_yes_nor_no_is_refused_by_its_name(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_LOCAL", "maybe")

    ran = countagg("query", "--date", "today")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "countagg: COUNTAGG_LOCAL: 'maybe' is neither yes nor no\n  try: use 1 or 0\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'stak = "one"\n', "unknown setting 'stak'"),
        (b"stack = 5\n", "stack must be text in quotes"),
        (b'bucket = ["one"]\n', "bucket must be text in quotes"),
        (b'quiet = "yes"\n', "quiet must be true or false"),
        (b"local = 1\n", "local must be true or false"),
        (b"deletion_protection = 1\n", "deletion_protection must be true or false"),
        (b'tags = "team=fleet"\n', "tags must be a table of texts or numbers"),
        (b"[tags]\nteam = true\n", "tags must be a table of texts or numbers"),
        (b"[memory]\nprocessor = 1.5\n", "memory must be a table of texts or numbers"),
        (b"[memory]\n[memory.processor]\n", "memory must be a table of texts or numbers"),
        (b"stack = one\n", "cannot be read"),
        (b'stack = "\xff"\n', "cannot be read"),
        (b'output = "xml"\n', "status has no form xml"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_settings_file_that_is_wrong_is_refused_by_its_name(
    content: bytes, complaint: str, *, named: bool, countagg: CommandLine
) -> None:
    path = Path("special.toml" if named else "countagg.toml")
    path.write_bytes(content)

    ran = countagg("status", *(["--config", str(path)] if named else []))

    assert (ran.code, ran.out) == (2, "")
    where, _, what = ran.err.removeprefix("countagg: ").partition(": ")
    assert where.split()[-1] == str(path)
    assert what.startswith(complaint)


def test_an_unknown_setting_is_answered_with_the_known_ones(countagg: CommandLine) -> None:
    Path("countagg.toml").write_text('buckets = "one"\n')

    assert (
        "  try: known are alarm_email, alarm_uploads, architecture, bucket, bucket_versioning,"
        in countagg("status").err
    )


def test_the_users_own_file_is_checked_too(sources: Sources, countagg: CommandLine) -> None:
    sources.say("user file", "colour", value=True)

    ran = countagg("status")

    assert ran.code == 2
    assert f"countagg: {sources.user_file}: unknown setting 'colour'" in ran.err


@pytest.mark.parametrize(("name", "what"), [("absent.toml", "there is no such file"), (".", "it is a folder")])
def test_a_settings_file_that_is_named_must_exist(name: str, what: str, countagg: CommandLine) -> None:
    ran = countagg("status", "--config", name)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"countagg: {name}: {what}\n  try: check --config\n"


@pytest.mark.parametrize("content", [b'\xef\xbb\xbfstack = "one"\n', b'quiet = true\r\nstack = "one"\r\n'])
def test_a_settings_file_as_windows_writes_it_is_read(content: bytes) -> None:
    Path("countagg.toml").write_bytes(content)

    assert session_of("probe").options.stack == "one"


def test_a_settings_file_may_be_a_pipe(countagg: CommandLine) -> None:
    os.mkfifo("pipe")
    with ThreadPoolExecutor() as writer:
        writer.submit(Path("pipe").write_text, "stack = 5\n")
        ran = countagg("status", "--config", "pipe")

    assert (ran.code, ran.err.splitlines()[0]) == (2, "countagg: pipe: stack must be text in quotes")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: path.symlink_to("gone.toml"), "a link to gone.toml, which does not exist"),
        (lambda path: path.symlink_to(path.name), "a link to countagg.toml, which does not exist"),
        # Nobody writes to the pipe, and the device has no end.
        (os.mkfifo, "no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
    ],
)
def test_a_settings_file_that_is_none_is_not_passed_over(
    make: Callable[[Path], object], what: str, countagg: CommandLine
) -> None:
    make(Path("countagg.toml"))

    ran = countagg("status")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: countagg.toml: the settings file is {what}\n  try: ")


def test_the_embedded_engine_and_an_endpoint_exclude_each_other(countagg: CommandLine) -> None:
    ran = countagg("--local", "query", "--date", "today", "--endpoint-url", "http://127.0.0.1:1")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("countagg: --local, --endpoint-url: both the embedded engine and an endpoint")


def test_a_contradiction_names_where_each_side_stands(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_LOCAL", "1")
    Path("own.toml").write_text('endpoint_url = "http://127.0.0.1:1"\n')

    assert countagg("status", "--config", "own.toml").err.startswith(
        "countagg: COUNTAGG_LOCAL, endpoint_url in own.toml: both"
    )


def test_an_endpoint_without_its_scheme_is_refused(countagg: CommandLine) -> None:
    ran = countagg("status", "--endpoint-url", "localhost:4566")
    Path("own.toml").write_text('endpoint_url = "localhost:4566"\n')
    by_file = countagg("status", "--config", "own.toml")

    for origin, told in (("--endpoint-url", ran), ("endpoint_url in own.toml", by_file)):
        assert (told.code, told.out) == (3, "")
        assert told.err.startswith(f"countagg: {origin}: 'localhost:4566' is not an address\n  try: give it with")
