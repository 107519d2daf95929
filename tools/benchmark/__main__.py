"""Measures countagg beside the article's layout, on the same engine, in one run: `make benchmark`.

Each design gets an engine of its own, one after the other, and the same files.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import vl_convert
from rich.console import Console

from countagg.local import LocalEngine
from countagg.local.mappings import WINDOWS
from tests.embedded.world import engine_clients
from tools.benchmark.cold_start import ColdStart, measure_cold_start
from tools.benchmark.designs import DESIGNS, Design
from tools.benchmark.fleets import Latency, Throughput, measure_latency, measure_throughput
from tools.benchmark.report import (
    print_cold_start,
    print_latency,
    print_repeats,
    print_throughput,
    specify_picture,
)

_FLEETS = ("100x100", "1000x100", "100x1000")
_RATES = (60, 100)
"""Uploads a minute: one a second, and a fleet of 100."""
_COUNTERS = 100
_RUNS = 3
"""Of a fleet that is summed in less than so many seconds, the median run counts."""
_SHORT_SECONDS = 20.0


@dataclass(frozen=True)
class Figures:
    """What was measured: throughput by fleet and design, latency by design, and what a cold start loads.

    Throughput is that of the first files of a day; repeats are what follows them, by fleet, design and case.
    """

    machine: str
    cold_start: ColdStart
    throughput: Mapping[str, Mapping[str, Throughput]]
    repeats: Mapping[str, Mapping[str, Mapping[str, Throughput]]]
    latency: Mapping[str, Sequence[Latency]]


def main() -> None:
    """Measure and print."""
    options = _parse()
    os.environ[WINDOWS] = str(options.windows)
    errors, results = Console(stderr=True, highlight=False), Console(highlight=False)
    throughput, repeats = _throughput(options, errors)
    found = Figures(
        machine=_machine(),
        cold_start=measure_cold_start(),
        throughput=throughput,
        repeats=repeats,
        latency=_latency(options, errors) if options.uploads else {},
    )
    if options.picture:
        size, by_design = next(iter(found.throughput.items()))
        options.picture.write_text(vl_convert.vegalite_to_svg(specify_picture(size, by_design, found.machine)))
    if options.json:
        sys.stdout.write(json.dumps({"schema": 1, **_document(found)}, indent=2) + "\n")
        return
    results.print(found.machine, style="dim")
    for size, by_design in found.throughput.items():
        print_throughput(results, size, by_design)
        print_repeats(results, size, found.repeats[size])
    if found.latency:
        print_latency(results, found.latency)
    print_cold_start(results, found.cold_start)


_Repeats = dict[str, Throughput]
_Found = dict[str, dict[str, Throughput]]


def _throughput(options: argparse.Namespace, errors: Console) -> tuple[_Found, dict[str, dict[str, _Repeats]]]:
    found: _Found = {size: {} for size in options.fleets}
    repeats: dict[str, dict[str, _Repeats]] = {size: {} for size in options.fleets}
    for size, name in itertools.product(options.fleets, options.designs):
        errors.print(f"{size}: {DESIGNS[name].title}", style="dim")
        instances, counters = map(int, size.split("x"))
        runs: list[tuple[Throughput, _Repeats]] = []
        while not runs or (len(runs) < _RUNS and runs[0][0].seconds < _SHORT_SECONDS):
            with _set_up(name) as (design, engine):
                first, *others = measure_throughput(design, engine, instances, counters, options.limit).items()
            runs.append((first[1], dict(others)))
            state = "exact" if first[1].exact else "given up"
            errors.print(f"  {first[1].files_per_second:,.2f} files a second, {state}", style="dim")
        runs.sort(key=lambda run: run[0].files_per_second)
        rates = tuple(run.files_per_second for run, _ in runs)
        median, repeats[size][design.title] = runs[len(runs) // 2]
        found[size][design.title] = replace(median, rates=rates)
    return found, repeats


def _latency(options: argparse.Namespace, errors: Console) -> dict[str, list[Latency]]:
    found: dict[str, list[Latency]] = {DESIGNS[name].title: [] for name in options.designs}
    for name, per_minute in itertools.product(options.designs, _RATES):
        errors.print(f"{per_minute} uploads a minute: {DESIGNS[name].title}", style="dim")
        with _set_up(name) as (design, _):
            found[design.title].append(measure_latency(design, per_minute, options.uploads, _COUNTERS))
    return found


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.benchmark", description=__doc__)
    parser.add_argument("--fleets", nargs="*", default=_FLEETS, metavar="INSTANCESxCOUNTERS")
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a fleet is given up")
    parser.add_argument("--uploads", type=int, default=100, help="how many for each latency; 0: none")
    parser.add_argument("--windows", type=float, default=0.1, help="share of the mappings' windows that is kept")
    parser.add_argument("--json", action="store_true", help="write a document instead of tables")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the first fleet's figures")
    return parser.parse_args()


@contextmanager
def _set_up(name: str) -> Iterator[tuple[Design, LocalEngine]]:
    folder = Path(tempfile.mkdtemp(prefix="countagg-benchmark-"))
    engine = LocalEngine(folder / "engine")
    try:
        record = engine.start(enforce_policies=True)
        records = folder / "records.jsonl"
        records.write_text("")
        design = DESIGNS[name](engine_clients(record), records)
        design.set_up()
        yield design, engine
    finally:
        engine.stop()
        shutil.rmtree(folder)


def _document(found: Figures) -> dict[str, Any]:
    document = asdict(found)
    for size, by_design in found.throughput.items():
        for title, each in by_design.items():
            document["throughput"][size][title] |= _rates(each)
            for case, repeat in found.repeats[size][title].items():
                document["repeats"][size][title][case] |= _rates(repeat)
    return document


def _rates(found: Throughput) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("files_per_second", "calls_per_file", "units_per_file")}


def _machine() -> str:
    git = shutil.which("git") or "git"
    commit = subprocess.run(
        [git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"commit {commit}, {_cores()} cores, {platform.machine()}, Python {platform.python_version()}"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
