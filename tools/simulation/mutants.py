"""Mutants: the functions with one line changed, imported beside the real ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from tools.simulation.rules import Rules

_RULES = "tools.simulation.rules"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one place in one module.

    Attributes:
        name: what it does wrong.
        module: below `countagg`.
        old: the text that is there, once.
        new: the text that stands there instead.
        goes_on: seed of the first plan that goes on later to look for it with; None for plans of every kind.
        seed: of a plan that it died by, tried first; None if the plans that are made for mutants find it.
    """

    name: str
    module: str
    old: str
    new: str
    goes_on: int | None = None
    seed: int | None = None

    def __str__(self) -> str:
        return self.name


class _Loader(SourceFileLoader):
    """Loads a module with the change in it, past any cache of compiled code."""

    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> Any:
        """Compile the changed source."""
        source = self.get_data(self.path).decode()
        found = source.count(self._mutant.old)
        if found != 1:
            raise AssertionError(f"{self._mutant.old!r} is {found} times in {fullname}")
        return self.source_to_code(source.replace(self._mutant.old, self._mutant.new), self.path)


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the mutated module; leave all others to Python."""
        if fullname != f"countagg.{self._mutant.module}":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._mutant)
        return spec


def mutated(mutant: Mutant) -> Rules:
    """Return the rules that run on the mutated functions. The real ones stay as they are."""
    with _imported_anew():
        finder = _Finder(mutant)
        sys.meta_path.insert(0, finder)
        try:
            made: Rules = import_module(_RULES).REAL
        finally:
            sys.meta_path.remove(finder)
    return made


@contextmanager
def _imported_anew() -> Iterator[None]:
    """Forget the functions and what they import of ours; afterwards put back what there was."""

    def ours() -> dict[str, ModuleType]:
        return {
            name: module
            for name, module in sys.modules.items()
            if name == _RULES or name.split(".")[0] == "countagg"
        }

    before, package = ours(), sys.modules["tools.simulation"]
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in ours():
            del sys.modules[name]
        sys.modules.update(before)
        package.rules = before[_RULES]  # type: ignore[attr-defined]  # a module is an attribute of its package


MUTANTS = (
    Mutant(
        "gap check skipped",
        "core.ledger",
        "        if included != (None if link.old is None else link.old.sequencer):",
        "        if False:",
        seed=254,
    ),
    Mutant(
        "< for <= in the test for what is included",
        "core.ledger",
        "link.new.sequencer <= included",
        "link.new.sequencer < included",
    ),
    Mutant(
        "seen not updated for the same content",
        "core.ledger",
        "        ledger.seen[link.instance] = link.new.sequencer\n        added",
        "        if link.old is None or link.old.packed != link.new.packed:\n"
        "            ledger.seen[link.instance] = link.new.sequencer\n        added",
    ),
    Mutant(
        "seen goes back on a skip",
        "core.ledger",
        "            continue\n",
        "            ledger.seen[link.instance] = link.new.sequencer\n            continue\n",
    ),
    Mutant(
        "eventually consistent rebuild",
        "data.calls",
        'if index else {"ConsistentRead": consistent}\n',
        'if index else {"ConsistentRead": False}\n',
    ),
    Mutant(
        "ledger stored without compare-and-set",
        "data.attributes",
        'f"#{name} = :{name}"',
        'f"#{name} >= :{name}"',
        seed=580,
    ),
    Mutant(
        "<= for < in the snapshot's condition",
        "data.snapshots",
        "{SEQUENCER} < :sequencer",
        "{SEQUENCER} <= :sequencer",
        seed=46,
    ),
    Mutant(
        "counters that differ taken for a repeat",
        "data.snapshots",
        "    return versions.pop() if same else None\n",
        "    return versions.pop()\n",
        seed=1,
    ),
    Mutant(
        "a repeat not written",
        "data.snapshots",
        "        if new.unchanged_since is not None:\n",
        "        if new.unchanged_since is not None:\n            return True\n",
        seed=2,
    ),
    Mutant(
        "a repeat written whatever came in between",
        "data.snapshots",
        "[unchanged(item, SEQUENCER) for item in new.found]",
        "list(map(_unless_newer, _items(new.parts, expires_at)))",
    ),
    Mutant(
        "a repeat moves the version of the content on",
        "data.snapshots",
        "CONTENT_SEQUENCER.put(snapshot.content_sequencer)",
        "CONTENT_SEQUENCER.put(snapshot.sequencer)",
        seed=0,
    ),
    Mutant(
        "a ledger goes by the order of uploads",
        "data.snapshots",
        "    return content if is_normalised(content) and content <= sequencer else sequencer\n",
        "    return sequencer\n",
        seed=2,
    ),
    Mutant(
        "ledger held although it was not stored",
        "functions.aggregator",
        "held = self._held.pop(partition, None)",
        "held = self._held.get(partition)",
        seed=14,
    ),
    Mutant(
        "absent object passed over",
        "functions.processor",
        "            fetched = self._store.files.fetch(event.key)\n",
        "            fetched = self._store.files.fetch(event.key)\n"
        "            if fetched is None:\n                return Outcome.SKIPPED\n",
        seed=1,
    ),
    Mutant(
        "an object that is not found taken for one that was removed",
        "functions.processor",
        " if event.removed else self._await_object(event, file_key)\n",
        "\n",
        seed=19,
    ),
    Mutant(
        "a removal passed over where a refused file came since",
        "functions.processor",
        "                self._withdraw(event, file_key)\n                if earlier.snapshot is None",
        "                Outcome.SKIPPED\n                if earlier.snapshot is None",
        seed=236,
    ),
    Mutant(
        "no version before a refused file read",
        "functions.earlier_versions",
        "            seen += 1\n",
        "            continue\n",
        seed=5,
    ),
    Mutant(
        "a version from before a deletion taken for one that stands",
        "functions.earlier_versions",
        """                return Earlier(None, "the file before it was deleted")\n""",
        "                continue\n",
        seed=17,
    ),
    Mutant(
        "an empty file taken for a withdrawal",
        "core.counter_file",
        "    if not counters:\n",
        "    if False:\n",
        seed=26,
    ),
    Mutant(
        "only the first member of a gzip'd file read",
        "core.gzipped",
        "    while rest:\n",
        "    while rest and not parts:\n",
        seed=17,
    ),
    Mutant(
        "failed message taken for done",
        "functions.processor",
        """extra={"message_id": record.message_id})\n                raise\n""",
        """extra={"message_id": record.message_id})\n                return\n""",
        seed=7,
    ),
    Mutant(
        "refusal only logged",
        "functions.processor",
        "        self._store.dead_letters.send(refusal.to_message())\n",
        "",
        seed=3,
    ),
    Mutant(
        "counters written without a condition on their version",
        "data.counters",
        '{"S": day}, newer]',
        '{"S": day}, {"N": "999999999"}]',
    ),
    Mutant(
        "a counter that an update did not find taken for a newer one",
        "data.counters",
        "        present = insert(update(seen) | unseen)\n",
        "        present = update(seen) | unseen\n",
    ),
    Mutant(
        "a counter that an insert found taken for a newer one",
        "data.counters",
        "        return len(values) - len(update(present))\n",
        "        return len(values) - len(present)\n",
    ),
    Mutant(
        "only the newest step of a batch published",
        "functions.publications",
        "        for name in changed_counters(before, after):\n",
        "        part.changed.clear()\n        for name in changed_counters(before, after):\n",
        seed=418,
    ),
    Mutant(
        "what the records tell forgotten over what the object shows",
        "functions.outputs",
        "due, known = changed | changed_counters(published.totals, totals), set(published.totals)",
        "due, known = changed_counters(published.totals, totals), set(published.totals)",
    ),
    Mutant(
        "a day that is not held taken for one that nothing was lost of",
        "functions.outputs",
        "        return self.held is None or self.told.is_behind_a_gap(self.held)\n",
        "        return self.held is not None and self.told.is_behind_a_gap(self.held)\n",
    ),
    Mutant(
        "the newest ledger read as it was a moment ago",
        "functions.outputs",
        "self.ledgers.read(told.day, told.layout)",
        "self.ledgers.read(told.day, told.layout, consistent=False)",
    ),
    Mutant(
        "what an earlier attempt has written is not asked for",
        "functions.outputs",
        "            if item.version is not None and item.version >= publication.version:\n",
        "            if False:\n",
    ),
    Mutant(
        "a day that goes on in the next invocation taken for done",
        "functions.publisher",
        "            return unfinished\n",
        "            return None\n",
    ),
    Mutant(
        "a day that fails ends the batch",
        "functions.publisher",
        "            return self._fail(",
        "            raise\n            return self._fail(",
    ),
    Mutant(
        "a day that fails is never given up",
        "functions.publisher",
        "        if self._failed[day] < TRIES:",
        "        if True:",
    ),
    Mutant(
        "a day is given up and nobody told",
        "functions.publisher",
        "            self.send_letter(letter.to_message())\n",
        "            letter.to_message()\n",
    ),
    Mutant(
        "a day is given up although nobody could be told",
        "functions.publisher",
        "            return unsent\n",
        "            return None\n",
        seed=54,
    ),
    Mutant(
        "published object without its version in the content",
        "core.published",
        'content[-1:] = f" {mark}\\n".encode()',
        'content[-1:] = b"\\n"',
        seed=580,
    ),
    Mutant(
        "a day's layout changes with the settings",
        "data.day_records",
        "            if record.is_complete:\n                return record\n",
        "            if record.is_complete:\n                return replace(record, layout=wanted.layout)\n",
        seed=0,
    ),
    Mutant(
        "parts of a snapshot written one after the other",
        "data.snapshots",
        """        if len(items) == 1:
            return self._table.put("snapshot", items[0], conditions[0])
