"""Plans: what happens in a run apart from the faults of single calls. A seed says all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from countagg.core.limits import Direction, Limit
from countagg.core.partitions import Layout
from countagg.core.values import SCALE
from tools.simulation.faults import Fault, Strike
from tools.simulation.files import COUNTERS, File, bad_file, good_file, in_another_form, respelled
from tools.simulation.retention import Kept, Later, choose_kept, choose_later
from tools.simulation.timeline import DAY, HOUR, MINUTE

PREFIX: Final = "counters/"


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody writes an object, or deletes it.

    Attributes:
        after: seconds since the beginning of the chapter.
        key: the object's.
        file: what is written; None for a deletion.
        key_reason: a part of the reason for which the key is refused, if it is.
        foreign: whether the key is no counter file's.
    """

    after: float
    key: str
    file: File | None
    key_reason: str = ""
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something happens to a part of the stack.

    Attributes:
        after: seconds since the beginning of the chapter.
        fault: what.
        hop: to which: "processor", "aggregator" or "publisher".
        amount: how long in seconds, or how much.
    """

    after: float
    fault: Fault
    hop: str
    amount: float


@dataclass(frozen=True, slots=True)
class Chapter:
    """A time of uploads and faults, followed by quiet.

    Attributes:
        pause: days that pass before it.
        steps: what is uploaded and deleted.
        disturbances: what happens to the stack.
        strangers: how many messages that tell of no file are in the queue.
        later: what else there is to a chapter that goes on later; None for the first.
    """

    pause: float
    steps: tuple[Step, ...]
    disturbances: tuple[Disturbance, ...]
    strangers: int = 0
    later: Later | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a run but its chances.

    Attributes:
        seed: of the chances.
        start: of the first chapter.
        chapters: one after the other.
        rates: how probable each fault is at each opportunity.
        latency_spread: how much calls differ in time (`invocations.Setting`).
        partitions: of each table at the beginning.
        factor: parallelization factor of the stream mappings.
        page_size: of a query.
        layouts: how the operator has days spread, before and after a change; a processor knows one of them.
        kept: for how long the operator has things kept in the beginning.
        repaired: whether an operator repairs what lags behind, instead of the fleet's next uploads.
        script: which faults strike instead of chance.
        versioned: whether the bucket keeps the versions of its objects.
        stale_alarm: how long an instance may upload nothing; None if the operator does not ask.
    """

    seed: int
    start: datetime
    chapters: tuple[Chapter, ...]
    rates: Mapping[Fault, float]
    latency_spread: float
    partitions: int
    factor: int
    page_size: int
    layouts: tuple[Layout, ...]
    kept: Kept = Kept()  # noqa: RUF009 - it is frozen
    repaired: bool = False
    script: frozenset[Strike] | None = None
    versioned: bool = False
    stale_alarm: str | None = None
    limits: tuple[Limit, ...] = ()

    def without_operator(self) -> Plan:
        """Return it with nobody verifying or repairing anything."""
        chapters = [
            replace(
                chapter,
                disturbances=tuple(each for each in chapter.disturbances if each.fault is not Fault.REPAIRED),
            )
            for chapter in self.chapters
        ]
        return replace(self, chapters=tuple(chapters), repaired=False)


_HIGHEST_RATES: Final[Mapping[Fault, float]] = {
    Fault.EVENT_DUPLICATED: 0.5,
    Fault.EVENT_DELAYED: 0.5,
    Fault.MESSAGE_REPEATED: 0.3,
    Fault.DELETION_LOST: 0.3,
    Fault.OBJECT_UNSEEN: 0.2,
    Fault.KILLED_BEFORE: 0.15,
    Fault.KILLED_AFTER: 0.15,
    Fault.SLOW_CALL: 0.15,
    Fault.THROTTLED: 0.2,
    Fault.STATEMENT_THROTTLED: 0.1,
    Fault.REQUEST_LOST: 0.15,
    Fault.ANSWER_LOST: 0.3,
    Fault.LANDED_LATE: 0.2,
    Fault.CLIENT_GAVE_UP: 0.3,
    Fault.BODY_BROKEN: 0.15,
    Fault.PUT_CONFLICT: 0.3,
    Fault.READ_CANCELLED: 0.3,
    Fault.KEY_UNPROCESSED: 0.3,
    Fault.ENVIRONMENT_LOST: 0.3,
    Fault.BATCH_CUT: 0.8,
    Fault.BATCH_REGROWN: 0.5,
    Fault.INVOKE_THROTTLED: 0.2,
    Fault.OUTCOME_UNSEEN: 0.3,
    Fault.STALE_POLLER: 0.4,
    Fault.CHECKPOINT_BACK: 0.3,
}
_DISTURBANCES: Final = (
    Fault.SHARD_SPLIT,
    Fault.SHARD_SPLIT,
    Fault.STREAM_RECREATED,
    Fault.MAPPING_RECREATED,
    Fault.FACTOR_CHANGED,
    Fault.OUTAGE,
    Fault.FUNCTION_BROKEN,
    Fault.REPAIRED,
)
_TOTALS_LOST: Final = 0.06
"""How often the totals table is lost."""
_DAY_DENIED: Final = 0.08
"""How often the object of one day is denied to the publisher."""
_OTHER_FORMS: Final = 0.3
"""How often some files of a chapter are gzip'd or empty."""
_REPEATING: Final = 0.4
"""How often a fleet uploads the same content again."""
_LIMITED: Final = 0.4
"""How often there are limits, and alerts about them."""
_LITTLE_TIME: Final = 0.2
"""How often there are invocations of the publisher that begin with little time."""
_STREAM_HOPS: Final = ("aggregator", "publisher")


