"""Shows that a fleet's time and memory grow with the bytes uploaded: `make scale`.

One minute of fleets of several sizes goes through the real functions, with services in memory; each fleet in a
process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tools.scale.fleet import FUNCTIONS, Minute, recommended_layout, run_minute

_FLEETS = (12_500, 25_000, 50_000, 100_000)
_COUNTERS = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tools.scale", description=__doc__)
    parser.add_argument("--fleets", nargs="+", type=int, default=_FLEETS, metavar="INSTANCES")
    parser.add_argument("--counters", type=int, default=_COUNTERS)
    parser.add_argument("--json", action="store_true", help="write a document instead of a table")
    options = parser.parse_args()
    found = [_in_a_process_of_its_own(instances, options.counters) for instances in options.fleets]
    if options.json:
        sys.stdout.write(json.dumps({"schema": 1, "minutes": [asdict(each) for each in found]}, indent=2) + "\n")
    else:
        _print(found)
    sys.exit(0 if all(each.exact for each in found) else 1)


def _in_a_process_of_its_own(instances: int, counters: int) -> Minute:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run_minute, (instances, counters, recommended_layout(instances)))


def _print(found: Sequence[Minute]) -> None:
    table = Table(box=None, pad_edge=False)
    names = ("instances", "lanes", "MB uploaded", "CPU s", *FUNCTIONS, "ms a file")
    for name in (*names, "MB memory", "bytes stored a byte", "exact"):
        table.add_column(name, justify="right")
    for each in found:
        seconds = sum(each.seconds.values())
        table.add_row(
            f"{each.instances:,}",
            str(each.layout.lanes),
            f"{each.uploaded / 1e6:,.1f}",
            f"{seconds:,.1f}",
            *(f"{each.seconds[name]:,.1f}" for name in FUNCTIONS),
            f"{seconds / each.instances * 1e3:.2f}",
            f"{each.megabytes:,.0f}",
            f"{each.stored / each.uploaded:.2f}",
            "yes" if each.exact else "NO",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
