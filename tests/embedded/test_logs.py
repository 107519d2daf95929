"""The logs of a real run, on the embedded engine."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.embedded.world import DeployedStack, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (processor |aggregator|publisher ) [A-Z]+ +\S.*")


@contextmanager
def running(stack: DeployedStack, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that goes on until it is ended."""
    child = subprocess.Popen(
        (sys.executable, "-m", "countagg", *arguments, "--stack", stack.name),
        env=stack.countagg.environment(),
        cwd=stack.countagg.state_home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def documents(stack: DeployedStack, *options: str) -> list[Any]:
    return [json.loads(line) for line in stack.run("logs", "--output", "json", *options).out.splitlines()]


def test_what_a_run_wrote_is_one_stream_of_readable_lines(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.run("upload-sample", "--date", day, "--wait")
    wait_until("publication", lambda: stack.published(day).keys() == {"COUNTER1", "COUNTER2"})
    wait_until("the publisher's line", lambda: bool(documents(stack, "--filter", "CountersPublished")))

    lines = stack.run("logs", "--since", "1h").out.splitlines()

    assert all(LINE.fullmatch(line) for line in lines if not line.startswith("    "))
    told = [line.partition("Z ")[2].split(maxsplit=2) for line in lines if not line.startswith("    ")]
    assert {words[0] for words in told} >= {"processor", "aggregator", "publisher"}
    assert any(words[0] == "aggregator" and "LinksAdded=" in words[2] for words in told)
    times = [line.partition(" ")[0] for line in lines if LINE.fullmatch(line)]
    assert times == sorted(times)
    assert not [line for line in lines if "RequestId:" in line or " metrics " in line]


def test_verbose_shows_the_platforms_lines_and_metrics(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\n")
    stack.wait_for_totals(day, {"A": 1})

    def lines() -> str:
        return stack.run("logs", "--function", "processor", "--verbose").out

    wait_until("metrics", lambda: " metrics FilesApplied=1.0" in lines())
    for text in ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "location=report:"):
        assert text in lines()


def test_a_refused_file_is_found_by_level_and_text(stack: DeployedStack) -> None:
    key = stack.key(stack.new_day(), "i-bad")
    stack.put_key(key, "A 1\nB\n")
    stack.wait_for_refusal(key)
    asked = ("--level", "warning", "--filter", key, "--function", "processor")
    wait_until("the line", lambda: bool(documents(stack, *asked)))

    [line] = stack.run("logs", *asked).out.splitlines()
    [document] = documents(stack, *asked)

    assert line.partition("Z ")[2].startswith(
        f"processor  WARNING  file refused bucket={stack.bucket} key={key} "
        "reason=\"'B' is not COUNTER VALUE\" line=2 before="
    )
    assert document["function"] == stack.names.processor
    assert json.loads(document["message"])["key"] == key
    assert documents(stack, *asked, "--until", document["time"]) == [document]
    assert documents(stack, *asked, "--since", "1h", "--until", "30m") == []


def test_following_shows_lines_as_they_come_until_it_is_interrupted(stack: DeployedStack) -> None:
    day = stack.new_day()
    with running(stack, "logs", "--follow", "--since", "1m", "--output", "json") as child:
        for number in (1, 2):
            key = stack.key(day, f"i-{number}")
            stack.put_key(key, "A\n")
            stack.wait_for_refusal(key)
            line = next(line for line in child.stdout or () if key in line)
            assert json.loads(json.loads(line)["message"])["message"] == "file refused"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=300)

    assert child.returncode == 130
    assert err == ""
    assert not [line for line in out.splitlines() if "i-1" in line or "i-2" in line]


def test_totals_are_watched_until_it_is_interrupted(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\nB 2\n")
    stack.wait_for_totals(day, {"A": 1, "B": 2})
    with running(stack, "query", "--date", day, "--watch", "--interval", "0.1") as child:
        assert child.stdout is not None
        shown = [child.stdout.readline().split(maxsplit=1)[1] for _ in range(2)]
        stack.put(day, "i-2", "A 1000\n")
        shown.append(child.stdout.readline().split(maxsplit=1)[1])
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=300)

    assert shown == ["A  1\n", "B  2\n", "A  1,001  (+1,000)\n"]
    assert (child.returncode, out, err) == (130, "", "")
