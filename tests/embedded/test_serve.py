"""serve on the embedded engine: a process that is scraped, and says what query and status say."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable, Iterable

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser

from tests.embedded.test_logs import running
from tests.embedded.world import DeployedStack, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]
parse: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families


def scrape(address: str) -> dict[str, dict[str, float]]:
    headers = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:  # noqa: S310 - our own
        text = answer.read().decode()
    return {
        family.name: {"".join(sample.labels.values()): sample.value for sample in family.samples}
        for family in parse(text)
    }


def test_what_is_served_is_what_query_and_status_tell(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1.5\nB 2\n")
    stack.wait_for_totals(day, {"A": 1.5, "B": 2})
    with running(stack, "serve", "--port", "0", "--date", day, "--interval", "2", "--quiet") as child:
        assert child.stderr is not None
        address = child.stderr.readline().removeprefix("listening on ").strip()
        first = scrape(address)
        stack.put(day, "i-2", "A 0.25\n")
        wait_until("the change", lambda: scrape(address)["countagg_total"]["A"] != 1.5)
        later = scrape(address)
        asked = stack.run("query", "--date", day, "--output", "json").json()
        hops = stack.run("status", "--output", "json", code=None).json()["hops"]
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=300)

    assert (child.returncode, out, err) == (0, "", "")
    assert first["countagg_total"] == {"A": 1.5, "B": 2}
    assert first["countagg_up"] == later["countagg_up"] == {"": 1}
    assert later["countagg_total"] == {name: float(value) for name, value in asked["totals"].items()}
    assert list(later["countagg_hop_healthy"]) == [hop["hop"] for hop in hops]
