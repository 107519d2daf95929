"""Runs the simulation: `make simulate`, or `python -m tools.simulation --seeds N [--start S] [--jobs J]`.

Prints how many runs there were, what they met, and how many were wrong; the exit code is 1 if any was. A wrong
seed is made small and told line by line; `--seed S --trace` tells of any one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from tools.simulation.faults import Fault
from tools.simulation.minimise import minimise
from tools.simulation.mutants import MUTANTS, mutated
from tools.simulation.naive import NAIVE
from tools.simulation.plans import Plan, make_plan
from tools.simulation.rules import REAL, Rules
from tools.simulation.run import run

_SEEDS_A_TASK = 100


@dataclass(slots=True)
class Tally:
    """What many runs came to.

    Attributes:
        runs: how many.
        wrong: the seeds that were wrong, each with its first sentence.
        faults: how often each fault struck.
        metrics: what the handlers counted.
    """

    runs: int = 0
    wrong: dict[int, str] = field(default_factory=dict)
    faults: Counter[Fault] = field(default_factory=Counter)
    metrics: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.runs += other.runs
        self.wrong |= other.wrong
        self.faults += other.faults
        self.metrics += other.metrics


def simulate(seeds: range, rules: str) -> Tally:
    """Run seeds one after the other."""
    tally, chosen = Tally(), rules_named(rules)
    for seed in seeds:
        try:
            result = run(make_plan(seed), chosen)
        except Exception as error:
            error.add_note(f"in the run of seed {seed}")
            raise
        tally.runs += 1
        tally.faults += result.faults
        tally.metrics += result.metrics
        if result.wrong:
            tally.wrong[seed] = result.wrong[0]
    return tally


def rules_named(name: str) -> Rules:
    """Return the real rules, naive ones or a mutant."""
    if name == "real":
        return REAL
    return NAIVE[name] if name in NAIVE else mutated(next(each for each in MUTANTS if each.name == name))


def simulate_in_parallel(seeds: range, rules: str, jobs: int) -> Tally:
    """Run seeds on several cores; tell on stderr how far they are."""
    tally = Tally()
    tasks = [seeds[start : start + _SEEDS_A_TASK] for start in range(0, len(seeds), _SEEDS_A_TASK)]
    with multiprocessing.Pool(jobs) as pool:
        for part in pool.imap_unordered(partial(simulate, rules=rules), tasks):
            tally.add(part)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{tally.runs:,} of {len(seeds):,} runs, {len(tally.wrong)} wrong ")
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    return tally


def report(tally: Tally, seconds: float) -> str:
    """Return the figures for people."""
    lines = [f"{count:>13,}  {fault}" for fault, count in tally.faults.most_common()]
    lines += [f"{count:>13,}  {name} (counted by the functions)" for name, count in tally.metrics.most_common()]
    lines += [
        f"{count:>13,}  {what}" for what, count in (("faults in all", tally.faults.total()), ("runs", tally.runs))
    ]
    lines += [f"{seconds:>13,.0f}  seconds", f"{len(tally.wrong):>13,}  wrong"]
    return "\n".join(lines)


def tell(plan: Plan, rules: Rules) -> str:
    """Return the account of one run."""
    result = run(plan, rules, traced=True)
    return "\n".join([*result.trace, *(f"WRONG: {sentence}" for sentence in result.wrong)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.simulation", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="how many seeds to run")
    parser.add_argument("--start", type=int, default=0, metavar="S", help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="how many at a time")
    parser.add_argument(
        "--seed", type=int, metavar="S", help="run this one alone, and make it small if it is wrong"
    )
    parser.add_argument("--trace", action="store_true", help="tell of the whole run of --seed, as it is")
    parser.add_argument(
        "--rules",
        choices=["real", *NAIVE, *(mutant.name for mutant in MUTANTS)],
        default="real",
        help="run naive rules or a mutant in place of the real functions",
    )
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _one(options.seed, options.rules, as_it_is=options.trace)
    begin = time.monotonic()
    seeds = range(options.start, options.start + options.seeds)
    tally = simulate_in_parallel(seeds, options.rules, options.jobs)
    _say(report(tally, time.monotonic() - begin))
    for seed, sentence in sorted(tally.wrong.items())[:10]:
        _say(f"seed {seed}: {sentence}")
    if tally.wrong:
        _one(min(tally.wrong), options.rules, as_it_is=False)
    return 1 if tally.wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _one(seed: int, rules: str, *, as_it_is: bool) -> int:
    chosen, plan = rules_named(rules), make_plan(seed)
    wrong = run(plan, chosen).wrong
    if wrong and not as_it_is:
        plan = minimise(plan, chosen)
        _say(f"seed {seed}, made small:")
    if wrong or as_it_is:
        _say(tell(plan, chosen))
    _say(f"seed {seed}: {'wrong' if wrong else 'right'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
