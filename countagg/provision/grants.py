"""Whether a function can still decrypt its environment.

Lambda encrypts it by a grant of KMS to the unique id of the function's role. A role that was deleted and made
again under the same name has another id: the function cannot start any more, "KMS access was denied", until its
grant is renewed (docs/aws-facts.md#surprises). So a function remembers the id that its grant was made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from countagg.core.lazy_dataclass import dataclass

ROLE_VARIABLE: Final = "COUNTAGG_ROLE_ID"
"""Variable of a function's environment in which it remembers the id."""


@dataclass(frozen=True, slots=True)
class RoleIdentity:
    """Which role it is, of all that ever had its name.

    Attributes:
        id: the unique id that IAM gave it.
        created: ISO 8601, with its zone.
    """

    id: str
    created: str


def is_grant_lost(environment: Mapping[str, str], modified: str, role: RoleIdentity) -> bool:
    """Tell whether a function's grant was made for another role than the one that has its role's name now.

    Args:
        environment: of the function. One that was set up before functions remembered remembers nothing; then the
            role must be older than the function's last change.
        modified: when the function was last changed, ISO 8601 with its zone; empty if it is not told.
        role: that has the name now.
    """
    remembered = environment.get(ROLE_VARIABLE)
    if remembered is not None:
        return remembered != role.id
    if not modified or not role.created:
        return False
    return datetime.fromisoformat(modified) < datetime.fromisoformat(role.created)
