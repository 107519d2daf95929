"""What the document on reading says of the metrics, of a unit and of rules."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from datetime import UTC, datetime
from typing import Final

import pytest

from countagg.cli.main import main
from countagg.operate.health.status import HopHealth
from countagg.operate.serve.exposition import SUFFIXES
from countagg.operate.serve.families import age_families, build_family, health_families, totals_families
from countagg.operate.serve.stack_reader import LastRead
from countagg.operate.totals.query import TotalsOfDay
from countagg.operate.totals.waiting_files import WaitingFiles
from tests.readme import BLOCKS, section

NOW: Final = datetime(2026, 11, 20, tzinfo=UTC)
TOTALS: Final = TotalsOfDay("2026-11-20", 1, NOW.isoformat(), {"C": 1})
FAMILIES: Final = (
    build_family(),
    *totals_families(TOTALS),
    *age_families(TOTALS, LastRead().parts, NOW),
    *health_families(WaitingFiles(0, None, is_all=True), (HopHealth("alarms", healthy=True, state="OK"),)),
)
SERVED: Final = {family.name + SUFFIXES[family.type] for family in FAMILIES}


def blocks(language: str) -> list[str]:
    return [block.text for block in BLOCKS if block.language == language]


def test_every_metric_is_in_the_document_and_no_other() -> None:
    rows = "".join(re.findall(r"^\| `countagg_.*$", section("### Prometheus"), re.MULTILINE))

    assert set(re.findall(r"\bcountagg_\w+", rows)) == SERVED


def test_what_is_shown_of_an_answer_is_what_is_served() -> None:
    told = re.findall(r"^# HELP (\w+) (.*)$", section("### Prometheus"), re.MULTILINE)

    assert told
    assert set(told) <= {(family.name, family.help) for family in FAMILIES}


def test_rules_are_about_metrics_that_are_served() -> None:
    named = {name for text in blocks("yaml") for name in re.findall(r"\bcountagg_\w+", text)}

    assert named
    assert named <= SERVED


def test_the_unit_starts_a_command_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = blocks("ini")
    unit = ConfigParser()
    unit.optionxform = str  # type: ignore[method-assign, assignment]  # as configparser says how to keep the case
    unit.read_string(text)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])

    assert program.endswith("/countagg")
    assert main([*arguments, "--help"]) == 0
    assert "countagg serve" in capsys.readouterr().out
