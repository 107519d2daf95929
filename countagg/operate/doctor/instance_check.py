"""Whether instances of a day look like copies of others: a judgement of `doctor`. No calls are made here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from countagg.core.errors import CorruptDocument
from countagg.data.ledgers import StoredDay
from countagg.operate.doctor.checks import Check, listed, passed, problem

NAME: Final = "instances"
_FIX: Final = (
    "if they are copies or files half written, delete them; upload under the final name at once, "
    "as a PUT to S3 counts wholly or not at all"
)
_NAMED: Final = 5

_TELLTALE: Final = re.compile(
    r"(?:tmp|temp|part|partial|crdownload|swp|bak|backup|old|orig|save|copy|gz|bz2|xz|zst|zip|txt)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[0-9]{1,4}")


def judge_instances(days: Mapping[str, StoredDay]) -> Check:
    """Check that no instance of some days looks like a copy of another.

    Args:
        days: as stored, by day.
    """
    look_alikes_of = {day: list(look_alikes(_instances(stored))) for day, stored in days.items()}
    if not any(look_alikes_of.values()):
        return passed(
            NAME, f"none of {sum(len(_instances(stored)) for stored in days.values()):,} looks like a copy"
        )
    told = "; ".join(f"{day}: {listed(names, _NAMED)}" for day, names in look_alikes_of.items() if names)
    return problem(NAME, f"each counts as an instance of its own: {told}", _FIX)


def _instances(stored: StoredDay) -> set[str]:
    """Return the instances that the ledgers include; none if one cannot be read, which `verify` tells."""
    try:
        return set[str]().union(*(ledger.seen for ledger in stored.decode_parts()))
    except CorruptDocument:
        return set()


def look_alikes(instances: Iterable[str]) -> Iterator[str]:
    """Yield those that end like a copy, a compressed file or one half written.

    A number at the end, as of a rotated file, tells something only beside the instance without it: ids may be
    addresses, or numbered.
    """
    known = set(instances)
    for instance in sorted(known):
        base, _, ending = instance.rpartition(".")
        if (base and _TELLTALE.fullmatch(ending)) or (base in known and _NUMBER.fullmatch(ending)):
            yield instance
