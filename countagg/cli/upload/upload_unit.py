"""`upload --print-unit`: what runs the same upload again and again, for systemd or cron."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from countagg.cli.app.session import Session
from countagg.cli.terminal.render import for_reader
from countagg.cli.upload.upload_job import UploadFlags, read_job
from countagg.cli.upload.upload_service import read_interval
from countagg.core.errors import UsageError
from countagg.interpreter import isolated
from countagg.operate.upload.day_sums import Values
from countagg.operate.upload.formats import Format
from countagg.operate.upload.instance_id import INSTANCE_VARIABLE
from countagg.operate.upload.sources import is_address
from countagg.operate.upload.units import DEFAULT_INTERVAL, UnitCommand, crontab_line, systemd_unit
from countagg.provision.settings import CHOICES


class UnitKind(StrEnum):
    """What runs an upload."""

    SYSTEMD = "systemd"
    CRON = "cron"


def write_unit(session: Session, kind: UnitKind, flags: UploadFlags, every: str | None) -> None:
    """Write the unit, or the line, to stdout. What the settings files say now stands in it.

    Raises:
        UsageError: the upload cannot be, or nothing can run it again and again.
    """
    options = session.options
    if options.local or options.profile:
        option = "--local" if options.local else "--profile"
        raise UsageError(
            "it belongs to who types it, and the unit runs without them",
            where=f"--print-unit, {option}",
            hint=f"leave {option} out: the unit works with the credentials of its machine",
        )
    if kind is UnitKind.SYSTEMD and flags.state is not None:
        hint = "leave --state out: the unit keeps it in /var/lib/countagg"
        raise UsageError("they exclude each other", where="--print-unit, --state", hint=hint)
    command = _command(session, flags, DEFAULT_INTERVAL if every is None else read_interval(every, flags))
    if kind is UnitKind.SYSTEMD and command.reads_homes:
        session.remark(
            "what it reads lies in a home, where the unit's user must be let in; "
            "countagg itself can be installed elsewhere, such as in /opt"
        )
    text = systemd_unit(command) if kind is UnitKind.SYSTEMD else crontab_line(command)
    session.stdout.writelines(f"{for_reader(session.stdout, line)}\n" for line in text.splitlines())


def _command(session: Session, flags: UploadFlags, interval: int) -> UnitCommand:
    said = flags.instance_id or session.environ.get(INSTANCE_VARIABLE)
    read_interval(f"{interval}s", flags)
    # Where nobody names the instance, each machine finds its own name.
    target = read_job(session, replace(flags, instance_id=said or "any")).plan.target
    sources = [each if is_address(each) else str(Path(each).absolute()) for each in flags.sources]
    program = _program()
    region = session.options.region or session.clients.session.region_name
    given: dict[str, Any] = {
        "--bucket": target.bucket,
        "--prefix": target.prefix if target.prefix != CHOICES["prefix"].default else None,
        "--instance-id": said,
        "--format": flags.form if flags.form is not Format.AUTO else None,
        "--include": flags.selection.include,
        "--exclude": flags.selection.exclude,
        "--gauges": flags.selection.gauges,
        "--values": flags.values if flags.values is not Values.AS_IS else None,
        "--state": None if flags.state is None else str(flags.state.absolute()),
        "--always": flags.always,
        "--region": region,
        "--endpoint-url": session.options.endpoint_url,
    }
    return UnitCommand(
        program=program,
        arguments=[*sources, *(word for name, value in given.items() for word in _words(name, value))],
        files=[
            str(Path(each).resolve())
            for each in (*program[:1], sys.prefix, *flags.sources)
            if not is_address(each)
        ],
        environment=dict(_limits(session)),
        interval=interval,
        purpose=f"s3://{target.bucket}/{target.prefix}",
    )


def _words(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - of any option
    """Yield an option as it stands on a command line; nothing of one that is not given."""
    if value is True:
        yield name
    elif isinstance(value, tuple):
        for each in value:
            yield from _words(name, each)
    elif value:
        yield from (name, str(value)) if not str(value).startswith("-") else (f"{name}={value}",)


def _limits(session: Session) -> Iterator[tuple[str, str]]:
    """Yield what the settings say of the stack's limits, as variables."""
    for name in ("max_counters", "counter_shards"):
        if (value := session.preferences.value(name)) is not None:
            yield CHOICES[name].variable, str(value)
    retention = session.preferences.value("retention") or {}
    if "snapshots" in retention:
        yield CHOICES["retention"].variable, f"snapshots={retention['snapshots']}"


def _program() -> tuple[str, ...]:
    """Return what runs countagg here, by its whole path."""
    found = shutil.which(sys.argv[0])
    if found and Path(found).stem == "countagg":
        return (str(Path(found).absolute()),)
    return isolated("countagg")
