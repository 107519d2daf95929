"""A load test: a made-up fleet uploads to a deployed stack, and what comes of it is watched.

Uploads have threads of their own, and so has the watching. The times of uploads are planned; an uploader that
cannot keep them sends later, and what is still due at the end of a step is left out and counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import build_object_key
from countagg.core.polling import Polling
from countagg.operate.load.figures import Knee, Sample, StepFigures, find_knee, step_figures
from countagg.operate.load.schedule import DueCount, LoadStep, file_of, instance_id, uploads_of
from countagg.operate.load.tracker import Tracker

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline

LOOK_SECONDS: Final = 0.1
"""Between two looks. A day of many instances takes longer to look at, and is looked at less often."""
_LOOK_SHARE: Final = 2
"""So many times as long as a look takes, at least, is between the beginnings of two."""
_QUEUED: Final = 2
"""Uploads that wait for a worker, for each of them."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be done.

    Attributes:
        day: YYYY-MM-DD.
        instances: of the fleet.
        counters: of each.
        steps: how often they upload, one step after the other.
        seed: the same makes the same load.
        workers: uploads at the same time.
        until_knee: whether it ends with the first step in which the lag grows without bound.
    """

    day: str
    instances: int
    counters: int
    steps: tuple[LoadStep, ...]
    seed: int
    workers: int = 20
    until_knee: bool = False

    @property
    def instance_ids(self) -> list[str]:
        """The ids of the fleet."""
        return [instance_id(self.seed, number) for number in range(self.instances)]


@dataclass
class LoadOutcome:
    """What came of a load.

    Attributes:
        samples: how far everything was, look by look.
        steps: figures of each step that ended.
        knee: where the lag began to grow; None if it did not.
        failures: what uploads and looks failed with.
        failed_uploads: how many files could not be sent.
        not_sent: files that were due and left out, because the uploader was late.
        interrupted: whether somebody ended it.
        latencies: seconds from the beginning of each upload to its inclusion.
        overtaken: files that a newer one of their instance overtook before the totals included them.
        missing: how many files of which instances were sent and are not included.
    """

    samples: list[Sample] = field(default_factory=list)
    steps: list[StepFigures] = field(default_factory=list)
    knee: Knee | None = None
    failures: list[str] = field(default_factory=list)
    failed_uploads: int = 0
    not_sent: int = 0
    interrupted: bool = False
    latencies: list[float] = field(default_factory=list)
    overtaken: int = 0
    missing: dict[str, int] = field(default_factory=dict)

    @property
    def drained(self) -> bool:
        """Whether the totals include everything that was sent."""
        return not self.missing

    @property
    def sent(self) -> int:
        """Files whose upload ended well."""
        return self.samples[-1].sent

    @property
    def due(self) -> int:
        """Files that were to be sent by the end of the uploads."""
        return self.samples[-1].due

    @property
    def seconds(self) -> float:
        """From the first look to the first at which everything was included."""
        last = self.samples[-1]
        ends = [sample.at for sample in self.samples if sample.included == last.included]
        return ends[0] - self.samples[0].at


OnSample = Callable[[Sample, int], None]
"""Told how far everything is, and how many failures there were."""


class LoadTest:
    """A load on a deployed stack.

    Args:
        pipeline: of the stack.
        load: what to do.
        on_sample: told after each look, from the thread that watches.
        polling: how long to wait after the last upload, and by which clock uploads are timed.
    """

    def __init__(self, pipeline: Pipeline, load: Load, on_sample: OnSample, polling: Polling) -> None:
        self._pipeline = pipeline
        self._load = load
        self._on_sample = on_sample
        self._polling = polling
        self._uploads: dict[int, int] = {}
        self._under_way: dict[int, Future[None]] = {}
        self._due = DueCount(load.steps, load.instances, load.seed)
        self._due_until = 0.0
        self._began = 0.0
        self._done = threading.Event()
        self._failure_lock = threading.Lock()
        self.outcome = LoadOutcome()
        self.tracker = Tracker({})

    def run(self) -> LoadOutcome:
        """Upload, and wait until the totals include everything; Ctrl-C ends the uploads, and then the wait."""
        heads = self._pipeline.snapshot_heads(self._load.day)
        self.tracker = Tracker({head.instance: head.sequencer for head in heads})
        self._began = self._polling.clock()
        self._look()
        watcher = threading.Thread(target=self._watch, name="loadtest-watcher")
        watcher.start()
        try:
            try:
                self._upload()
            except KeyboardInterrupt:
                self.outcome.interrupted = True
                self._due_until = min(self._due_until, self._time())
            self._polling.until(lambda: self.tracker.included >= self.tracker.sent, LOOK_SECONDS)
        except KeyboardInterrupt:
            self.outcome.interrupted = True
        finally:
            self._done.set()
            watcher.join()
        self._try_to_look()
        self.outcome.latencies = list(self.tracker.latencies)
        self.outcome.overtaken = self.tracker.overtaken
        self.outcome.missing = self.tracker.missing()
        return self.outcome

    # Uploads

    def _upload(self) -> None:
        slots = threading.BoundedSemaphore(self._load.workers * (1 + _QUEUED))
        pool = ThreadPoolExecutor(self._load.workers, thread_name_prefix="loadtest")
        try:
            for step in self._load.steps:
                self._carry_out(step, pool, slots)
                if self._load.until_knee and self.outcome.knee is not None:
                    return
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self.outcome.not_sent += sum(each.cancelled() for each in self._under_way.values())

    def _carry_out(self, step: LoadStep, pool: ThreadPoolExecutor, slots: threading.BoundedSemaphore) -> None:
        first, cpu = len(self.outcome.samples) - 1, time.process_time()
        self._due_until = step.end
        due = self._dispatch(step, pool, slots)
        self._sleep_until(step.end)
        samples = self.outcome.samples[first:]
        busy = (time.process_time() - cpu) / step.seconds
        self.outcome.steps.append(step_figures(due / step.seconds, due, samples, busy))
        self.outcome.knee = find_knee(self.outcome.steps)

    def _dispatch(self, step: LoadStep, pool: ThreadPoolExecutor, slots: threading.BoundedSemaphore) -> int:
        """Hand a step's uploads to the workers; return how many were due."""
        count = 0
        for due in uploads_of(step, self._load.instances, self._load.seed):
            count += 1
            self._sleep_until(due.at)
            # An instance never has two uploads under way: they might change places.
            before = self._under_way.get(due.instance)
            if before is not None:
                before.result()
            slots.acquire()
            if self._time() > step.end:
                slots.release()
                self.outcome.not_sent += 1
                continue
            future = pool.submit(self._send, due.instance)
            future.add_done_callback(lambda _: slots.release())
            self._under_way[due.instance] = future
        return count

    def _sleep_until(self, moment: float) -> None:
        left = moment - self._time()
        if left > 0:
            self._polling.sleep(left)

    def _time(self) -> float:
        return self._polling.clock() - self._began

    def _send(self, number: int) -> None:
        upload = self._uploads.get(number, 0)
        self._uploads[number] = upload + 1
        load, instance = self._load, instance_id(self._load.seed, number)
        content = file_of(load.seed, number, upload, load.counters)
        key = build_object_key(self._pipeline.settings.prefix, load.day, instance)
        began = self._time()
        try:
            etag = self._pipeline.put_counter_file(key, content)
        except CountaggError as error:
            with self._failure_lock:
                self.outcome.failed_uploads += 1
                self.outcome.failures.append(str(error))
        else:
            self.tracker.tell_sent(instance, etag, began)

    # Looks

    def _watch(self) -> None:
        while not self._done.is_set():
            began = self._polling.clock()
            self._try_to_look()
            took = self._polling.clock() - began
            self._done.wait(max(LOOK_SECONDS, (_LOOK_SHARE - 1) * took))

    def _try_to_look(self) -> None:
        """Look; a look that fails is a failure to be told, and no end of the load."""
        try:
            self._look()
        except CountaggError as error:
            with self._failure_lock:
                self.outcome.failures.append(str(error))

    def _look(self) -> None:
        """Read the snapshots, then the ledger: what it includes of them, it includes of what was sent."""
        pipeline, day = self._pipeline, self._load.day
        depth = pipeline.queue_depth(pipeline.names.uploads)
        heads = list(pipeline.snapshot_heads(day))
        seen = pipeline.totals(day).ledger.seen
        queued = depth.waiting + depth.in_flight if depth else 0
        now = self._time()
        sample = replace(self.tracker.look(now, heads, seen, queued), due=self._due.by(min(now, self._due_until)))
        self.outcome.samples.append(sample)
        self._on_sample(sample, len(self.outcome.failures))
