"""Measures countagg beside the article's layout, on the same engine, in one run: `make benchmark`.

Each design gets an engine of its own, one after the other, and the same files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import vl_convert
from rich.console import Console

from countagg.local import LocalEngine
from tests.benchmark.designs import DESIGNS, Design
from tests.benchmark.fleets import Latency, Throughput, measure_latency, measure_throughput
from tests.benchmark.report import print_latency, print_throughput, specify_picture
from tests.embedded.world import engine_clients

_FLEETS = ("100x100", "1000x100", "100x1000")
_SINGLE, _FLEET = 60, 100


def main() -> None:
    """Measure and print."""
    options = _parse()
    errors, results = Console(stderr=True, highlight=False), Console(highlight=False)
    throughput: dict[str, dict[str, Throughput]] = {}
    for size in options.fleets:
        for name in options.designs:
            errors.print(f"{size}: {DESIGNS[name].title}", style="dim")
            with _set_up(name) as (design, engine):
                instances, counters = map(int, size.split("x"))
                found = measure_throughput(design, engine, instances, counters, options.limit)
            throughput.setdefault(size, {})[design.title] = found
    latency: dict[str, list[Latency]] = {}
    for name in options.designs if options.uploads else ():
        for per_minute in (_SINGLE, _FLEET):
            errors.print(f"{per_minute} uploads a minute: {DESIGNS[name].title}", style="dim")
            with _set_up(name) as (design, _):
                found_latency = measure_latency(design, per_minute, options.uploads, 100)
            latency.setdefault(design.title, []).append(found_latency)
    if options.picture:
        first = options.fleets[0]
        picture = vl_convert.vegalite_to_svg(specify_picture(first, throughput[first], _machine()))
        options.picture.write_text(picture)
    if options.json:
        sys.stdout.write(json.dumps(_document(throughput, latency), indent=2) + "\n")
        return
    results.print(_machine(), style="dim")
    for size, by_design in throughput.items():
        print_throughput(results, size, by_design)
    if latency:
        print_latency(results, latency)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("--fleets", nargs="+", default=_FLEETS, metavar="INSTANCESxCOUNTERS")
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a fleet is given up")
    parser.add_argument("--uploads", type=int, default=100, help="how many for each latency; 0: none")
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


def _document(throughput: dict[str, dict[str, Throughput]], latency: dict[str, list[Latency]]) -> dict[str, Any]:
    return {
        "schema": 1,
        "machine": _machine(),
        "throughput": {
            size: {
                title: asdict(each)
                | {
                    "files_per_second": each.files_per_second,
                    "calls_per_file": each.calls_per_file,
                    "units_per_file": each.units_per_file,
                }
                for title, each in by_design.items()
            }
            for size, by_design in throughput.items()
        },
        "latency": {title: [asdict(each) for each in found] for title, found in latency.items()},
    }


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
