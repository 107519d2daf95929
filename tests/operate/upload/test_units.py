"""Units of systemd and lines of a crontab, read back as those read them."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.operate.upload.units import UnitCommand, crontab_line, systemd_unit, systemd_word

COMMAND: Final = UnitCommand(
    program=("/opt/countagg/bin/countagg",),
    arguments=("/proc/vmstat", "--exclude", "nr_*", "--include", 'a "b" 50% $HOME \\'),
    files=("/opt/countagg/bin/countagg", "/proc/vmstat"),
    environment={"COUNTAGG_MAX_COUNTERS": "5"},
    interval=60,
    purpose="s3://b/100%/",
)
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPE: Final = re.compile(r"\\(.)")
words = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=12)


def split_as_systemd(line: str) -> list[str]:
    """Split a command line as systemd.service(5) says: quotes and escapes, then specifiers, then variables."""
    found = [_ESCAPE.sub(r"\1", quoted) if quoted else plain for quoted, plain in _WORD.findall(line)]
    # Nothing is a specifier or a variable.
    assert all(re.fullmatch(r"(?:[^%$]|%%|\$\$)*", each) for each in found)
    return [each.replace("%%", "%").replace("$$", "$") for each in found]


def settings_of(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, _, value in (line.partition("=") for line in unit.splitlines() if re.match(r"[A-Z]\w*=", line)):
        found.setdefault(name, []).append(value)
    return found


def run_by_cron(line: str) -> str:
    """Return what cron hands to the shell: an escaped % stands for itself (crontab(5))."""
    command = line.removesuffix("\n").split(" ", 5)[5]
    assert not re.search(r"(?<!\\)%", command)
    return command.replace("\\%", "%")


@given(st.lists(words, min_size=1))
def test_systemd_reads_the_words_that_were_meant(meant: list[str]) -> None:
    line = " ".join(map(systemd_word, meant))
    assert split_as_systemd(line) == meant


@given(st.lists(words.filter(lambda word: "\\" not in word), min_size=1))
def test_cron_runs_the_words_that_were_meant(meant: list[str]) -> None:
    line = crontab_line(replace(COMMAND, arguments=meant, environment={}))
    assert shlex.split(run_by_cron(line)) == [*COMMAND.program, "upload", *meant, "--quiet"]


def test_the_unit_runs_the_command_and_keeps_its_state_where_it_may_write() -> None:
    found = settings_of(systemd_unit(COMMAND))
    (line,) = found["ExecStart"]
    assert split_as_systemd(line) == [*COMMAND.program, "upload", *COMMAND.arguments, "--every", "60s"]
    assert found["Environment"] == ['"XDG_STATE_HOME=%S"', '"COUNTAGG_MAX_COUNTERS=5"']
    assert found["StateDirectory"] == ["countagg"]
    assert found["Description"] == ["Counters of this machine to s3://b/100%%/"]
    assert (found["DynamicUser"], found["ProtectSystem"], found["NoNewPrivileges"]) == (
        ["yes"],
        ["strict"],
        ["yes"],
    )
    assert "ProcSubset" not in found
    assert "PrivateNetwork" not in found


@pytest.mark.parametrize(
    ("file", "homes", "temporary"),
    [
        ("/proc/vmstat", "yes", "yes"),
        ("/home/app/counters", "read-only", "yes"),
        ("/root/x", "read-only", "yes"),
        ("/tmp/counters", "yes", "no"),  # noqa: S108 - a name alone
        ("/var/tmp/a/b", "yes", "no"),  # noqa: S108 - a name alone
        ("/homes/a", "yes", "yes"),
    ],
)
def test_the_unit_sees_what_it_reads_and_no_more(file: str, homes: str, temporary: str) -> None:
    found = settings_of(systemd_unit(replace(COMMAND, files=(file,))))
    assert (found["ProtectHome"], found["PrivateTmp"]) == ([homes], [temporary])


@pytest.mark.parametrize(
    ("seconds", "schedule"),
    [
        (60, "* * * * *"),
        (300, "*/5 * * * *"),
        (1_800, "*/30 * * * *"),
        (3_600, "0 * * * *"),
        (7_200, "0 */2 * * *"),
        (86_400, "0 0 * * *"),
    ],
)
def test_cron_runs_it_as_often(seconds: int, schedule: str) -> None:
    line = crontab_line(replace(COMMAND, arguments=(), interval=seconds))
    assert line == f"{schedule} COUNTAGG_MAX_COUNTERS=5 /opt/countagg/bin/countagg upload --quiet\n"


@pytest.mark.parametrize("seconds", [10, 30, 90, 420, 5_400, 18_000, 86_340])
def test_cron_has_no_other_interval(seconds: int) -> None:
    with pytest.raises(UsageError) as refused:
        crontab_line(replace(COMMAND, arguments=(), interval=seconds))
    assert refused.value.where == "--every"


@pytest.mark.parametrize("word", ["a\nb", "a\x1bb", "\x00"])
def test_a_control_character_begins_no_line_of_its_own(word: str) -> None:
    for write in (systemd_unit, crontab_line):
        with pytest.raises(UsageError, match="control character"):
            write(replace(COMMAND, arguments=(word,)))


def test_a_backslash_cannot_stand_in_a_crontab() -> None:
    with pytest.raises(UsageError, match="backslash"):
        crontab_line(COMMAND)
