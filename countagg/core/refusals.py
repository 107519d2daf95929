"""Refusals: what the pipeline puts into the dead letter queue for a file that its rules refuse."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

KIND = "refused-file"


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
        return json.dumps({"schema": 1, "kind": KIND, "hop": "processor", **asdict(self)})
