"""Names of counters that completion reads from a running stack."""

from __future__ import annotations

import subprocess
import sys

import pytest

from countagg.cli.app.completion import PATIENCE_VARIABLE
from tests.embedded.world import DeployedStack

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

# What a shell would run, expand or take for an option; zsh evaluates what it is offered.
HOSTILE = (
    "$(id)",
    "`id`",
    "\\$(id)",
    "a;id",
    "a'b",
    'a"b',
    "a&b",
    "a|b",
    "*",
    "-x",
    "a(b)",
    "~",
    "ä",
    "{a,b}",
    "#a",
)


def offered(stack: DeployedStack, line: str) -> list[str]:
    """Return what bash is offered for the last word of a line."""
    words = line.split(" ")
    protocol = {"_COUNTAGG_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    ran = subprocess.run(
        (sys.executable, "-m", "countagg"),
        env=stack.countagg.environment() | protocol | {PATIENCE_VARIABLE: "300"},
        cwd=stack.countagg.state_home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    return ran.stdout.split()


def test_counters_of_the_day_are_offered_unless_a_shell_might_run_them(stack: DeployedStack) -> None:
    day = stack.new_day()
    names = ["http.requests_2xx", "http.requests_5xx", "disk:/var%", *HOSTILE]
    stack.put(day, "i-1", "".join(f"{name} 1\n" for name in names))
    stack.wait_for_totals(day, dict.fromkeys(names, 1.0))

    assert offered(stack, f"countagg query --date {day} --counter ") == sorted(names[:3])
    assert offered(stack, f"countagg query --date {day} --counter http.requests_5") == ["http.requests_5xx"]
    assert offered(stack, f"countagg --stack absent query --date {day} --counter ") == []
    assert offered(stack, f"countagg explain --date {day} d") == ["disk:/var%"]
