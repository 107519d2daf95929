"""Healing: what is promised to bring back whatever faults left behind, once the faults are over.

The fleet heals: an instance whose last change was lost in its stream changes once more, and so does one of a day
whose last version was lost before the publisher. Or an operator heals: `repair`, and nobody uploads anything.
Events in the dead letters are fed in again in either case, and days that were given up are published.
"""

from __future__ import annotations

from random import Random

from tools.simulation.files import changed_file
from tools.simulation.judge import Judge
from tools.simulation.plans import PREFIX, Step
from tools.simulation.world import World


def heal(world: World, judge: Judge) -> None:
    """Let the fleet heal, or an operator, as the plan says."""
    world.trace.tell("healing", "begins")
    world.mend()
    if world.plan.repaired:
        _by_operator(world, judge)
    for letter in world.dead_letters.take_exhausted():
        world.queue.send(letter.body, letter.key)
    for day in sorted(world.dead_letters.take_unpublished()):
        world.operator.publish(day)
    world.timeline.run()
    if not world.plan.repaired:
        _by_fleet(world, judge)


def _by_fleet(world: World, judge: Judge) -> None:
    # Each time something else: who uploads the same again changes nothing.
    random = Random(f"{world.plan.seed} {world.timeline.now}")
    for day in world.stored.days():
        for instance in judge.lagging(day):
            world.perform(Step(0.0, f"{PREFIX}{day}/values_{instance}", changed_file(random)))
    world.timeline.run()
    for day in world.stored.days():
        if judge.unpublished(day):
            instance = world.stored.instances(day)[0]
            world.perform(Step(0.0, f"{PREFIX}{day}/values_{instance}", changed_file(random)))
    world.timeline.run()


def _by_operator(world: World, judge: Judge) -> None:
    """Verify every day, repair it, and verify it again: both must say what the judge says."""
    days = [day for day in world.stored.days() if judge.is_open(day)]
    for day in days:
        world.operator.verify(day)
    world.timeline.run()
    for day in days:
        judge.judge_verification(day)
        world.operator.repair(day)
    world.timeline.run()
    for day in days:
        # Midnight may have passed: then its files were refused meanwhile.
        if judge.is_open(day):
            judge.judge_repair(day)