def make_plan(seed: int, *, goes_on: float = 0.1) -> Plan:
    """Make the plan of a seed: mostly small, now and then larger, now and then with days between its chapters.

    Args:
        seed: of all its chances.
        goes_on: how often it has more than one chapter.
    """
    random = Random(seed)
    large = random.random() < 0.03
    start = _start(random)
    instances = _instances(random, random.randint(5, 12) if large else random.choice((1, 1, 2, 2, 3, 4)))
    chapters = [_chapter(random, start, instances, random.randint(30, 60) if large else random.randint(2, 14))]
    for label, chance, fault in (
        ("totals", _TOTALS_LOST, Fault.TOTALS_LOST),
        ("denials", _DAY_DENIED, Fault.DAY_DENIED),
    ):
        chapters[0] = _with_disturbance(seed, chapters[0], label, chance, fault)
    chapters[0] = _with_repeats(seed, chapters[0])
    kept = Kept()
    if random.random() < goes_on:
        kept = choose_kept(random)
        for later in choose_later(random, kept):
            chapters.append(_later_chapter(random, start, chapters[0], instances, later))
    return Plan(
        seed=seed,
        start=start,
        chapters=tuple(_in_other_forms(seed, chapter) for chapter in chapters),
        rates=_with_little_time(seed, _rates(random)),
        latency_spread=random.choice((0.5, 2.0, 3.3)),
        partitions=random.choice((1, 1, 2, 3)),
        factor=random.choice((1, 1, 1, 2, 4)),
        page_size=random.choice((1, 2, 100)),
        kept=kept,
        repaired=random.random() < 0.15,
        layouts=_layouts(random),
        versioned=random.random() < 0.5,
        limits=_limits(seed),
    )


def _limits(seed: int) -> tuple[Limit, ...]:
    """Choose limits of totals, now and then; by chances of its own, so that all other plans are as they were."""
    random = Random(f"limits of {seed}")
    if random.random() >= _LIMITED:
        return ()
    names = random.sample(COUNTERS, random.randint(1, len(COUNTERS)))
    limits = [
        Limit(name, random.randint(-3, 12) * SCALE, direction)
        for name in names
        for direction in Direction
        if random.random() < 0.8
    ]
    return tuple(limits)


def _with_disturbance(seed: int, chapter: Chapter, label: str, chance: float, fault: Fault) -> Chapter:
    """Now and then let a fault strike; by chances of its own, so that all other plans are as they were."""
    random = Random(f"{label} of {seed}")
    if random.random() >= chance:
        return chapter
    span = max((step.after for step in chapter.steps), default=0.0) + MINUTE
    struck = Disturbance(random.random() * span, fault, "publisher", random.random())
    return replace(chapter, disturbances=(*chapter.disturbances, struck))


def _in_other_forms(seed: int, chapter: Chapter) -> Chapter:
    """Now and then change the form of files; by chances of its own too."""
    random = Random(f"forms of {seed}")
    if random.random() >= _OTHER_FORMS:
        return chapter
    often = random.random()
    steps = [
        replace(step, file=in_another_form(random, step.file)) if step.file and random.random() < often else step
        for step in chapter.steps
    ]
    return replace(chapter, steps=tuple(steps))


def _with_repeats(seed: int, chapter: Chapter) -> Chapter:
    """Let a part of the fleets upload again and again what they have uploaded; by chances of its own too."""
    random = Random(f"repeats of {seed}")
    if random.random() >= _REPEATING:
        return chapter
    often, late = random.random(), random.choice((0.05, 2.0, MINUTE, HOUR))
    repeats = [
        replace(step, after=step.after + late * random.random(), file=step.file and respelled(random, step.file))
        for step in chapter.steps
        for _ in range(3)
        if random.random() < often
    ]
    steps = sorted([*chapter.steps, *repeats], key=lambda step: step.after)
    return replace(chapter, steps=tuple(steps))


