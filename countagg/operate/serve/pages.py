"""The answers to requests: `/metrics` in the format that the reader likes best, and a page that leads there.

A web page that somebody opens must not read the metrics by way of a name that its owner points at this machine.
So the header `Host` has to be an address, `localhost`, or a name that the operator gave: no such page has one.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_address
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from countagg import __version__
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.serve.exposition import ExpositionForm, end_of, negotiate, render
from countagg.operate.serve.families import age_families, build_family, health_families, totals_families
from countagg.operate.serve.stack_reader import LastRead

METRICS_PATH: Final = "/metrics"
METHODS: Final = ("GET", "HEAD")
_PLAIN: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_OWN_NAME: Final = "localhost"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request.

    Attributes:
        method: in upper case.
        target: as it stands in the request's first line.
        headers: by name in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What a request is answered with."""

    status: HTTPStatus
    content_type: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """Answers requests out of what was read last.

    Args:
        stack: whose metrics they are.
        last: returns what was read last.
        now: the clock, aware.
        names: under which this server may be asked, besides its addresses; in lower case.
    """

    def __init__(
        self,
        stack: str,
        last: Callable[[], LastRead],
        now: Callable[[], datetime],
        names: Collection[str] = (),
    ) -> None:
        self._stack = stack
        self._last = last
        self._now = now
        self._names = frozenset({_OWN_NAME, *names})
        self._lock = Lock()
        self._rendered: tuple[LastRead, dict[ExpositionForm, str]] | None = None

    def answer(self, request: PageRequest) -> PageAnswer:
        """PageAnswer a request."""
        if request.method not in METHODS:
            told = f"only {' and '.join(METHODS)} are answered here"
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, told, {"Allow": ", ".join(METHODS)})
        if not self._is_own(request.headers.get("host", "")):
            told = "the name in the header Host is not one of this server's; --allow-host makes it one"
            return refusal(HTTPStatus.FORBIDDEN, told)
        if "origin" in request.headers:
            return refusal(HTTPStatus.FORBIDDEN, "web pages are not answered")
        path = request.target.partition("?")[0]
        if path == METRICS_PATH:
            return self._metrics(negotiate(request.headers.get("accept", "")))
        if path == "/":
            return PageAnswer(
                HTTPStatus.OK, _HTML, self._page(), {"Content-Security-Policy": "default-src 'none'"}
            )
        return refusal(HTTPStatus.NOT_FOUND, f"there is {METRICS_PATH} here, and nothing else")

    def _is_own(self, host: str) -> bool:
        """Tell whether a header `Host` names this server. Of the port nothing is asked: it may be forwarded."""
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        return name in self._names or _is_address(name)

    def _metrics(self, form: ExpositionForm) -> PageAnswer:
        last = self._last()
        ages = age_families(last.totals, last.parts, self._now())
        text = render(ages, form) + self._render(last, form) + end_of(form)
        return PageAnswer(HTTPStatus.OK, form.value, text.encode(), {"Vary": "Accept"})

    def _render(self, last: LastRead, form: ExpositionForm) -> str:
        """Write what stays the same until the next read; once, however many ask for it at a time."""
        with self._lock:
            if self._rendered is None or self._rendered[0] is not last:
                self._rendered = last, {}
            texts = self._rendered[1]
            if form not in texts:
                totals = [] if last.totals is None else totals_families(last.totals)
                health = health_families(last.waiting, last.hops)
                texts[form] = render([build_family(), *totals, *health], form)
            return texts[form]

    def _page(self) -> bytes:
        title = html.escape(f"countagg: {self._stack}")
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n<title>{title}</title>\n<h1>{title}</h1>\n'
            f'<p><a href="{METRICS_PATH}">Metrics</a> for Prometheus. countagg {html.escape(__version__)}.</p>\n'
            "</html>\n"
        ).encode()


def refusal(status: HTTPStatus, told: str, headers: Mapping[str, str] | None = None) -> PageAnswer:
    """Return an answer that says in a line why there is no other."""
    return PageAnswer(status, _PLAIN, f"{told}\n".encode(), headers or {})


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
