"""The command that serves totals and health to monitoring systems."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from countagg.cli.app import completion
from countagg.cli.app.options import PEOPLE_FORMS
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DateOption
from countagg.cli.terminal.live import until_interrupted
from countagg.cli.terminal.process import collect_as_usual
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable
from countagg.redaction import redact

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline
    from countagg.operate.health.status import HopHealth
    from countagg.operate.serve.http_server import MetricsServer
    from countagg.operate.serve.stack_reader import StackReader

DEFAULT_PORT: Final = 9464
"""Where exporters of OpenTelemetry are scraped too."""
_HIGHEST_PORT: Final = 65_535
_LOOK_SECONDS: Final = 0.2
"""How often the server looks whether it is to end, and for connections that last too long."""

_Port = Annotated[int, typer.Option(min=0, max=_HIGHEST_PORT, help="Port to listen on; 0 for any that is free.")]
_Listen = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all of this machine's.")
]
_AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Also answer requests to this host name, not only to addresses; may be repeated."
    ),
]
_Interval = Annotated[
    float, typer.Option(min=1, help="Seconds between two reads of AWS, however often it is scraped.")
]
_Counter = Annotated[
    list[str] | None,
    typer.Option(
        help="Only this counter, or those like 'http_*'; may be repeated.", autocompletion=completion.counters
    ),
]


@command("serve", PEOPLE_FORMS)
def serve(
    session: Session,
    port: _Port = DEFAULT_PORT,
    listen: _Listen = "127.0.0.1",
    allow_host: _AllowHost = None,
    interval: _Interval = 30.0,
    date: DateOption = "today",
    counter: _Counter = None,
) -> None:
    """Serve totals and the health of the hops to Prometheus, until Ctrl-C or SIGTERM.

    The address is the last word of the line on stderr that begins with "listening".

    Example: countagg serve --port 9464 --counter 'http_*'
    """
    request = ServeRequest(port, _address(listen), tuple(allow_host or ()), interval, date, tuple(counter or ()))
    serve_until_ended(session, request)


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """What the command line says."""

    port: int
    address: IPv4Address | IPv6Address
    host_names: tuple[str, ...]
    interval: float
    date: str
    patterns: tuple[str, ...]


def serve_until_ended(
    session: Session, request: ServeRequest, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Read again and again, and answer meanwhile, until a signal ends it.

    Args:
        session: to work with.
        request: what is asked for.
        sleep: pauses for so many seconds.

    Raises:
        UsageError: it cannot listen there.
        StackNotFound: there is no stack.
    """
    from countagg.operate.serve.pages import METRICS_PATH

    tell = partial(_tell, session)
    resolve_day(request.date, session.now())
    collect_as_usual()
    with until_interrupted(session), _until_terminated():
        reader = _reader(session, request, tell)
        with _listening(session, request, reader, tell) as server:
            # Before anybody is answered, so that the first answer has totals.
            reader.read()
            with _answering(server):
                tell(f"listening on http://{server.endpoint}{METRICS_PATH}")
                while True:
                    sleep(reader.pause)
                    reader.read()


def _reader(session: Session, request: ServeRequest, tell: Callable[[str], None]) -> StackReader:
    from countagg.aws.errors import aws_errors
    from countagg.aws.pipeline import Pipeline
    from countagg.operate.serve.stack_reader import StackReader, Subject
    from countagg.operate.totals.query import Choice

    def find() -> Pipeline:
        # Each time: setup may have changed its settings since.
        with aws_errors("settings of the stack"):
            return Pipeline.deployed(session.clients, session.options.stack)

    find()  # if there is none, nobody waits for it
    subject = Subject(
        find,
        partial(_look, session),
        lambda: resolve_day(request.date, session.now()),  # at midnight, `today` is another day
        Choice(request.patterns),
    )
    return StackReader(subject, request.interval, session.now, tell)


def _look(session: Session, pipeline: Pipeline) -> Sequence[HopHealth]:
    from countagg.aws.health import Health
    from countagg.operate.health.status import Inspector

    health = Health(session.clients, pipeline.settings)
    return Inspector(pipeline, health, None, session.now, with_metrics=False).look()


@contextmanager
def _listening(
    session: Session, request: ServeRequest, reader: StackReader, tell: Callable[[str], None]
) -> Iterator[MetricsServer]:
    from countagg.operate.serve.http_server import Endpoint, MetricsServer
    from countagg.operate.serve.pages import Pages

    names = [name.lower() for name in request.host_names]
    pages = Pages(session.options.stack, lambda: reader.last, session.now, names)
    endpoint = Endpoint(request.address, request.port)
    try:
        server = MetricsServer(endpoint, pages.answer, tell)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {endpoint}: {error.strerror or error}",
            where="--listen, --port",
            hint="name an address of this machine, and a port that is free, or 0 for any",
        ) from error
    with server:
        if not request.address.is_loopback:
            session.remark(
                f"whoever reaches {server.endpoint} can read the totals: it asks for no password, and nothing is "
                "encrypted; let a firewall or a proxy decide who does"
            )
        yield server


@contextmanager
def _answering(server: MetricsServer) -> Iterator[None]:
    """PageAnswer requests on a thread of their own for as long as the block takes."""
    thread = threading.Thread(target=server.serve_forever, args=(_LOOK_SECONDS,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError as error:
        raise UsageError(
            f"{printable(text)!r} is not an address", where="--listen", hint="give one such as 127.0.0.1 or ::1"
        ) from error


def _tell(session: Session, text: str) -> None:
    """Write a line about an event."""
    session.stderr.write(f"{printable(redact(session.in_place(text)))}\n")
    session.stderr.flush()


class _Terminated(BaseException):
    """SIGTERM came. No error, so that no part of the work takes it for one of its own."""


@contextmanager
def _until_terminated() -> Iterator[None]:
    """Take SIGTERM for what it is here: the usual end."""

    def end(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        with suppress(_Terminated):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
