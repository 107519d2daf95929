"""`upload --every`: a service that signals end, or have read its settings anew."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.process import collect_as_usual
from countagg.cli.upload.upload_job import UploadFlags, UploadJob, read_job
from countagg.core.errors import CountaggError, LeftOver, UsageError
from countagg.core.printable import printable
from countagg.operate.moments import parse_period
from countagg.operate.upload.service import LONGEST_INTERVAL, SHORTEST_INTERVAL, Service, Tell, Timetable
from countagg.operate.upload.sources import STDIN, is_read_once
from countagg.redaction import redact

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGHUP})
Wait = Callable[[float], signal.Signals | None]


def read_interval(text: str, flags: UploadFlags) -> int:
    """Return the seconds from one upload to the next.

    Raises:
        UsageError: that cannot be, or something else cannot be every so often.
    """
    seconds = int(parse_period(text, "--every").total_seconds())
    if not SHORTEST_INTERVAL <= seconds <= LONGEST_INTERVAL:
        raise UsageError(f"{text} is out of range", where="--every", hint="give 10s to 1d; 60s is usual")
    if flags.date:
        raise UsageError("each upload is of the day that it is", where="--date", hint="leave --date out")
    for source in filter(is_read_once, flags.sources):
        what = "standard input" if source == STDIN else "it"
        raise UsageError(f"{what} can be read once", where=source, hint="name a file or an address")
    return seconds


def serve(session: Session, flags: UploadFlags, every: str, wait: Wait | None = None) -> None:
    """Upload every so often, until SIGTERM; SIGHUP reads the settings anew.

    Args:
        session: to work with.
        flags: what the command line says.
        every: the interval, as it was typed.
        wait: waits for so many seconds or a signal; of the system unless said.

    Raises:
        LeftOver: what is left at the end could not be sent.
    """
    interval = read_interval(every, flags)
    collect_as_usual()
    with _signals_held():
        current: Session | None = session
        while current is not None:
            job = read_job(current, flags)
            with job.state_file.held():
                current = _serve_job(current, job, flags, interval, wait or _wait_for_signal)


def _serve_job(session: Session, job: UploadJob, flags: UploadFlags, interval: int, wait: Wait) -> Session | None:
    """Work on a job; return the session of the next one, or None at the end."""
    tell, target = _teller(session), job.plan.target
    timetable = Timetable(interval, target.instance)
    service = Service(job.uploader(session, patient=False), timetable, session.now, wait, tell)
    tell(
        f"{target.instance} uploads to s3://{target.bucket}/{target.prefix} every {interval} s, "
        f"{timetable.offset} s after each begins; state in {job.state_file.path}"
    )
    while service.run() is signal.SIGHUP:
        try:
            fresh = session.reopened()
            read_job(fresh, flags)
        except CountaggError as error:
            tell(f"the settings stay as they were: {error}", failed=True)
        else:
            tell("settings read anew")
            return fresh
    if left := service.finish():
        raise LeftOver(
            f"not uploaded: {', '.join(left)}",
            where=str(job.state_file.path),
            hint="the next start sends them: start it again once S3 can be reached",
        )
    tell("ended; all that could be read is uploaded")
    return None


def _teller(session: Session) -> Tell:
    def tell(text: str, *, failed: bool = False) -> None:
        if failed or not session.options.quiet:
            line = redact(f"{session.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {session.in_place(text)}")
            session.stderr.write(f"{printable(line)}\n")
            session.stderr.flush()

    return tell


@contextmanager
def _signals_held() -> Iterator[None]:
    """Have signals wait until somebody waits for them: none interrupts a write or an upload."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait_for_signal(seconds: float) -> signal.Signals | None:
    came = signal.sigtimedwait(_SIGNALS, max(seconds, 0.0))
    return None if came is None else signal.Signals(came.si_signo)
