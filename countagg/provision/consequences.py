"""What a change of settings means for the data of a deployed stack, as far as the changed fields do not say it."""

from __future__ import annotations

from collections.abc import Mapping

from countagg.provision.choices import Remembered
from countagg.provision.settings import StackSettings


def consequences(before: Remembered, after: StackSettings) -> Mapping[str, str]:
    """Return what to expect of a change.

    Args:
        before: what the deployed stack remembers.
        after: the settings that it is given.

    Returns:
        Id of the resource by whose change it comes about -> a sentence without its end.
    """
    found = {}
    if before.prefix and before.prefix != after.prefix:
        found["notification/uploads"] = (
            f"files below {before.prefix} go on counting for their days as they are, whatever happens to them, "
            f"until the instance uploads below {after.prefix}, or `countagg repair` withdraws it"
        )
    if before.output_prefix and before.output_prefix != after.output_prefix:
        found["function/publisher"] = (
            f"what is published below {before.output_prefix} stays as it is now; days that change from now on are "
            f"published below {after.output_prefix}"
        )
    return found
