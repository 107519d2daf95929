"""One run: a plan happens, is judged, is healed as an operator or the fleet would heal it, and is judged again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tools.simulation.faults import Fault, Strike
from tools.simulation.healing import heal
from tools.simulation.judge import Judge
from tools.simulation.plans import Plan
from tools.simulation.rules import REAL, Rules
from tools.simulation.timeline import Runaway
from tools.simulation.truth import Truth
from tools.simulation.world import World


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    Attributes:
        wrong: a sentence for everything that was wrong.
        faults: how often each fault struck.
        struck: the faults that struck by chance, for a script that repeats the run.
        metrics: what the handlers counted.
        trace: the account, if one was wanted.
    """

    wrong: tuple[str, ...]
    faults: Counter[Fault]
    struck: tuple[Strike, ...]
    metrics: Counter[str]
    trace: tuple[str, ...]


def run(plan: Plan, rules: Rules = REAL, *, traced: bool = False) -> Result:
    """Run a plan.

    Without ledgers there is nothing that an operator could verify or repair by.
    """
    if not rules.keeps_ledger:
        plan = plan.without_operator()
    world, truth = World(plan, rules, traced=traced), Truth()
    judge = Judge(world, truth, keeps_ledger=rules.keeps_ledger)
    world.performed = truth.tell
    try:
        for number in range(len(plan.chapters)):
            world.run_chapter(number)
            judge.judge(healed=False)
            heal(world, judge)
            judge.judge(healed=True)
    except Runaway as endless:
        judge.wrong.append(f"no end to it: {endless}")
    return Result(
        tuple(judge.wrong),
        world.faults.injected,
        tuple(world.faults.struck),
        world.metrics.counted,
        tuple(world.trace.lines),
    )
