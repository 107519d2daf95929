"""What is measured of a design: how fast a fleet is summed, what it takes, and how long one upload takes."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from countagg.core.counter_file import parse_counter_file, render_counters
from countagg.core.values import SCALE
from countagg.local import LocalEngine
from countagg.local.processes import usage
from countagg.operate.cost.write_units import Rhythm
from countagg.operate.totals.uploads import make_fleet
from tools.benchmark.designs import Case, Design
from tools.benchmark.instances import SENDERS, SignedUploads

CASES = (
    Case("first files of a day", begins=True),
    Case("same files again", changed=0.0),
    Case("one counter in a hundred changed", changed_counters=0.01),
)
_PAUSE = 0.1
_SAMPLE_SECONDS = 0.5
"""Looking through all processes takes time of the processors that are measured."""
_DRAIN_SECONDS = 120.0
_QUIET_SECONDS = 3.0
_WARM_SECONDS = 20.0
_WARM_FILES = 50


@dataclass(frozen=True)
class Used:
    """What the functions used.

    Attributes:
        invocations: of all functions.
        cpu_seconds: of all functions, with the start of their processes.
        calls: to services, by operation, counted in the client.
        refused: writes that a condition refused, by table.
        statements: of PartiQL, which are writes of small items; the engine makes no stream records of them.
        refused_statements: those that a condition refused.
        peak_megabytes: of the engine with all processes of functions.
    """

    invocations: int
    cpu_seconds: float
    calls: dict[str, int]
    refused: dict[str, int]
    statements: int
    refused_statements: int
    peak_megabytes: float

    @property
    def statement_units(self) -> float:
        """A unit each, and one for the index where an item changed."""
        return 2.0 * self.statements - self.refused_statements


@dataclass(frozen=True)
class Throughput:
    """How fast a fleet was summed.

    Attributes:
        files: how many were uploaded.
        counters: of each file.
        exact: whether every total was exact in the end, or the time was over.
        done: files that the first function had done with by then.
        seconds: until then.
        units: write units, by table.
        used: by the functions.
        units_of_snapshot: of a single write of the first table, on average.
        units_of_sum: of a single write of the table with the sums, on average.
        versions: writes of the table with the sums.
        model: write units a file by the model of `countagg cost`; None where it has none.
        rates: files a second of all runs, of which this is the median.
    """

    files: int
    counters: int
    exact: bool
    done: int
    seconds: float
    units: Mapping[str, float]
    used: Used
    units_of_snapshot: float
    units_of_sum: float
    versions: int
    model: float | None
    rates: tuple[float, ...] = ()

    @property
    def files_per_second(self) -> float:
        """The rate; where the time was over, an upper bound."""
        return self.done / self.seconds

    @property
    def calls_per_file(self) -> float:
        return sum(self.used.calls.values()) / max(1, self.done)

    @property
    def units_per_file(self) -> float:
        return sum(self.units.values()) / max(1, self.done)


@dataclass(frozen=True)
class Latency:
    """Seconds from the PUT of a file to its last counter in the total.

    Attributes:
        per_minute: uploads a minute.
        uploads: how many were made.
        included: how many of them were included when the time was over.
        p50, p95, p99: percentiles of all; None where such a share was not included.
    """

    per_minute: int
    uploads: int
    included: int
    p50: float | None
    p95: float | None
    p99: float | None


def measure_throughput(
    design: Design, engine: LocalEngine, instances: int, counters: int, limit: float
) -> dict[str, Throughput]:
    """Upload the files of a fleet, case by case; a case that does not end in time is the last."""
    _warm_up(design)
    _settle(design)
    fleet = {each.instance: each.content for each in make_fleet(instances, counters, seed=1)}
    found: dict[str, Throughput] = {}
    for case in CASES:
        if case.changed and not case.begins:
            fleet = change_files(fleet, case.changed_counters)
        found[case.title] = _measure(design, engine, fleet, case, limit)
        if not found[case.title].exact:
            break
    return found


def change_files(files: Mapping[str, bytes], share: float) -> dict[str, bytes]:
    """Return files of which a share of the counters, others in each file, have another value."""
    chances = random.Random(1)
    changed = {}
    for instance, content in files.items():
        counters = parse_counter_file(content)
        picked = chances.sample(sorted(counters), max(1, round(share * len(counters))))
        changed[instance] = render_counters(counters | {name: counters[name] + SCALE for name in picked})
    return changed


def _measure(
    design: Design, engine: LocalEngine, files: Mapping[str, bytes], case: Case, limit: float
) -> Throughput:
    """Upload files, and wait until all are done with and every total is exact, or the time is over."""
    expected: Counter[str] = Counter()
    for content in files.values():
        expected.update(parse_counter_file(content))
    instances, counters = len(files), len(expected)
    before = design.written()
    design.records.write_text("")
    day = _day(1)
    uploads = design.sign(day, files)
    with _memory_sampled(engine) as peak:
        began = time.perf_counter()
        _upload_all(design, uploads, began + limit)
        exact = _wait_for_files(design, instances, began + limit)
        exact = _wait_for_totals(design, day, expected, began + limit) and exact
        seconds = time.perf_counter() - began
        if exact:
            _settle(design)
    lines = _lines(design.records)
    done = instances if exact else _files_done(lines)
    used = _used(lines, peak[0])
    written = design.written()
    snapshots, sums = list(written.values())[:2]
    units: dict[str, float] = {
        name: each.units - before[name].units + each.refused(used.refused.get(name, 0))
        for name, each in written.items()
    }
    if used.statements:
        units["by PartiQL"] = used.statement_units
    versions = list(written.values())[1].writes - list(before.values())[1].writes
    return Throughput(
        files=instances,
        counters=counters,
        exact=exact,
        done=done,
        seconds=seconds,
        units=units,
        used=used,
        units_of_snapshot=snapshots.units / max(1, snapshots.writes),
        units_of_sum=sums.units / max(1, sums.writes),
        versions=versions,
        # Where no file was done with in time, there is nothing to model.
        model=design.modelled(list(files)[:done], counters, _rhythm(case, done, versions, used), case)
        if done
        else None,
    )


def _rhythm(case: Case, files: int, versions: int, used: Used) -> Rhythm:
    """Return how many changed files a version stood for, and how many versions a publication."""
    publications = used.calls.get("PutObject", 0)
    return Rhythm(
        files_per_version=files * case.changed / versions if versions else math.inf,
        versions_per_publication=versions / publications if publications and versions else math.inf,
    )


def _wait_for_files(design: Design, files: int, end: float) -> bool:
    while _files_done(_lines(design.records)) < files:
        if time.perf_counter() > end:
            return False
        time.sleep(_PAUSE)
    return True


def _warm_up(design: Design) -> None:
    """Have every function started, in as many processes as it will have.

    A process that is replaced while it is at work leaves its message for minutes, so another one is sent.
    """
    day, end = _day(2), time.perf_counter() + _DRAIN_SECONDS
    while time.perf_counter() < end:
        design.records.write_text("")
        _upload_all(design, design.sign(day, {f"i-{number}": b"WARM 1\n" for number in range(_WARM_FILES)}), end)
        if _wait_for_totals(design, day, {"WARM": _WARM_FILES * SCALE}, time.perf_counter() + _WARM_SECONDS):
            return
    raise TimeoutError(f"{design.title}: the first upload does not arrive")


def _upload_all(design: Design, uploads: SignedUploads, end: float) -> None:
    """Upload, no more at once than the design takes, until the time is over."""
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = []
        for sent, instance in enumerate(uploads.requests):
            while sent - _files_done(_lines(design.records)) >= design.at_once and time.perf_counter() < end:
                time.sleep(_PAUSE / 10)
            if time.perf_counter() > end:
                break
            sending.append(pool.submit(uploads.send, instance))
        for each in sending:
            each.result()


def _wait_for_totals(design: Design, day: str, expected: Mapping[str, int], end: float) -> bool:
    while design.totals(day, expected) != expected:
        if time.perf_counter() > end:
            return False
        time.sleep(_PAUSE)
    return True


def _settle(design: Design) -> None:
    """Wait until no function is called any more: what comes after the totals is part of the price."""
    end, before = time.perf_counter() + _DRAIN_SECONDS, -1
    while before != (size := design.records.stat().st_size) and time.perf_counter() < end:
        before = size
        time.sleep(_QUIET_SECONDS)


@contextmanager
def _memory_sampled(engine: LocalEngine) -> Iterator[list[float]]:
    """Look at the memory of all processes twice a second; the largest is left in the list."""
    peak, over, process = [0.0], threading.Event(), psutil.Process(engine.require_running().pid)

    def sample() -> None:
        while not over.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], usage(process)[0] / 1024 / 1024)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _lines(records: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in records.read_text().splitlines()]


def _files_done(lines: Sequence[dict[str, Any]]) -> int:
    return sum(line["records"] for line in lines if line["function"].endswith(("processor", "process")))


def _used(lines: Sequence[dict[str, Any]], peak: float) -> Used:
    calls: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for line in lines:
        calls.update(line["calls"])
        refused.update(line["refused"])
    statements, refused_statements = calls.pop("statements", 0), refused.pop("statements", 0)
    cpu = sum(line["cpu_seconds"] for line in lines)
    return Used(len(lines), cpu, dict(calls.most_common()), dict(refused), statements, refused_statements, peak)


@dataclass
class _Pending:
    """Uploads whose last counter is not in the total yet: counter -> when it was sent."""

    sent: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)


def measure_latency(design: Design, per_minute: int, uploads: int, counters: int) -> Latency:
    """Upload at a steady rate, whatever the pipeline does, each time by another instance.

    Each file ends with a counter of its own. Its value in the total tells that the file is included: all designs
    work through a file from its beginning to its end.
    """
    _warm_up(design)
    day, pending = _day(3), _Pending()
    shared = {f"COUNTER{number:04}": number * SCALE for number in range(1, counters)}
    own = {f"i-{number:08x}": f"OWN{number:04}" for number in range(uploads)}
    files = {instance: render_counters(shared | {counter: SCALE}) for instance, counter in own.items()}
    sender = threading.Thread(target=_send, args=(design.sign(day, files), own, pending, per_minute))
    sender.start()
    end = time.perf_counter() + uploads * 60 / per_minute + _DRAIN_SECONDS
    while (sender.is_alive() or pending.sent) and time.perf_counter() < end:
        waiting = list(pending.sent)
        found = design.totals(day, waiting) if waiting else {}
        now = time.perf_counter()
        pending.took += [now - pending.sent.pop(counter) for counter in found]
        time.sleep(0.005)
    sender.join()
    p50, p95, p99 = (percentile(pending.took, uploads, share) for share in (0.5, 0.95, 0.99))
    return Latency(per_minute, uploads, len(pending.took), p50, p95, p99)


def percentile(took: Sequence[float], uploads: int, share: float) -> float | None:
    """Return the seconds in which a share of all uploads was included; None if it was not."""
    rank = math.ceil(share * uploads)
    return sorted(took)[rank - 1] if rank <= len(took) else None


def _send(uploads: SignedUploads, own: Mapping[str, str], pending: _Pending, per_minute: int) -> None:
    """Upload at a steady rate; `own` tells the counter of each instance that no other has."""
    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        for number, (instance, counter) in enumerate(own.items()):
            time.sleep(max(0.0, began + number * 60 / per_minute - time.perf_counter()))
            pending.sent[counter] = time.perf_counter()
            pool.submit(uploads.send, instance)


def _day(age: int) -> str:
    return (datetime.now(UTC) - timedelta(days=age)).date().isoformat()
