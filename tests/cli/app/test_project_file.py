"""What a settings file in the working directory may decide, and that it is shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.cli.app.preferences import SETTINGS, _is_trusted
from tests.cli.running import CommandLine, whole_app
from tests.cli.stub_endpoint import Reply, endpoint, refusing

COMMANDS: Final = [("status",), ("local", "status"), ("setup", "--yes"), ("doctor",), ("query", "--date", "today")]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if setting.is_personal])
def test_it_says_neither_where_credentials_go_nor_which(
    name: str, arguments: tuple[str, ...], countagg: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    aws, ran_process = tmp_path / "aws", tmp_path / "ran"
    aws.write_text(f"[profile hostile]\ncredential_process = /bin/sh -c 'touch {ran_process}'\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(aws))
    refuse = refusing(403, "AccessDenied", "no")

    def answer(request: BaseHTTPRequestHandler) -> Reply:
        asked.append(request.path)
        return refuse(request)

    with endpoint(answer) as url:
        Path("countagg.toml").write_text(f'{name} = "{url if name == "endpoint_url" else "hostile"}"\n')
        ran = countagg(*arguments)

    assert (ran.code, ran.out, asked, ran_process.exists()) == (2, "", [], False)
    assert ran.err.startswith(f"countagg: countagg.toml: {name} is not read from the working directory")
    for way in (f"--{name.replace('_', '-')}", f"COUNTAGG_{name.upper()}", "countagg/config.toml", "--config"):
        assert way in ran.err


def test_a_file_that_is_named_is_trusted(countagg: CommandLine) -> None:
    Path("countagg.toml").write_text('profile = "absent"\n')

    ran = countagg("status", "--config", "countagg.toml")

    assert ran.code == 3
    assert "(absent) could not be found" in ran.err


def shown(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("countagg.toml: ")]


SAYS: Final = 'bucket = "theirs"\nstack = "fleet"\nlocal = true\n[tags]\nteam = "x"\n'
DECIDES: Final = "countagg.toml: bucket=theirs, local=true, stack=fleet, tags.team=x"


# Every command that asks, or looks at the account, before it does something; and the one that does neither.
CHANGING: Final = [
    ("setup", "--yes"),
    ("teardown", "--yes"),
    ("upload-sample",),
    ("limits", "set", "C", "1"),
    ("limits", "unset", "C"),
    ("repair", "--date", "today", "--yes"),
    ("dead-letters", "purge", "--yes"),
    ("dead-letters", "redrive", "--yes"),
    ("limits", "import", "limits.csv"),
    ("limits", "test", "C"),
    ("subscribe", "function", "act", "--yes"),
    ("subscribe", "queue", "arn:aws:sqs:us-east-1:000000000000:on-call", "--yes"),
    ("subscribe", "email", "on-call@example.org", "--yes"),
    ("subscribe", "https", "https://example.org/alerts", "--yes"),
    ("subscribe", "remove", "on-call@example.org", "--yes"),
    ("loadtest", "--yes"),
    ("selftest", "--yes"),
]


def asking(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands that ask, or look at the account, by their names."""
    for name, each in getattr(command, "commands", {}).items():
        if {"yes", "expect_account"} & {parameter.name for parameter in each.params}:
            yield (*path, name)
        yield from asking(each, *path, name)


def test_the_commands_that_change_something_are_all_here() -> None:
    found = set(asking(whole_app()))

    assert {words for words in found if not any(words == each[: len(words)] for each in CHANGING)} == set()
    assert len(found) >= len(CHANGING) - 1


@pytest.mark.parametrize("arguments", CHANGING, ids=" ".join)
def test_every_command_that_changes_something_shows_what_it_decides(
    arguments: tuple[str, ...], countagg: CommandLine
) -> None:
    Path("countagg.toml").write_text(SAYS)

    # No engine runs here: it is shown before anybody is asked.
    assert shown(countagg(*arguments).err) == [DECIDES]
    assert shown(countagg(*arguments, "--verbose").err) == [DECIDES]


def test_others_show_it_to_whom_asks_for_more(countagg: CommandLine) -> None:
    Path("countagg.toml").write_text(SAYS)

    assert shown(countagg("status").err) == []
    assert shown(countagg("status", "--verbose").err) == [DECIDES]


def test_what_is_said_otherwise_is_not_what_it_decides(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("countagg.toml").write_text(SAYS)
    monkeypatch.setenv("COUNTAGG_BUCKET", "ours")

    ran = countagg("--stack", "ours", "status", "--verbose")

    assert shown(ran.err) == ["countagg.toml: local=true, tags.team=x"]


def test_it_asks_for_no_quiet_about_itself(countagg: CommandLine) -> None:
    Path("countagg.toml").write_text(f"quiet = true\n{SAYS}")
    assert shown(countagg("upload-sample").err) == [
        "countagg.toml: bucket=theirs, local=true, quiet=true, stack=fleet, tags.team=x"
    ]
    Path("countagg.toml").write_text(SAYS)
    assert shown(countagg("upload-sample", "--quiet").err) == []


def test_characters_that_a_terminal_obeys_are_shown_as_escapes(countagg: CommandLine) -> None:
    Path("countagg.toml").write_text('bucket = "a\\u001b[2Jb"\n')

    assert "\x1b" not in countagg("upload-sample", "--local").err


def test_the_users_own_file_is_read_only_if_nobody_else_could_have_written_it(
    countagg: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "config" / "countagg" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('profile = "absent"\n')
    assert countagg("status").code == 3
    path.chmod(0o666)

    ran = countagg("status", "--local")

    assert ran.err.splitlines()[0] == f"{path} is skipped: others may write it"


def file(*, owner: int, mode: int = 0o644) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 1, 1, 1, owner, 0, 1, 0, 0, 0))


def test_another_users_file_is_not_the_users_own() -> None:
    me = os.geteuid()

    assert _is_trusted(file(owner=me))
    assert _is_trusted(file(owner=0))
    assert not _is_trusted(file(owner=me + 1))
    assert not _is_trusted(file(owner=me, mode=0o602))
