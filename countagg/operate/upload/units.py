"""What runs `upload` on an instance: a unit of systemd, or a line of a crontab. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass

UNIT_PATH: Final = "/etc/systemd/system/countagg-upload.service"
DEFAULT_INTERVAL: Final = 60
"""Seconds."""
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./$-]+")
_HOMES: Final = ("/home", "/root", "/run/user")
_TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108 - of sources, which are where they are
_HARDENED: Final = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service"""
"""What an upload does without, whatever it reads (systemd.exec(5))."""


@dataclass(frozen=True, slots=True)
class UnitCommand:
    """The command line that is to run again and again.

    Attributes:
        program: what runs countagg, by its whole path.
        arguments: of `upload`, without `--every`; paths are whole.
        files: that it reads: itself, and sources that are files.
        environment: variables that it needs.
        interval: from one upload to the next, in seconds.
        purpose: where it uploads to, for people.
    """

    program: Sequence[str]
    arguments: Sequence[str]
    files: Sequence[str]
    environment: Mapping[str, str]
    interval: int
    purpose: str

    @property
    def reads_homes(self) -> bool:
        """Whether it reads files of users."""
        return self._lies_below(_HOMES)

    @property
    def reads_temporary(self) -> bool:
        """Whether it reads temporary files."""
        return self._lies_below(_TEMPORARY)

    def _lies_below(self, folders: Sequence[str]) -> bool:
        return any(PurePosixPath(each).is_relative_to(folder) for each in self.files for folder in folders)


def systemd_unit(command: UnitCommand) -> str:
    """Return a service that runs with no more rights than it needs (systemd.exec(5)).

    It has a user of its own, made for it; the state is in /var/lib/countagg. /proc stays visible, and the network
    is the machine's: its counters are what is read.

    Raises:
        UsageError: a word cannot stand in a unit.
    """
    words = [*command.program, "upload", *command.arguments, "--every", f"{command.interval}s"]
    homes = "read-only" if command.reads_homes else "yes"
    temporary = "no" if command.reads_temporary else "yes"
    variables = {"XDG_STATE_HOME": "%S", **{name: _escaped(text) for name, text in command.environment.items()}}
    return f"""\
# {UNIT_PATH}
# systemctl daemon-reload && systemctl enable --now countagg-upload

[Unit]
Description=Counters of this machine to {_escaped(command.purpose)}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart={" ".join(map(systemd_word, words))}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=30s
# Wrong usage stays wrong.
RestartPreventExitStatus=2
# At its end it sends what it has read.
TimeoutStopSec=90s
{_lines("Environment", variables)}
DynamicUser=yes
StateDirectory=countagg
ProtectHome={homes}
PrivateTmp={temporary}
{_HARDENED}

[Install]
WantedBy=multi-user.target
"""


def _lines(name: str, values: Mapping[str, str]) -> str:
    return "\n".join(f'{name}="{key}={value}"' for key, value in values.items())


def systemd_word(word: str) -> str:
    """Return a word as a command line of a unit has it (systemd.service(5)).

    Raises:
        UsageError: it has a control character.
    """
    escaped = _escaped(word).replace("$", "$$")
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _escaped(text: str) -> str:
    """Return text in which nothing is a specifier, the end of quotes, or an escape."""
    _check_printable(text)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def crontab_line(command: UnitCommand) -> str:
    """Return a line that runs it as often (crontab(5)): cron mails what goes wrong, and nothing else.

    Raises:
        UsageError: cron has no such interval, or a word cannot stand in a crontab.
    """
    schedule = _schedule(command.interval)
    words = [*command.program, "upload", *command.arguments, "--quiet"]
    variables = [f"{name}={shlex.quote(value)}" for name, value in command.environment.items()]
    line = " ".join([*variables, *map(shlex.quote, words)])
    _check_printable(line)
    if "\\" in line:
        raise UsageError(
            "a crontab cannot hold a backslash: each cron reads it otherwise",
            where="--print-unit",
            hint="put the command into a script, and that into the crontab",
        )
    # An unescaped % ends the command.
    return f"{schedule} {line.replace('%', chr(92) + '%')}\n"


def _schedule(seconds: int) -> str:
    if seconds == _DAY:
        return "0 0 * * *"
    for unit, whole, form in ((_MINUTE, _HOUR, "{} * * * *"), (_HOUR, _DAY, "0 {} * * *")):
        count, rest = divmod(seconds, unit)
        if not rest and seconds < whole and not whole % seconds:
            return form.format("*" if count == 1 else f"*/{count}")
    raise UsageError(
        f"cron has no interval of {seconds} seconds",
        where="--every",
        hint="give minutes that divide an hour, or hours that divide a day, such as 1m, 5m or 1h; or use systemd",
    )


def _check_printable(text: str) -> None:
    if not text.isprintable():
        raise UsageError(f"{text!r} has a control character", where="--print-unit", hint="leave it out")
