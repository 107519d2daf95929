"""Which requests are answered, and with what."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import pytest

from countagg import __version__
from countagg.core.values import SCALE
from countagg.operate.serve.exposition import ExpositionForm
from countagg.operate.serve.pages import PageRequest, Pages
from countagg.operate.serve.stack_reader import LastRead, PartState, ReadPart
from countagg.operate.totals.query import TotalsOfDay

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE: Final = "127.0.0.1:9464"


def reading(value: int, *, failed: bool = False) -> LastRead:
    totals = TotalsOfDay("2026-11-20", 7, None, {"C": value * SCALE})
    parts = MappingProxyType({part: PartState(1, int(failed), failed, NOW) for part in ReadPart})
    return LastRead(totals, parts=parts)


@pytest.fixture
def pages() -> Pages:
    found = reading(5)
    return Pages("<fleet>", lambda: found, lambda: NOW, ("metrics.example",))


def get(target: str, host: str = HERE, method: str = "GET", **headers: str) -> PageRequest:
    return PageRequest(method, target, {"host": host, **headers})


def test_metrics_come_in_the_format_that_is_asked_for(pages: Pages) -> None:
    text = pages.answer(get("/metrics"))
    strict = pages.answer(get("/metrics?x=1", accept="application/openmetrics-text;version=1.0.0"))

    assert (text.status, text.content_type, dict(text.headers)) == (200, ExpositionForm.TEXT, {"Vary": "Accept"})
    assert strict.content_type == ExpositionForm.OPENMETRICS
    assert b'\ncountagg_total{counter="C"} 5\n' in text.content
    assert b"EOF" not in text.content
    assert strict.content.endswith(b"# EOF\n")
    assert f'countagg_build_info{{version="{__version__}",'.encode() in strict.content


def test_without_totals_only_the_reads_are_told() -> None:
    pages = Pages("s", LastRead, lambda: NOW)

    assert b"countagg_up" in pages.answer(get("/metrics")).content
    assert b"countagg_total{" not in pages.answer(get("/metrics")).content


def test_what_is_read_anew_is_told_at_once_and_its_age_at_each_scrape() -> None:
    readings, times = [reading(5)], [NOW]
    pages = Pages("s", lambda: readings[-1], lambda: times[-1])
    assert b'counter="C"} 5\n' in pages.answer(get("/metrics")).content

    times.append(NOW.replace(second=9))
    assert b'_age_seconds{part="totals"} 9\n' in pages.answer(get("/metrics")).content
    readings.append(reading(6, failed=True))
    told = pages.answer(get("/metrics")).content
    assert b'counter="C"} 6\n' in told
    assert b"countagg_up 0\n" in told


def test_the_page_leads_to_the_metrics(pages: Pages) -> None:
    page = pages.answer(get("/"))

    assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")
    assert b'href="/metrics"' in page.content
    assert b"countagg: &lt;fleet&gt;" in page.content
    assert page.headers["Content-Security-Policy"] == "default-src 'none'"


@pytest.mark.parametrize(
    "target", ["/x", "/metrics/", "//metrics", "http://127.0.0.1/metrics", "/../metrics", "*", ""]
)
def test_there_is_nothing_else(pages: Pages, target: str) -> None:
    assert pages.answer(get(target)).status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_nothing_can_be_changed(pages: Pages, method: str) -> None:
    answer = pages.answer(get("/metrics", method=method))

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "host", [HERE, "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:9464", "10.0.0.7:80", "Metrics.Example:9464"]
)
def test_addresses_and_names_of_this_server_are_answered(pages: Pages, host: str) -> None:
    assert pages.answer(get("/metrics", host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:9464",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1/evil.example",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        "127.0.0.1 evil.example",
        "127.0.0.1,evil.example",
        "[::1",
        "127.1",
        "localhost.",
        "loc\talhost",
    ],
)
def test_a_name_that_somebody_points_at_this_machine_is_not_answered(pages: Pages, host: str) -> None:
    for target in ("/metrics", "/"):
        assert pages.answer(get(target, host)).status == HTTPStatus.FORBIDDEN


def test_web_pages_are_not_answered(pages: Pages) -> None:
    assert pages.answer(get("/metrics", origin="http://127.0.0.1:9464")).status == HTTPStatus.FORBIDDEN