def _with_little_time(seed: int, rates: dict[Fault, float]) -> dict[Fault, float]:
    """Now and then let invocations of the publisher begin with little time; by chances of its own too."""
    random = Random(f"time of {seed}")
    return {**rates, Fault.SHORT_OF_TIME: random.random()} if random.random() < _LITTLE_TIME else rates


def _layouts(random: Random) -> tuple[Layout, ...]:
    """Choose how days are spread; now and then the operator changes it, and processors of both kinds run on."""
    if random.random() < 0.6:
        return (Layout(),)
    known = (Layout(), Layout(3, 1), Layout(5, 1), Layout(1, 2), Layout(3, 2))
    return tuple(random.choice(known) for _ in range(random.choice((1, 2))))


def _rates(random: Random) -> dict[Fault, float]:
    """Choose which faults strike and how often; now and then all of them, as often as can be."""
    if random.random() < 0.05:
        return dict(_HIGHEST_RATES)
    return {
        fault: highest * 10 ** -(1.5 * random.random())
        for fault, highest in _HIGHEST_RATES.items()
        if random.random() < 0.7
    }


def _start(random: Random) -> datetime:
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    if random.random() < 0.4:
        return midnight - timedelta(seconds=random.random() * 300)
    return midnight + timedelta(seconds=random.random() * DAY)


def _instances(random: Random, count: int) -> list[tuple[str, float]]:
    """Return names, each with how far its clock is off in seconds."""
    off = (0.0, 0.0, 2.0, -2.0, HOUR, -8 * HOUR)
    return [(f"i-{number}", random.choice(off)) for number in range(count)]


def _chapter(random: Random, start: datetime, instances: list[tuple[str, float]], count: int) -> Chapter:
    pace = random.choice((0.02, 1.0, 30.0, HOUR, 6 * HOUR))
    bad = random.choice((0.0, 0.1, 0.3))
    deleted = random.choice((0.0, 0.1, 0.3))
    steps: list[Step] = []
    past: list[File] = []
    now = 0.0
    for _ in range(count):
        now += pace * random.random() * 2
        name, off = random.choice(instances)
        moment = start + timedelta(seconds=now + off)
        file = _file(random, bad, deleted, past)
        past += [file] if file else []
        steps.append(_step(random, now, moment.date(), name, file=file, bad=bad))
    return Chapter(0.0, tuple(steps), _disturbances(random, now + MINUTE), random.choice((0, 0, 0, 1, 3)))


def _file(random: Random, bad: float, deleted: float, past: Sequence[File]) -> File | None:
    chance = random.random()
    if chance < deleted:
        return None
    if chance < deleted + bad:
        return bad_file(random)
    return random.choice(past) if past and random.random() < 0.25 else good_file(random)


def _step(random: Random, now: float, day: date, name: str, *, file: File | None, bad: float) -> Step:
    if random.random() < bad / 4:
        key, reason = random.choice(
            (
                (f"{day + timedelta(days=400)}/values_{name}", "ahead"),
                (f"{day - timedelta(days=500)}/values_{name}", "before"),
                (f"2026-02-30/values_{name}", "not a date"),
                (f"{day}/values_{name} {name}", "instance id"),
            )
        )
        return Step(now, PREFIX + key, file, reason)
    if random.random() < bad / 6:
        return Step(now, f"{PREFIX}{day}/notes of {name}.txt", file, foreign=True)
    return Step(now, f"{PREFIX}{day}/values_{name}", file)


def _disturbances(random: Random, span: float) -> tuple[Disturbance, ...]:
    made = []
    for _ in range(random.choice((0, 1, 1, 2, 3, 5))):
        fault = random.choice(_DISTURBANCES)
        hop = random.choice(_STREAM_HOPS)
        amount = random.random()
        if fault is Fault.OUTAGE:
            hop = random.choice((*_STREAM_HOPS, "processor"))
            amount = random.choice((HOUR, 30 * HOUR)) * (1 - amount / 10)
        elif fault is Fault.FUNCTION_BROKEN:
            hop = random.choice((*_STREAM_HOPS, "processor"))
            amount *= random.choice((5 * MINUTE, 3 * HOUR, 12 * HOUR))
        made.append(Disturbance(random.random() * span, fault, hop, amount))
    return tuple(made)


def _later_chapter(
    random: Random, start: datetime, first: Chapter, instances: list[tuple[str, float]], later: Later
) -> Chapter:
    """Go on later: new days, and uploads and deletions of days that are near or past their end."""
    fresh = _chapter(random, start + timedelta(days=later.pause), instances, 4)
    old = [
        Step(random.random() * later.span, step.key, _file(random, 0.1, 0.2, ()), step.key_reason, step.foreign)
        for step in random.choices(first.steps, k=4)
    ]
    steps = sorted([*fresh.steps, *old], key=lambda step: step.after)
    return Chapter(float(later.pause), tuple(steps), fresh.disturbances, later=later)
