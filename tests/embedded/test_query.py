"""Totals in all forms, of a real run on the embedded engine."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.embedded.world import DeployedStack

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


@pytest.fixture(scope="module")
def days(stack: DeployedStack) -> tuple[str, str]:
    """Give two successive days, the earlier one first."""
    later, earlier = stack.new_day(), stack.new_day()
    assert date.fromisoformat(later) - date.fromisoformat(earlier) == timedelta(days=1)
    stack.put(earlier, "i-1", "http_get 10\nhttp_put 2.5\n")
    stack.put(later, "i-1", "http_get 1000\nerrors -3\n")
    stack.put(later, "i-2", "http_get 500\n")
    stack.wait_for_totals(earlier, {"http_get": 10, "http_put": 2.5})
    stack.wait_for_totals(later, {"http_get": 1500, "errors": -3})
    return earlier, later


def test_a_day_in_all_forms(stack: DeployedStack, days: tuple[str, str]) -> None:
    asked = ("query", "--date", days[1])

    found = stack.run(*asked, "--by-instance", "--output", "json").json()
    assert list(found) == ["schema", "date", "version", "updated_at", "totals", "instances"]
    assert found["totals"] == {"errors": -3, "http_get": 1500}
    assert found["instances"] == {"i-1": {"errors": -3, "http_get": 1000}, "i-2": {"http_get": 500}}
    assert stack.run(*asked, "--output", "text").out == "errors -3\nhttp_get 1500\n"
    assert (
        stack.run(*asked, "--output", "csv", "--sort", "value").out == "COUNTER,VALUE\nhttp_get,1500\nerrors,-3\n"
    )
    assert stack.run(*asked, "--top", "1").out.splitlines() == ["COUNTER   VALUE", "http_get  1,500"]
    assert stack.run(*asked, "--counter", "e*", "--by-instance", "--output", "csv").out == (
        "COUNTER,INSTANCE,VALUE\nerrors,,-3\nerrors,i-1,-3\n"
    )


def test_text_uploaded_again_gives_the_same_totals(stack: DeployedStack, days: tuple[str, str]) -> None:
    text = stack.run("query", "--date", days[1], "--output", "text").out
    day = stack.new_day()

    stack.put(day, "i-all", text)

    stack.wait_for_totals(day, {"http_get": 1500, "errors": -3})


def test_days_in_all_forms(stack: DeployedStack, days: tuple[str, str]) -> None:
    before = (date.fromisoformat(days[0]) - timedelta(days=40)).isoformat()
    asked = ("query", "--since", days[0], "--until", days[1])

    found = stack.run(*asked, "--counter", "http_*", "--output", "json").json()
    versions = [day.pop("version") for day in found["history"]]
    picture = stack.countagg.state_home / "totals.svg"
    stack.run("query", "--since", before, "--until", days[1], "--save", str(picture), "--quiet")

    assert versions == [stack.ledger_version(day) for day in days]
    assert found == {
        "schema": 1,
        "since": days[0],
        "until": days[1],
        "history": [
            {"date": days[0], "totals": {"http_get": 10, "http_put": 2.5}},
            {"date": days[1], "totals": {"http_get": 1500}},
        ],
    }
    assert stack.run(*asked, "--output", "csv").out.splitlines()[1:] == [
        f"{days[0]},http_get,10",
        f"{days[0]},http_put,2.5",
        f"{days[1]},errors,-3",
        f"{days[1]},http_get,1500",
    ]
    assert "http_put" in picture.read_text()
