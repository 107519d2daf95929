"""Days given up: what the publisher puts into the dead letter queue for a day that it cannot publish."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

KIND: Final = "unpublished-day"


@dataclass(frozen=True, slots=True)
class UnpublishedDay:
    """A day whose outputs are behind its totals.

    Attributes:
        day: YYYY-MM-DD.
        reason: why it could not be published.
        request_id: of the invocation that gave it up.
        given_up_at: UTC, ISO 8601.
    """

    day: str
    reason: str
    request_id: str
    given_up_at: str

    def to_message(self) -> str:
        """Return the body of the queue message."""
        return json.dumps({"schema": 1, "kind": KIND, "hop": "publisher", **asdict(self)})
