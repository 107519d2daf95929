"""The judge: compares what the stack says with what should be, at every moment and after quiet.

At every moment: a ledger's sums are exactly those of the snapshots that it says it includes.
After quiet, before anybody heals anything: whatever lags behind has an explanation that an operator can see (a
message or a batch in the dead letters, a stream that was not read for 24 hours or was made anew).
After healing: files, snapshots, ledgers and counters agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from countagg.core.ledger import Ledger, decode_ledger
from countagg.core.partitions import LAYOUTS_PARTITION, parse_partition
from countagg.core.published import PublishedTotals, parse_published, published_key
from countagg.core.values import parse_sum
from countagg.core.versions import is_beginning, version_of_day
from countagg.data.day_records import SNAPSHOTS_EXPIRE
from countagg.functions.aggregator import DAYS_REBUILT
from tests.fakes.conditions import Item
from tools.simulation.alerts import AlertsJudge
from tools.simulation.faults import Fault
from tools.simulation.files import shown
from tools.simulation.plans import Step
from tools.simulation.retention import closing_before
from tools.simulation.stored import content_of, version_of
from tools.simulation.streams import Key
from tools.simulation.tables import has_expired
from tools.simulation.truth import Story, Truth, sum_of
from tools.simulation.world import SETTINGS, World

_LONGEST_WAIT_SECONDS: Final = 1_200
_HANDLED_WITHIN_DAYS: Final = 3
"""By then an event was handled, one that waited in the dead letters for the operator too: a run goes on later."""
_HARMLESS: Final = frozenset(
    {
        Fault.SHORT_OF_TIME,
        Fault.ENVIRONMENT_LOST,
        Fault.STALE_READ,
        Fault.OVERLAPPED,
        Fault.TRIES_EXHAUSTED,  # follows from others
    }
)
"""Faults by which no call fails and nobody dies."""


class Judge:
    """Watches a world.

    Args:
        world: that is judged.
        truth: what should be.
        keeps_ledger: whether totals must be right at every moment.

    Attributes:
        wrong: a sentence for everything that is wrong.
    """

    def __init__(self, world: World, truth: Truth, *, keeps_ledger: bool) -> None:
        self.wrong: list[str] = []
        self._world = world
        self._truth = truth
        self._contents: dict[tuple[str, str, str], Mapping[str, int]] = {}
        self._sums: dict[tuple[str, int], Mapping[str, int]] = {}
        self._expiry: dict[str, int] = {}
        self._came_too_late: dict[tuple[str, str], Step] = {}
        self._ledgers: dict[str, tuple[int, int, frozenset[str]]] = {}
        self._stored = world.stored
        self._keeps_ledger = keeps_ledger
        self._given_up: set[str] = set()
        self._alerts = AlertsJudge(world.alerts, self._sums, self._note)
        world.snapshots.watchers.append(self._see_snapshot)
        world.totals.watchers.append(self._see_ledger)
        world.counters.watchers.append(self._see_counter)

    # At every moment

    def _see_snapshot(self, key: Key, item: Item) -> None:
        if key[0] == LAYOUTS_PARTITION:
            # A day may begin with an event whose object is not found: its record alone says when it is closed.
            if SNAPSHOTS_EXPIRE.name in item:
                self._expiry.setdefault(key[1], SNAPSHOTS_EXPIRE.read(item))
            return
        day, expires_at = parse_partition(key[0]).day, int(item["ExpiresAt"]["N"])
        if self._expiry.setdefault(day, expires_at) != expires_at:
            self._note(f"snapshot {key} expires at {expires_at}, others of {day} at {self._expiry[day]}")
        version, content = version_of(item), content_of(item)
        # Functions of an older countagg go by the upload's sequencer.
        self._contents[key[0], key[1], item["Sequencer"]["S"]] = content
        self._expect(
            f"snapshot {key} of version {version}",
            content,
            self._contents.setdefault((key[0], key[1], version), content),
        )
        if self._world.trace.wanted:
            at = f"{_short(item['Sequencer']['S'])}, content of {_short(version)}"
            self._world.trace.tell("snapshot", f"{'/'.join(key)} at {at}: {shown(content)}")

    def _see_ledger(self, key: Key, item: Item) -> None:
        [place], version, ledger = key, item["Version"]["N"], decode_ledger(item["Document"]["B"])
        day = parse_partition(place).day
        self._sums[day, version_of_day(self._stored.versions(day).values())] = self._stored.ledger(day).sums
        if self._world.trace.wanted:
            seen = " ".join(f"{instance}@{_short(sequencer)}" for instance, sequencer in ledger.seen.items())
            self._world.trace.tell("ledger", f"{place} version {version}: {shown(ledger.sums)}; seen {seen}")
        if self._keeps_ledger:
            self._see_what_stays(place, item, ledger)
            included = [self._content(place, instance, version) for instance, version in ledger.seen.items()]
            self._expect(f"ledger of {place}, version {version}", ledger.sums, sum_of(included))

    def _content(self, place: str, instance: str, version: str) -> Mapping[str, int]:
        """Return what a snapshot said in a version of its content."""
        if (place, instance, version) not in self._contents:
            self._note(f"ledger of {place} includes {instance} in the version {_short(version)}, which never was")
        return self._contents.get((place, instance, version), {})

    def _see_what_stays(self, place: str, item: Item, ledger: Ledger) -> None:
        """See that a ledger goes on, loses no instance, and outlives the snapshots of its day.

        What it begins with may have been read before the ledger that was lost; what comes next may not.
        """
        version, expires_at = int(item["Version"]["N"]), int(item["ExpiresAt"]["N"])
        day, begins = parse_partition(place).day, is_beginning(version)
        before, expired_at, included = self._ledgers.get(place, (0, 0, frozenset[str]()))
        if version <= before and not begins:
            self._note(f"ledger of {place} begins anew: version {version} after {before}")
        lost = included - ledger.seen.keys()
        if lost and not begins:
            self._note(f"ledger of {place}, version {version}, has lost {sorted(lost)}")
        if expires_at < max(expired_at, self._expiry[day]):
            self._note(f"ledger of {place}, version {version}, expires too early, at {expires_at}")
        self._ledgers[place] = (max(before, version), expires_at, lost | ledger.seen.keys())

    def _see_counter(self, name: str, day: str, item: Item) -> None:
        """See that an item is what the totals were in its version, also while all goes on."""
        version = int(item["Version"]["N"])
        expected = self._sums_in(day, version).get(name, 0)
        self._expect(
            f"counter of {day}, version {version}", {name: parse_sum(item["Value"]["N"])}, {name: expected}
        )

    def _sums_in(self, day: str, version: int) -> Mapping[str, int]:
        if (day, version) not in self._sums:
            self._note(f"{day} never had the version {version}")
        return self._sums.get((day, version), {})

    def _expect(self, what: str, found: Mapping[str, int], expected: Mapping[str, int]) -> None:
        if found != expected:
            self._note(f"{what}: found {shown(found)}, expected {shown(expected)}")

    def _note(self, sentence: str) -> None:
        self.wrong.append(sentence)
        self._world.trace.tell("WRONG", sentence)

    # After quiet

    def judge(self, *, healed: bool) -> None:
        """Compare every hop; `healed` says that nothing may lag behind any more."""
        self._given_up |= self._world.dead_letters.unpublished()
        for place, story in sorted(self._truth.counter_files().items()):
            self._judge_snapshot(place, story, healed=healed)
        for day in self._stored.days():
            if self._has_gone(day):
                continue
            self._judge_ledger(day, healed=healed)
            if not self.unpublished(day) or (healed and self.is_open(day)):
                self._judge_outputs(day)
            # The alerts of a day that was given up are sent with its next change.
            if self._world.plan.limits and not self.unpublished(day) and day not in self._given_up:
                version = version_of_day(self._stored.versions(day).values())
                self._alerts.judge(day, version, self._stored.ledger(day).sums)
        self._judge_refusals(healed=healed)
        self._judge_publishing()
        if self._keeps_ledger and not self._world.rules.is_upgraded:
            self._judge_effort()

    def _judge_snapshot(self, place: tuple[str, str], story: Story, *, healed: bool) -> None:
        content = self._stored.content(*place)
        # Before a refused file stands what stood before a removal too, if that came too late to withdraw it.
        outlived = story.is_refused() and content in story.ever and self._was_removed_too_late(place, story)
        if not outlived and not story.may_stand(content, versioned=self._world.plan.versioned):
            latest, past = story.latest, self._may_be_refused(place[0], story.date, self._today())
            explained = self._exhausted(latest.key) and not healed
            if past and (latest.file is None or self._refusal(latest.key, "before")):
                # More days of retention do not take it up by themselves.
                self._came_too_late[place] = latest
            if not explained and self._came_too_late.get(place) is not latest:
                before = f", and before it {shown(story.said[-1])}" if story.is_refused() else ""
                self._note(f"snapshot {place}: found {shown(content)}, the file says {latest.file}{before}")

    def _was_removed_too_late(self, place: tuple[str, str], story: Story) -> bool:
        """Tell whether the last removal may have come when its day was closed, seen here before or not."""
        if place in self._came_too_late:
            return True
        if story.removed is None:
            return False
        handled = story.removed + timedelta(days=_HANDLED_WITHIN_DAYS)
        return self._may_be_refused(place[0], story.removed, handled)

    def _differs(self, place: tuple[str, str], story: Story) -> bool:
        """Tell whether a snapshot says something else than a good file, or than one that was removed."""
        return not story.is_refused() and self._stored.content(*place) != story.counters()

    def is_open(self, day: str) -> bool:
        """Tell whether the processor takes files of a day that are written now."""
        return not self._may_be_refused(day, self._today(), self._today())

    def _today(self) -> date:
        return self._world.timeline.utc().date()

    def _may_be_refused(self, day: str, written: date, handled: date) -> bool:
        """Tell whether the processor may refuse a file of a day: by when it was written, and handled."""
        kept = min(self._world.kept, key=lambda each: each.snapshots)
        closing = kept.closing(day)
        if day in self._expiry:
            closing = min(closing, closing_before(self._expiry[day]))
        too_late = (written - date.fromisoformat(day)).days > kept.snapshots
        return too_late or handled.toordinal() >= closing

    def _has_gone(self, day: str) -> bool:
        """Tell whether the totals of a day have expired, and may be gone, or some of what belongs to them."""
        totals, now = self._world.totals, self._world.timeline.now
        begun = [place for place in self._stored.places(day) if place in totals.history]
        left = [totals.items[place] for place in begun if place in totals.items]
        if 0 < len(left) < len(begun):
            self._note(f"of {day} some ledgers are gone and others are not")
        return len(left) < len(begun) or any(has_expired(item, now) for item in left)

    def _exhausted(self, key: str) -> bool:
        return any(letter.key == key for letter in self._world.dead_letters.messages)

    def _judge_ledger(self, day: str, *, healed: bool) -> None:
        if not self.lagging(day):
            said = sum_of(content_of(item) for _, _, item in self._stored.parts(day))
            self._expect(f"totals of {day}", self._stored.ledger(day).sums, said)
        elif healed and self.is_open(day):
            # Of another day an upload is refused by now: only a repair by hand would heal this.
            self._note(f"totals of {day} lag behind the snapshots of {self.lagging(day)}")
        elif not healed:
            for instance in set(self.lagging(day)) - self._lost_last(day):
                self._note(f"totals of {day} lag behind the snapshot of {instance}, and nothing was lost")

    def lagging(self, day: str) -> list[str]:
        """Return the instances of which the ledger has not the present snapshot.

        Without a ledger nobody can know; then those are meant whose last change was lost.
        """
        if not self._keeps_ledger:
            return sorted(self._lost_last(day))
        ledgers = self._stored.ledgers(day)
        return sorted(
            {
                instance
                for partition, instance, item in self._stored.parts(day)
                if not version_of(item) <= ledgers[partition].seen.get(instance, "") <= item["Sequencer"]["S"]
            }
        )

    def _lost_last(self, day: str) -> set[str]:
        """Return the instances whose last change never came to the aggregator."""
        images = self._world.mappings["aggregator"].lost
        gone = self._stored.lost(day)
        lost = {_image_id(image) for image in images if image["Date"]["S"] != LAYOUTS_PARTITION}
        parts = self._stored.parts(day)
        return {
            instance
            for partition, instance, item in parts
            if partition in gone or (partition, instance, version_of(item)) in lost
        }

    def _judge_outputs(self, day: str) -> None:
        sums = self._stored.ledger(day).sums
        for name, (value, version) in self._counters(day).items():
            expected = self._sums_in(day, version).get(name, 0)
            self._expect(f"counter of {day}, version {version}", {name: value}, {name: expected})
        self._expect(f"counters of {day}", self._counted(day), sums)
        published = self._published(day)
        self._expect(f"published object of {day}", published.totals, sums)
        if published.version:
            self._expect(f"version of {day}", self._sums_in(day, published.version), sums)

    def _counters(self, day: str) -> dict[str, tuple[int, int]]:
        """Return what the counters table says of a day: counter -> (value, version)."""
        return {
            name: (parse_sum(item["Value"]["N"]), int(item["Version"]["N"]))
            for (name, of), item in self._world.counters.table.items.items()
            if of == day
        }

    def _counted(self, day: str) -> dict[str, int]:
        """Return the values of a day's counters. One that no instance names any more stays with the value 0."""
        sums = self._stored.ledger(day).sums
        return {name: value for name, (value, _) in self._counters(day).items() if value or name in sums}

    def _published(self, day: str) -> PublishedTotals:
        stored = self._world.bucket.objects.get(published_key(SETTINGS.output_prefix, day))
        if stored is None:
            return PublishedTotals()
        return parse_published(stored.content, stored.metadata, "", SETTINGS.stack)

    def _outputs_differ(self, day: str) -> bool:
        sums = self._stored.ledger(day).sums
        return self._counted(day) != sums or self._published(day).totals != sums

    def unpublished(self, day: str) -> bool:
        """Tell whether the publisher gave the day up, or never saw the present version of a partition of it."""
        if self._stored.lost(day) or day in self._world.dead_letters.unpublished():
            return True
        versions = self._stored.versions(day)
        lost = self._world.mappings["publisher"].lost
        return any(versions.get(image["Date"]["S"]) == int(image["Version"]["N"]) for image in lost)

    def _judge_refusals(self, *, healed: bool) -> None:
        for key, file, reason in self._truth.refused():
            if self._refusal(key, reason, file.line if reason == file.reason else None):
                continue
            # Its event may have come when its day was past retention; that is the first thing that is looked at.
            if self._refusal(key, "before"):
                continue
            if healed or not self._exhausted(key):
                self._note(f"{key} is refused ({reason}), and no dead letter says so")

    # What the operator is told

    def judge_verification(self, day: str) -> None:
        """Compare what `verify` found with what lags behind."""
        found = self._world.operator.found.get(day)
        lags = bool(self.lagging(day)) or self._has_unread_file(day) or self._outputs_differ(day)
        if found is None or (lags and found.ok):
            self._note(f"verification of {day} ended with {found}, although something lags behind")
        elif not lags and not found.ok and not self._exhausted_of(day):
            self._note(f"verification of {day} ended with {found.differences}, although nothing lags behind")

    def _exhausted_of(self, day: str) -> bool:
        """Tell whether an event of a day is in the dead letters, or a refusal for its age: it may say the same."""
        exhausted = any(f"/{day}/" in letter.key for letter in self._world.dead_letters.messages)
        return exhausted or any(f"/{day}/" in key and self._refusal(key, "before") for key in self._truth.stories)

    def _has_unread_file(self, day: str) -> bool:
        return any(
            self._differs(place, story) for place, story in self._truth.counter_files().items() if place[0] == day
        )

    def judge_repair(self, day: str) -> None:
        """See that a repair left nothing behind, and says so."""
        found = self._world.operator.found.get(day)
        if found is None or not found.ok:
            self._note(f"repair of {day} ended with {None if found is None else found.differences}")
        if self.lagging(day) or self._has_unread_file(day):
            self._note(f"repair of {day} left something behind")
        self._judge_outputs(day)

    def _judge_effort(self) -> None:
        """A rebuild reads every snapshot of a day: duplicates, retries and stale pollers must not ask for one."""
        rebuilt, mapping = self._world.metrics.counted[DAYS_REBUILT], self._world.mappings["aggregator"]
        if rebuilt and not mapping.lost and not mapping.gave_up and not self._world.totals.lost:
            self._note(f"{rebuilt} rebuilds although nothing was lost")

    def _judge_publishing(self) -> None:
        """See that the publisher gives up nothing without a cause, and that no day waits for another."""
        struck = {fault for fault, count in self._world.faults.injected.items() if count}
        if struck <= _HARMLESS:
            self._alerts.judge_repeats()
        if not struck <= _HARMLESS | {Fault.DAY_DENIED}:
            return
        if Fault.DAY_DENIED not in struck:
            if self._world.mappings["publisher"].gave_up or self._world.dead_letters.unpublished():
                self._note("the publisher gave up although nothing kept it from publishing")
            return
        for day in self._stored.days():
            key = published_key(SETTINGS.output_prefix, day)
            written = self._world.bucket.objects.get(key)
            if key not in self._world.bucket.denied_until and written is not None:
                late = written.modified.timestamp() - self._stored.changed_at(day)
                if late > _LONGEST_WAIT_SECONDS:
                    self._note(f"{day} was published {late:.0f} s after its last change, as if it had to wait")

    def _refusal(self, key: str, reason: str, line: int | None = None) -> bool:
        found = (letter.document() for letter in self._world.dead_letters.messages)
        return any(
            each.get("kind") == "refused-file"
            and each["key"] == key
            and reason in each["reason"]
            and each["line"] == line
            for each in found
        )


def _short(sequencer: str) -> str:
    return sequencer.rstrip("0")


def _image_id(image: Mapping[str, Any]) -> tuple[str, str, str]:
    return image["Date"]["S"], image["Instance"]["S"], version_of(image)
