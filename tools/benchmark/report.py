"""The figures, for people and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.benchmark.cold_start import ColdStart
from tools.benchmark.fleets import Latency, Throughput


def print_throughput(console: Console, size: str, found: Mapping[str, Throughput]) -> None:
    """Print a table of one fleet, a column a design."""
    table = Table(box=None, pad_edge=False, title=f"fleet of {size} (instances x counters)", title_justify="left")
    table.add_column("")
    for title in found:
        table.add_column(title, justify="right")
    for name, cells in _rows(found):
        table.add_row(name, *cells)
    console.print(table)
    console.print()


def print_repeats(console: Console, size: str, found: Mapping[str, Mapping[str, Throughput]]) -> None:
    """Print what follows a fleet's first files: a table of each case."""
    for case in dict.fromkeys(case for by_case in found.values() for case in by_case):
        print_throughput(
            console,
            f"{size}, {case}",
            {title: by_case[case] for title, by_case in found.items() if case in by_case},
        )


def _rows(found: Mapping[str, Throughput]) -> list[tuple[str, list[str]]]:
    each = list(found.values())
    return [
        (
            "exact",
            ["yes" if one.exact else f"no: {one.done:,} done" for one in each],
        ),
        ("seconds", [f"{one.seconds:,.1f}" for one in each]),
        (
            "files a second",
            [("" if one.exact else "< ") + f"{one.files_per_second:,.2f}" for one in each],
        ),
        ("  of all runs", [_range(one.rates) for one in each]),
        ("calls a file", [f"{one.calls_per_file:,.1f}" for one in each]),
        ("write units a file", [f"{one.units_per_file:,.1f}" for one in each]),
        ("  by the model of cost", ["-" if one.model is None else f"{one.model:,.1f}" for one in each]),
        ("units of a write of a file", [f"{one.units_of_snapshot:,.2f}" for one in each]),
        ("units of a write of sums", [f"{one.units_of_sum:,.2f}" for one in each]),
        ("invocations", [f"{one.used.invocations:,}" for one in each]),
        ("functions' CPU seconds", [f"{one.used.cpu_seconds:,.1f}" for one in each]),
        ("peak MB, with the engine", [f"{one.used.peak_megabytes:,.0f}" for one in each]),
    ]


def _range(rates: Sequence[float]) -> str:
    return f"{rates[0]:,.1f} to {rates[-1]:,.1f}" if len(rates) > 1 else ""


def print_latency(console: Console, found: Mapping[str, Sequence[Latency]]) -> None:
    """Print a line for each design and rate."""
    table = Table(box=None, pad_edge=False, title="PUT to total, seconds", title_justify="left")
    for name in ("", "uploads a minute", "included", "p50", "p95", "p99"):
        table.add_column(name, justify="right" if name else "left")
    for title, latencies in found.items():
        for each in latencies:
            included = f"{each.included} of {each.uploads}"
            percentiles = (each.p50, each.p95, each.p99)
            seconds = ["never" if value is None else f"{value:.3f}" for value in percentiles]
            table.add_row(title, str(each.per_minute), included, *seconds)
    console.print(table)


def print_cold_start(console: Console, found: ColdStart) -> None:
    """Print what is loaded before a function's first event."""
    seconds = ", ".join(f"{name} {value:.2f}" for name, value in found.seconds.items())
    console.print(f"zip {found.zip_bytes / 1024 / 1024:.2f} MiB; CPU seconds of imports: {seconds},")
    console.print(f"of which boto3 alone {found.boto3_seconds:.2f}")


_SHOWN = {
    "files_per_second": "files a second",
    "calls_per_file": "service calls a file",
    "units_per_file": "write units a file",
}


def specify_picture(size: str, found: Mapping[str, Throughput], machine: str) -> dict[str, Any]:
    """Return bars for each design in Vega-Lite's terms; lengths are logarithms."""
    values = [
        {"design": title, "what": label, "value": round(getattr(each, name), 2)}
        for name, label in _SHOWN.items()
        for title, each in found.items()
    ]
    bars = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "value",
                "type": "quantitative",
                "scale": {"type": "log", "domainMin": 0.1},
                "title": None,
            },
            "x2": {"datum": 0.1},
            "y": {"field": "design", "type": "nominal", "sort": list(found), "title": None},
            "color": {"field": "design", "type": "nominal", "sort": list(found), "legend": None},
        },
    }
    texts = {
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {
            "x": {"field": "value", "type": "quantitative", "scale": {"type": "log", "domainMin": 0.1}},
            "y": {"field": "design", "type": "nominal", "sort": list(found)},
            "text": {"field": "value", "type": "quantitative", "format": ","},
        },
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": f"{size}: instances x counters, logarithmic", "subtitle": machine},
        "background": "white",
        "data": {"values": values},
        "facet": {"row": {"field": "what", "type": "nominal", "sort": list(_SHOWN.values()), "title": None}},
        "spec": {"width": 520, "height": 90, "layer": [bars, texts]},
    }
