"""serve: what it tells at its beginning and its end, and what it serves of a stack on moto."""

from __future__ import annotations

import io
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

import botocore.handlers
import pytest
import typer
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser

from countagg.cli.app.options import GLOBAL_NAMES, PEOPLE_FORMS
from countagg.cli.app.registry import open_session
from countagg.cli.app.session import Session
from countagg.cli.serve.serve_command import ServeRequest, serve_until_ended
from countagg.cli.start import INTERRUPTED
from tests.cli.account import write_day
from tests.cli.running import CommandLine
from tests.fakes.health import HOPS

DAY: Final = "2026-07-01"
NOW: Final = datetime(2026, 7, 1, 23, 59, 50, tzinfo=UTC)
FREE: Final = ServeRequest(0, ip_address("127.0.0.1"), (), 30.0, "today", ())
parse: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families
OPENMETRICS: Final = {"Accept": "application/openmetrics-text;version=1.0.0"}


@pytest.fixture(scope="module")
def _a_day(stack: None) -> None:  # noqa: ARG001 - it must be there
    """Give the stack a day."""
    write_day(DAY, {"i-1": {"http_get": "5", "errors": "0.1"}, "i-2": {"http_get": "6"}})


@pytest.fixture
def session() -> Session:
    """Give a session as the command has it, with a clock of its own."""
    session = open_session(dict.fromkeys(GLOBAL_NAMES), "serve", PEOPLE_FORMS)
    session.stderr, session.now = io.StringIO(), lambda: NOW
    return session


def said(session: Session) -> str:
    assert isinstance(session.stderr, io.StringIO)
    return session.stderr.getvalue()


def address_of(session: Session) -> str:
    """Return what a script reads."""
    (line,) = [line for line in said(session).splitlines() if line.startswith("listening")]
    return line.rpartition(" ")[2]


def get(address: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:  # noqa: S310 - our own
        return str(answer.read().decode())


def families(session: Session) -> dict[str, dict[str, float]]:
    """Scrape, and return values by family and label."""
    found = parse(get(address_of(session), **OPENMETRICS))
    return {
        family.name: {"".join(sample.labels.values()): sample.value for sample in family.samples}
        for family in found
    }


def serve(session: Session, request: ServeRequest, *steps: Callable[[], object]) -> None:
    """Serve, do each step while it waits for the next read, and end it by SIGTERM."""
    left: Iterator[Callable[[], object]] = iter([*steps, lambda: signal.raise_signal(signal.SIGTERM)])

    def sleep(seconds: float) -> None:
        assert seconds == request.interval
        next(left)()

    serve_until_ended(session, request, sleep)
    assert next(left, None) is None


@pytest.mark.usefixtures("_a_day")
def test_totals_hops_and_freshness_are_served_until_sigterm(session: Session) -> None:
    scraped: dict[str, dict[str, float]] = {}

    serve(session, FREE, lambda: scraped.update(families(session)))

    assert scraped["countagg_total"] == {"http_get": 11, "errors": 0.1}
    assert scraped["countagg_day_timestamp_seconds"] == {"": datetime(2026, 7, 1, tzinfo=UTC).timestamp()}
    assert scraped["countagg_up"] == {"": 1}
    assert scraped["countagg_files_not_included"] == {"": 0}
    assert list(scraped["countagg_hop_healthy"]) == HOPS
    assert scraped["countagg_hops_unknown"] == {"": 0}
    assert scraped["countagg_last_read_age_seconds"] == {"totals": 0, "files": 0, "hops": 0}
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with pytest.raises(urllib.error.URLError):
        get(address_of(session))


@pytest.mark.usefixtures("_a_day")
def test_however_many_scrape_it_reads_once_an_interval_and_no_metrics(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    counts: list[int] = []
    recorder = ("before-call", lambda model, **_: made.append(model.name))
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, recorder])

    def scrape() -> None:
        counts.append(len(made))
        for _ in range(5):
            get(address_of(session))
        assert len(made) == counts[-1]

    serve(session, FREE, scrape, scrape, scrape)

    first, second, third = counts
    assert first > 10
    assert third - second == second - first
    assert "GetMetricData" not in made


