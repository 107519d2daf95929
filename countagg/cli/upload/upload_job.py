"""What `upload` is to do: flags, variables and settings files become one job."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from countagg.cli.app.session import Session
from countagg.core.days import resolve_day
from countagg.core.errors import InvalidObjectKey, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import normalise_prefix
from countagg.operate.upload.day_sums import Values
from countagg.operate.upload.formats import Format
from countagg.operate.upload.instance_id import INSTANCE_VARIABLE, find_instance_id
from countagg.operate.upload.readings import Reader, Selection
from countagg.operate.upload.sources import STDIN, check_source, read_source
from countagg.operate.upload.state_file import StateFile, default_state_path
from countagg.operate.upload.uploader import FileRules, Target, Uploader, UploadPlan
from countagg.provision.settings import CHOICES


@dataclass(frozen=True, slots=True)
class UploadFlags:
    """What the command line says."""

    sources: tuple[str, ...]
    bucket: str | None
    prefix: str | None
    instance_id: str | None
    date: str | None
    form: Format
    selection: Selection
    values: Values
    state: Path | None
    always: bool


@dataclass(frozen=True, slots=True)
class UploadJob:
    """What is to be done, and where it is remembered."""

    plan: UploadPlan
    reader: Reader
    state_file: StateFile

    def uploader(self, session: Session, *, patient: bool = True) -> Uploader:
        """Return what does it; the state has to be held."""
        from countagg.aws.uploads import CounterFileUploads

        bucket = CounterFileUploads(session.clients, self.plan.target.bucket, patient=patient)
        return Uploader(self.plan, self.reader, bucket, self.state_file)


def name_instance(session: Session, flags: UploadFlags) -> UploadFlags:
    """Complete the flags by whose counters they are; if nobody says it, that is found out, and told.

    Raises:
        UsageError: nobody says it, and the machine has no name of its own.
    """
    from countagg.aws.instance_metadata import fetch_instance_id

    if said := flags.instance_id or session.environ.get(INSTANCE_VARIABLE):
        return replace(flags, instance_id=said)
    options = session.options
    on_aws = not (options.local or options.endpoint_url)
    found = find_instance_id(
        session.environ, lambda: fetch_instance_id(session.environ) if on_aws else None, socket.gethostname
    )
    session.remark(f"instance id: {found.text}, {found.origin}")
    return replace(flags, instance_id=found.text)


def read_job(session: Session, flags: UploadFlags) -> UploadJob:
    """Complete the flags from the preferences.

    Raises:
        UsageError: something is missing, cannot be, or contradicts something else.
    """
    with session.preferences.sources_named({"bucket": flags.bucket, "prefix": flags.prefix}):
        target = _target(session, flags)
    rules, now = _rules(session), session.now()
    if flags.date and flags.values is Values.TODAY:
        raise UsageError("what was added since midnight is of today", where="--date", hint="leave --date out")
    day = resolve_day(flags.date, now) if flags.date else None
    if day is not None:
        rules.check_day(day, now.date())
    if flags.sources.count(STDIN) > 1:
        raise UsageError("standard input can be read once", where=STDIN)
    for source in flags.sources:
        check_source(source)
    reader = Reader(flags.sources, partial(read_source, stdin=session.stdin), flags.form, flags.selection)
    path = flags.state or default_state_path(f"{target.bucket}/{target.prefix}", target.instance)
    return UploadJob(UploadPlan(target, flags.values, day, rules, flags.always), reader, StateFile(path))


def _target(session: Session, flags: UploadFlags) -> Target:
    bucket = session.preferences.value("bucket", flags.bucket)
    if not bucket:
        raise UsageError(
            "no bucket is named",
            where="--bucket",
            hint="give --bucket, set COUNTAGG_BUCKET, or write it into a settings file: bucket = 'NAME'",
        )
    CHOICES["bucket"].check(bucket)
    prefix = session.preferences.value("prefix", flags.prefix) or CHOICES["prefix"].default
    target = Target(bucket, normalise_prefix(prefix, "--prefix"), flags.instance_id or "")
    try:
        target.key("2000-01-01")
    except InvalidObjectKey as error:
        raise UsageError(error.what, where="--instance-id") from error
    return target


def _rules(session: Session) -> FileRules:
    """Return what the stack takes, as the settings file that `outputs --output toml` prints says it."""
    retention: Mapping[str, int] = session.preferences.value("retention") or {}
    said = {
        "max_counters": session.preferences.value("max_counters"),
        "counter_shards": session.preferences.value("counter_shards"),
        "retention_days": retention.get("snapshots"),
    }
    return FileRules(**{name: value for name, value in said.items() if value is not None})