""",
        """        if items:
            return all(
                self._table.put("snapshot", *each) for each in zip(items, conditions, strict=True)
            )
""",
        seed=87,
    ),
    Mutant(
        "partitions read one after the other",
        "data.calls",
        """answers = self.clients.dynamodb.transact_get_items(TransactItems=asked)["Responses"]""",
        """answers = [
                        self.clients.dynamodb.transact_get_items(TransactItems=[each])["Responses"][0]
                        for each in asked
                    ]""",
        seed=83,
    ),
    Mutant(
        "a ledger that begins anew begins with version 1",
        "core.versions",
        "    moment = max(0, (now - _EPOCH) // _TICK) << _CHANGE_BITS\n",
        "    moment = 0\n",
        seed=84,
    ),
    Mutant(
        "a ledger begins with the batch alone",
        "functions.aggregator",
        "            begins = is_beginning(stored.version)\n",
        "            begins = False\n",
    ),
    Mutant(
        "snapshots not read again when a ledger has begun",
        "functions.aggregator",
        "            begins = is_beginning(stored.version)\n",
        "            begins = not stored.version\n",
    ),
    Mutant(
        "a day judged by the handler's clock instead of the event's time",
        "functions.event_files",
        "        check_upload_day(day, event.date, self._now().date(), days, fixed)",
        "        check_upload_day(day, self._now().date(), self._now().date(), days, fixed)",
        goes_on=489,
    ),
    Mutant(
        "a closed day opened again by more retention",
        "core.days",
        "    earliest = expiry if fixed is None else min(expiry, fixed.snapshots)",
        "    earliest = expiry",
        goes_on=9,
    ),
    Mutant(
        "a day never closed",
        "core.days",
        "    return (today - _EPOCH).days >= _closing(day, retention_days, fixed)",
        "    return False",
        goes_on=9,
    ),
    Mutant(
        "a day's record expires like its snapshots",
        "data.day_records",
        "            | TOTALS_EXPIRE.put(self.expiry.totals)\n",
        "            | TOTALS_EXPIRE.put(self.expiry.totals) | EXPIRES_AT.put(self.expiry.snapshots)\n",
        goes_on=1,
    ),
    Mutant(
        "a snapshot expires by the settings instead of its day's record",
        "functions.processor",
        "self._files.record_of(file_key.day, event).expiry.snapshots\n",
        "self._settings.expiry_of(file_key.day).snapshots\n",
        goes_on=5,
    ),
    Mutant(
        "a ledger expires by the settings instead of its day's record",
        "data.day_records",
        "        return self._totals_expire[day]\n",
        "        return chosen.totals\n",
        goes_on=19,
    ),
    Mutant(
        "a counter expires by the settings instead of its ledger",
        "functions.outputs",
        "expires_at = publication.expires_at or self.settings",
        "expires_at = self.settings",
        goes_on=162,
    ),
    Mutant(
        "a rise told as a fall by whoever comes late",
        "functions.limits",
        " and stored.alert.version < version",
        "",
    ),
    Mutant(
        "a day that has only begun told as a fall",
        "functions.limits",
        "                if limit.is_reached_by(total):\n",
        "                if limit.direction is Direction.BELOW:\n",
    ),
    Mutant(
        "an alert that a dead invocation left is nobody's",
        "functions.limits",
        "            if stored is not None and stored.state is AlertState.SENDING:\n",
        "            if False:\n",
    ),
)
