"""The bound of a day: how many different counters all of its files may name together."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from countagg.core.errors import InvalidCounterFile


def check_day_bound(
    day: str, named: Mapping[str, int], before: Collection[str], counters: Collection[str], most: int
) -> frozenset[str]:
    """Require that a file leaves its day within the bound.

    Args:
        day: YYYY-MM-DD.
        named: the counters of the day so far, each with how many instances name it.
        before: those that the instance's snapshot names.
        counters: those that its file names. Without any that is new, the file takes no day beyond.
        most: different counters that a day may have.

    Returns:
        The counters that the day has with the file.

    Raises:
        InvalidCounterFile: they are too many.
    """
    left = {name for name in set(before).difference(counters) if named.get(name) == 1}
    after = frozenset((named.keys() - left).union(counters))
    if len(after) > most and set(counters).difference(before):
        raise InvalidCounterFile(
            f"{day} would have {len(after)} different counters with this file, and at most {most} are taken; "
            "raise it with `setup --max-counters`"
        )
    return after
