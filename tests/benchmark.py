"""Measures the pipeline on an embedded engine of its own: `make benchmark`.

Prints, for people or with `--json` for programs: the latency of single uploads, the throughput of a fleet whose
totals must come out exact, and the memory of all processes of the engine.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from countagg.aws.pipeline import Pipeline
from countagg.aws.waiting import Patience
from countagg.core.counter_file import parse_counter_file
from countagg.core.object_keys import build_object_key
from countagg.local import EngineRecord, LocalEngine
from countagg.operate.deployment import Deployment, apply
from countagg.operate.uploads import Round, make_fleet
from countagg.provision.choices import Chosen
from tests.embedded.world import engine_clients

FILES, COUNTERS, PARALLEL, SINGLE_UPLOADS = 1_000, 100, 20, 40
_GIVE_UP_SECONDS = 300.0


@dataclass(frozen=True)
class Figures:
    """What was measured: seconds, files a second, megabytes."""

    machine: str
    single_upload_median: float
    single_upload_p95: float
    fleet_files: int
    fleet_counters: int
    fleet_seconds: float
    fleet_files_per_second: float
    ledger_versions: int
    memory_megabytes: float
    processes: int


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="countagg-benchmark-") as folder:
        engine = LocalEngine(Path(folder) / "engine")
        record = engine.start(enforce_policies=True)
        try:
            figures = measure(engine, record)
        finally:
            engine.stop()
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"schema": 1, **asdict(figures)}, indent=2) + "\n")
        return
    for name, value in asdict(figures).items():
        shown = f"{value:.3f}" if isinstance(value, float) else value
        sys.stdout.write(f"{name.replace('_', ' '):24} {shown}\n")


def measure(engine: LocalEngine, record: EngineRecord) -> Figures:
    """Set a stack up and measure it."""
    clients = engine_clients(record)
    deployment = Deployment(clients, clients.caller(), Patience(lambda _: None))
    list(apply(deployment.plan(Chosen("countagg", "counters-benchmark", create_bucket=True)), lambda *_: None))
    pipeline = Pipeline.deployed(clients, "countagg")
    today = datetime.now(UTC).date()

    latencies = single_uploads(pipeline, today.isoformat())
    yesterday = (today - timedelta(days=1)).isoformat()
    fleet = make_fleet(FILES, COUNTERS, seed=1)
    seconds = upload_fleet(pipeline, yesterday, fleet)
    status = engine.status()
    return Figures(
        machine=f"{platform.machine()}, Python {platform.python_version()}",
        single_upload_median=statistics.median(latencies),
        single_upload_p95=statistics.quantiles(latencies, n=20)[-1],
        fleet_files=FILES,
        fleet_counters=COUNTERS,
        fleet_seconds=seconds,
        fleet_files_per_second=FILES / seconds,
        ledger_versions=pipeline.totals(yesterday).version,
        memory_megabytes=status.memory_bytes / 1024 / 1024,
        processes=status.processes,
    )


def single_uploads(pipeline: Pipeline, day: str) -> list[float]:
    """Upload one file after the other; return the seconds from each PUT to its value in the total."""
    latencies = []
    for value in range(1, SINGLE_UPLOADS + 6):
        began = time.perf_counter()
        pipeline.put_counter_file(build_object_key(pipeline.settings.prefix, day, "i-1"), f"A {value}\n".encode())
        _wait_for(pipeline, day, {"A": value * 10**9}, pause=0.005)
        latencies.append(time.perf_counter() - began)
        time.sleep(0.1)
    # The first ones start the functions' processes.
    return latencies[5:]


def upload_fleet(pipeline: Pipeline, day: str, fleet: Round) -> float:
    """Upload a fleet's files in parallel; return the seconds until every total is exact."""
    expected: Counter[str] = Counter()
    for sample in fleet:
        expected.update(parse_counter_file(sample.content))
    prefix = pipeline.settings.prefix
    began = time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as pool:
        jobs = [
            pool.submit(pipeline.put_counter_file, build_object_key(prefix, day, each.instance), each.content)
            for each in fleet
        ]
    for job in jobs:
        job.result()
    _wait_for(pipeline, day, expected, pause=0.1)
    return time.perf_counter() - began


def _wait_for(pipeline: Pipeline, day: str, expected: Mapping[str, int], *, pause: float) -> None:
    end = time.monotonic() + _GIVE_UP_SECONDS
    while pipeline.totals(day).ledger.sums != expected:
        if time.monotonic() > end:
            raise TimeoutError(f"the totals of {day} are not exact after {_GIVE_UP_SECONDS:.0f} s")
        time.sleep(pause)


if __name__ == "__main__":
    main()
