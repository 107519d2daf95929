"""Runs the fuzzer: `make fuzz SECONDS=60`, or `python -m tools.fuzz --seconds 60 [--target NAME] [--seed N]`.

All targets share the time. Prints how many inputs each met; one that fails is made small, printed and saved, and
the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from tools.fuzz.runner import fuzz, named
from tools.fuzz.targets import TARGETS


def main(arguments: list[str]) -> int:
    """Run the fuzzer.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz", description="Feed hostile inputs to every parser."
    )
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--target", action="append", default=[], choices=[each.name for each in TARGETS])
    parser.add_argument("--seed", type=int, default=None, help="a random one if left out")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"), help="folder for inputs that fail")
    chosen = parser.parse_args(arguments)
    first_seed = random.SystemRandom().randrange(2**32) if chosen.seed is None else chosen.seed
    targets = named(TARGETS, chosen.target)
    sys.stderr.write(f"{len(targets)} targets, {chosen.seconds:g} s, seed {first_seed}\n")
    total, failed = 0, False
    for target in targets:
        result = fuzz(target, chosen.seconds / len(targets), first_seed, time.monotonic)
        total += result.executions
        sys.stdout.write(f"{target.name:<18} {result.executions:>9,}  {'FAILED' if result.failure else 'ok'}\n")
        sys.stdout.flush()
        if result.failure is not None:
            failed = True
            path = result.failure.save(chosen.save)
            sys.stdout.write(f"  {result.failure.error!r}\n  smallest input: {result.failure.minimal!a}\n")
            sys.stdout.write(f"  saved as {path}\n")
    sys.stdout.write(f"{'all':<18} {total:>9,}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
