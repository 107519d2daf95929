"""Keeps account of a load: which files were sent, which a snapshot has, and which the totals include."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from countagg.core.lazy_dataclass import dataclass
from countagg.operate.load.figures import Sample

if TYPE_CHECKING:
    from countagg.aws.pipeline import SnapshotHead


@dataclass(slots=True)
class _Sent:
    """A file on its way: its ETag, when its upload began, and whether a snapshot has had it."""

    etag: str
    began: float
    applied: bool = False


@dataclass
class Tracker:
    """Accounts for a load; uploads are told by many threads.

    A file that a newer one of its instance overtook counts as included when the newer one is: from then on the
    totals are at least as new as it.

    Args:
        before: normalised sequencers of the snapshots that stood before the load, by instance.

    Attributes:
        latencies: seconds from the beginning of each upload to its inclusion.
        overtaken: files that were never the latest of what the totals include.
    """

    before: Mapping[str, str]
    latencies: list[float] = field(default_factory=list)
    overtaken: int = 0
    _sent: int = 0
    _applied: int = 0
    _waiting: dict[str, list[_Sent]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def sent(self) -> int:
        """Files whose upload ended."""
        return self._sent

    @property
    def included(self) -> int:
        """Files that the totals include or included."""
        return len(self.latencies)

    def missing(self) -> dict[str, int]:
        """Return how many files of which instances are not included."""
        with self._lock:
            return {instance: len(files) for instance, files in sorted(self._waiting.items()) if files}

    def tell_sent(self, instance: str, etag: str, began: float) -> None:
        """Take note of an upload that ended."""
        with self._lock:
            self._sent += 1
            self._waiting.setdefault(instance, []).append(_Sent(etag, began))

    def look(self, at: float, heads: Iterable[SnapshotHead], seen: Mapping[str, str], queued: int) -> Sample:
        """Compare with the snapshots, and with the ledger that was read after them.

        Args:
            at: the moment, on the clock of the uploads.
            heads: of the day's snapshots.
            seen: what the ledger includes: instance -> normalised sequencer.
            queued: messages in the uploads queue.

        Returns:
            How far everything is.
        """
        with self._lock:
            for head in heads:
                waiting = self._waiting.get(head.instance)
                if waiting and head.sequencer > self.before.get(head.instance, ""):
                    included = head.content_sequencer <= seen.get(head.instance, "")
                    self._account(waiting, head.etag, at, included=included)
            return Sample(at, self._sent, self._applied, len(self.latencies), queued)

    def _account(self, waiting: list[_Sent], etag: str, at: float, *, included: bool) -> None:
        positions = [number for number, file in enumerate(waiting) if file.etag == etag]
        if not positions:
            return
        reached = positions[-1] + 1
        for file in waiting[:reached]:
            self._applied += not file.applied
            file.applied = True
        if included:
            self.latencies.extend(at - file.began for file in waiting[:reached])
            self.overtaken += reached - 1
            del waiting[:reached]
