"""Makes a failing plan small: fewer uploads, fewer faults, the simplest services, as long as it stays wrong.

The faults that struck by chance become a script first, so that leaving one out leaves the others where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from tools.simulation.plans import Chapter, Plan
from tools.simulation.rules import REAL, Rules
from tools.simulation.run import run

T = TypeVar("T")

IsWrong = Callable[[Plan], bool]


def minimise(plan: Plan, rules: Rules = REAL) -> Plan:
    """Return a small plan that is wrong as well.

    Raises:
        ValueError: the plan is not wrong.
    """
    first = run(plan, rules)
    if not first.wrong:
        raise ValueError(f"seed {plan.seed} is not wrong")

    def is_wrong(candidate: Plan) -> bool:
        return bool(run(candidate, rules).wrong)

    small = replace(plan, script=frozenset(first.struck))
    while (smaller := _pass(small, is_wrong)) != small:
        small = smaller
    return small


def _pass(plan: Plan, is_wrong: IsWrong) -> Plan:
    for candidate in _simpler(plan):
        if is_wrong(candidate):
            plan = candidate
            break
    for number in range(len(plan.chapters)):
        plan = _with_fewer_steps(plan, number, is_wrong)
    script = fewest(sorted(plan.script or ()), lambda few: is_wrong(replace(plan, script=frozenset(few))))
    return replace(plan, script=frozenset(script))


def _simpler(plan: Plan) -> Iterator[Plan]:
    """Yield plans with one thing simplified."""
    if len(plan.chapters) > 1:
        yield replace(plan, chapters=plan.chapters[:1])
    simplest = {"partitions": 1, "factor": 1, "page_size": 100, "latency_spread": 0.5}
    for name, value in simplest.items():
        if getattr(plan, name) != value:
            yield replace(plan, **{name: value})  # type: ignore[arg-type]  # each name is given its own type


def _with_fewer_steps(plan: Plan, number: int, is_wrong: IsWrong) -> Plan:
    def with_chapter(chapter: Chapter) -> Plan:
        chapters = list(plan.chapters)
        chapters[number] = chapter
        return replace(plan, chapters=tuple(chapters))

    chapter = replace(plan.chapters[number], strangers=0)
    if not is_wrong(with_chapter(chapter)):
        chapter = plan.chapters[number]
    disturbances = fewest(
        chapter.disturbances, lambda few: is_wrong(with_chapter(replace(chapter, disturbances=tuple(few))))
    )
    chapter = replace(chapter, disturbances=tuple(disturbances))
    steps = fewest(chapter.steps, lambda few: is_wrong(with_chapter(replace(chapter, steps=tuple(few)))))
    return with_chapter(replace(chapter, steps=tuple(steps)))


def fewest(items: Sequence[T], still: Callable[[Sequence[T]], bool]) -> list[T]:
    """Leave out as many items as can be while something still holds: large parts first, then single ones."""
    kept, size = list(items), len(items)
    while size:
        start = 0
        while start < len(kept):
            fewer = kept[:start] + kept[start + size :]
            if still(fewer):
                kept = fewer
            else:
                start += size
        size //= 2
    return kept
