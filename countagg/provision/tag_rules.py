"""What an operator's tags may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from countagg.core.errors import UsageError
from countagg.core.names import OWNER_TAG

MAX_TAGS: Final = 49
"""AWS allows 50 on a resource; one is ours."""

_TAG: Final = re.compile(r"[\w\s.:/=+@-]*")


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that a service does not take.

    Raises:
        UsageError: the tag is named, or they are too many.
    """
    # The limits that all services share; most allow more characters.
    for key, value in tags.items():
        fits = 0 < len(key) <= 128 and len(value) <= 256 and _TAG.fullmatch(key) and _TAG.fullmatch(value)  # noqa: PLR2004
        if not fits or key.lower().startswith("aws:") or key == OWNER_TAG:
            raise UsageError(
                f"{key!r} = {value!r} cannot be a tag",
                where="--tag",
                hint=f"use letters, digits, spaces and _.:/=+-@; keys of aws: and {OWNER_TAG} are taken",
            )
    if len(tags) > MAX_TAGS:
        raise UsageError(
            f"{len(tags)} tags are too many", where="--tag", hint=f"AWS takes {MAX_TAGS} besides ours"
        )