@pytest.mark.usefixtures("_a_day")
def test_at_midnight_the_next_day_is_served(session: Session) -> None:
    days: list[tuple[float, int]] = []

    def scrape() -> None:
        found = families(session)
        days.append((found["countagg_day_timestamp_seconds"][""], len(found["countagg_total"])))

    def pass_midnight() -> None:
        scrape()
        session.now = lambda: datetime(2026, 7, 2, tzinfo=UTC)

    serve(session, FREE, pass_midnight, scrape)

    begin = datetime(2026, 7, 1, tzinfo=UTC).timestamp()
    assert days == [(begin, 2), (begin + 86_400, 0)]


@pytest.mark.usefixtures("_a_day")
def test_a_fixed_day_and_chosen_counters_are_served(session: Session) -> None:
    session.now = lambda: datetime(2026, 7, 9, tzinfo=UTC)
    request = replace(FREE, date=DAY, patterns=("http_*",))

    serve(session, request, lambda: assert_total(session, {"http_get": 11}))


def assert_total(session: Session, totals: dict[str, float]) -> None:
    assert families(session)["countagg_total"] == totals


@pytest.mark.usefixtures("_a_day")
def test_a_stack_that_is_gone_meanwhile_is_told_and_ends_nothing(session: Session) -> None:
    session.now = lambda: datetime(2026, 7, 1, tzinfo=UTC)
    told: list[dict[str, dict[str, float]]] = []

    def lose() -> None:
        session.options = replace(session.options, stack="ghost")

    serve(session, FREE, lose, lambda: told.append(families(session)))

    assert told[0]["countagg_total"] == {"http_get": 11, "errors": 0.1}
    assert told[0]["countagg_up"] == {"": 0}
    assert told[0]["countagg_read_errors"] == {"totals": 1, "files": 1, "hops": 1}
    assert "there is no stack 'ghost' in us-east-1" in said(session)


@pytest.mark.usefixtures("_a_day")
def test_ctrl_c_ends_it_as_it_ends_other_commands(session: Session) -> None:
    with pytest.raises(typer.Exit) as end:
        serve(session, FREE, lambda: signal.raise_signal(signal.SIGINT))

    assert end.value.exit_code == INTERRUPTED


@pytest.mark.usefixtures("_a_day")
@pytest.mark.parametrize("quiet", [False, True])
def test_its_address_is_told_on_a_line_of_its_own(session: Session, *, quiet: bool) -> None:
    session.options = replace(session.options, quiet=quiet)

    serve(session, FREE)

    assert said(session) == f"listening on {address_of(session)}\n"
    assert address_of(session).startswith("http://127.0.0.1:")
    assert address_of(session).endswith("/metrics")


@pytest.mark.usefixtures("_a_day")
def test_listening_beyond_this_machine_is_warned_of(session: Session) -> None:
    request = replace(FREE, address=ip_address("0.0.0.0"), host_names=("Metrics.Example",))  # noqa: S104 - of a test

    def scrape() -> None:
        address = address_of(session).replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - what it tells
        assert "countagg_up 1" in get(address)
        assert "countagg_up 1" in get(address, Host="metrics.example:9464")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            get(address, Host="evil.example")

    serve(session, request, scrape)

    assert said(session).startswith("whoever reaches 0.0.0.0:")
    assert "no password" in said(session)


@pytest.mark.usefixtures("_a_day")
def test_a_port_that_is_taken_is_wrong_usage(countagg: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = countagg("serve", "--port", str(port))

    assert ran.code == 2
    assert f"--listen, --port: cannot listen on 127.0.0.1:{port}: Address already in use" in ran.err


@pytest.mark.usefixtures("_a_day")
def test_an_address_of_another_machine_is_wrong_usage(countagg: CommandLine) -> None:
    # TEST-NET-1 of RFC 5737, which no machine has.
    ran = countagg("serve", "--listen", "192.0.2.1")

    assert ran.code == 2
    assert "cannot listen on 192.0.2.1:9464: " in ran.err
    assert "name an address of this machine" in ran.err


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (("--listen", "localhost"), "--listen: 'localhost' is not an address"),
        (("--port", "65536"), "--port"),
        (("--interval", "0"), "--interval"),
        (("--date", "2026-02-30"), "'2026-02-30' is not a date"),
        (("--output", "json"), "serve has no form json"),
        (("--allow-host", ""), "--allow-host is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: tuple[str, ...], where: str, countagg: CommandLine) -> None:
    ran = countagg("serve", *options)

    assert (ran.code, ran.out) == (2, "")
    assert where in ran.err
