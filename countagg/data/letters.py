"""Messages that the functions put into the dead letter queue: about files that are refused, and days given up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass

REFUSED_FILE: Final = "refused-file"
UNPUBLISHED_DAY: Final = "unpublished-day"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused file.

    Attributes:
        bucket: where the file is.
        key: the object's key.
        sequencer: normalised, of the event under which it was read.
        reason: which rule it breaks.
        line: line number counted from 1; None when the rule is about the whole file or its key.
        etag: of the object that was read; empty when it was refused by its key alone, or could not be read.
        request_id: of the invocation that refused it.
        refused_at: UTC, ISO 8601.
        before: what stands in its place; None when it was refused by its key alone, so that nothing does.
    """

    bucket: str
    key: str
    sequencer: str
    reason: str
    line: int | None
    etag: str
    request_id: str
    refused_at: str
    before: str | None = None

    def to_message(self) -> str:
        """Return the body of the queue message."""
        return json.dumps({"schema": 1, "kind": REFUSED_FILE, "hop": "processor", **asdict(self)})


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
        return json.dumps({"schema": 1, "kind": UNPUBLISHED_DAY, "hop": "publisher", **asdict(self)})


def parse_letter(content: Mapping[str, Any]) -> Refusal | UnpublishedDay | None:
    """Read a message, already decoded from JSON; None if it is another one. Its values may be of any type."""
    for kind, letter in ((REFUSED_FILE, Refusal), (UNPUBLISHED_DAY, UnpublishedDay)):
        if content.get("kind") == kind:
            return letter(**{each.name: content[each.name] for each in fields(letter) if each.name in content})
    return None
