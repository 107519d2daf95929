"""The steps of a self-test: what each does, and what has to come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from countagg.core.limits import AlertState
from countagg.core.polling import SETTLE_SECONDS, Polling
from countagg.core.values import SCALE, format_value
from countagg.operate.dead_letters.dead_letters import LetterKind
from countagg.operate.selftest.bench import FIRST, SECOND, Bench, Sight, WaitLog
from countagg.operate.selftest.selftest import Finding, Step, Unmet
from countagg.provision.reconcile import Action

if TYPE_CHECKING:
    from countagg.aws.invocations import Invocation

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_QUIET: Final = 3.0
"""Seconds after which an upload that must change nothing would have changed a total."""
_GETS: Final = 20
_BETWEEN_GETS: Final = 0.2
"""Seconds between two GETs of an object on a bucket whose versions are kept since a moment ago."""
_LINES: Final = 5
"""Of a log's end that are shown."""
_TIME_DIGITS: Final = 10
_CLOCKS: Final = 3_600
"""Seconds that the time in a sequencer may be away from ours."""
_ANSWERS: Final = {"processor": {"batchItemFailures": list[object]()}, "aggregator": None, "publisher": None}
"""Of the functions, to an event that gives them nothing to do."""
CONDITION_FAILED: Final = "ConditionalCheckFailed"

Check = Callable[[Sight], bool]


class SelfTestSteps:
    """The steps, and what they know of each other: which files there are, so which total is due.

    Args:
        bench: what they work with.
        polling: how long an effect may take, and the clock.
        waits: what setup and teardown wait for.
        now: the time of day, aware UTC.
        tell: told lines of logs.
    """

    def __init__(
        self,
        bench: Bench,
        polling: Polling,
        waits: WaitLog,
        now: Callable[[], datetime],
        tell: Callable[[str], None],
    ) -> None:
        self._bench = bench
        self._polling = polling
        self._waits = waits
        self._now = now
        self._tell = tell
        self._values: dict[str, int] = {}
        self._sequencers: list[tuple[str, float]] = []

    def on_throw_away(self, *, keep: bool) -> Iterator[Step]:
        """Yield the steps on a stack that is made for them, and kept at the end or not."""
        again = "run it again with --keep, then `countagg status` and `countagg logs --level WARN` show more"
        step = _maker(again)
        yield step("setup", "setup makes a stack with a bucket of its own", self._set_up)
        yield from self._everywhere(step, ("setup",))
        shows = "a function whose role was deleted and made again still works"
        yield step("new role", shows, self._renew_role, "upload")
        yield step(
            "second setup", "a second setup finds nothing to do and changes nothing", self._repeat_setup, "setup"
        )
        shows = "setup turns versioning on, and uploads and withdrawals count as before"
        yield step("versioning", shows, self._turn_versioning_on, "upload")
        if not keep:
            hint = "`countagg teardown --delete-objects` goes on from there"
            yield Step("teardown", "teardown leaves nothing behind", self._tear_down, hint, cleans_up=True)

    def on_existing(self) -> Iterator[Step]:
        """Yield the steps on a stack that is there already and stays."""
        yield from self._everywhere(_maker("`countagg status` and `countagg logs --level WARN` show more"), ())
        hint = "`countagg limits unset countagg_selftest`, `countagg dead-letters list`, and delete the files"
        shows = "files, limit and dead letters of the test are gone, and out of the totals"
        yield Step("clean-up", shows, self._clean_up, hint, cleans_up=True)

    def _everywhere(self, step: Callable[..., Step], first: tuple[str, ...]) -> Iterator[Step]:
        for function in _ANSWERS:
            shows = f"the {function} runs, and answers an event that gives it nothing to do"
            yield step(f"invoke {function}", shows, lambda function=function: self._invoke(function), *first)
        yield step("upload", "two files count, exactly, at every hop", self._upload, *first)
        yield step("same again", "the same file again changes no total", self._upload_again, "upload")
        shows = "a refused file lies in the dead letters, and the file before it still counts"
        yield step("refused file", shows, self._upload_malformed, "upload")
        yield step("limit", "a total that passes its limit is alerted of", self._pass_limit, "upload")
        yield step("withdrawal", "a deleted file counts no more", lambda: self._take_back(SECOND), "upload")
        yield step("verify", "verify finds no difference", self._verify, "upload")
        shows = "a statement whose condition fails is told as such"
        yield step("statement", shows, self._fail_statement, "upload")
        # That they are in the order of the uploads is shown by what counts.
        yield step("sequencers", "the form of S3's sequencers", self._describe_sequencers, "upload")

    # The stack

    def _set_up(self) -> Finding:
        changes = self._bench.set_up()
        others = [each.resource for each in changes if each.action is not Action.CREATE]
        if others:
            raise Unmet("resources that are made, and nothing that was there", f"changed: {', '.join(others)}")
        return Finding(facts={"created": len(changes), "waits": self._waits.take()})

    def _repeat_setup(self) -> Finding:
        self._waits.take()
        with self._bench.meter.mutations() as operations:
            changes = [each.resource for each in self._bench.set_up()]
        if changes or operations:
            raise Unmet("no change and no call that changes anything", ", ".join([*changes, *operations]))
        return Finding()

    def _renew_role(self) -> Finding:
        self._bench.delete_role("processor")
        self._bench.set_up()
        began, waits = self._polling.clock(), self._waits.take()
        for _ in self._polling.looks(_LONGEST_PAUSE):
            failure = _failure_of(self._bench.invoke("processor"), "processor")
            if failure is None:
                break
        else:
            raise Unmet(f"a good answer within {self._polling.timeout:.0f} s", str(failure))
        seconds = round(self._polling.clock() - began, 1)
        counted = self._put(SECOND, 5 * SCALE)
        return Finding(counted.hops, {"seconds_until_invoked": seconds, "waits": waits})

    def _turn_versioning_on(self) -> Finding:
        changes = [each.resource for each in self._bench.set_up(bucket_versioning=True)]
        if "bucket" not in changes:
            raise Unmet("a change of the bucket", f"changed: {', '.join(changes) or 'nothing'}")
        began = self._polling.clock()
        etag = self._write(SECOND, 6 * SCALE)
        missing = 0
        for _ in range(_GETS):
            missing += not self._bench.has_file(SECOND)
            self._polling.sleep(_BETWEEN_GETS)
        self._until_counted(began, {SECOND: etag})
        self._take_back(SECOND)
        return Finding(facts={"gets": _GETS, "gets_not_found": missing})

    def _tear_down(self) -> Finding:
        self._waits.take()
        left = self._bench.tear_down()
        if left:
            raise Unmet("nothing that is left", ", ".join(left))
        return Finding(facts={"waits": self._waits.take()})

    def _invoke(self, function: str) -> Finding:
        invocation = self._bench.invoke(function)
        for line in invocation.tail[-_LINES:]:
            self._tell(line)
        failure = _failure_of(invocation, function)
        if failure is not None:
            raise Unmet(json.dumps(_ANSWERS[function]), failure)
        return Finding()

    # Files

    def _upload(self) -> Finding:
        began = self._polling.clock()
        etags = {FIRST: self._write(FIRST, SCALE // 10), SECOND: self._write(SECOND, SCALE // 5)}
        return self._until_counted(began, etags)

    def _upload_again(self) -> Finding:
        before, began = self._bench.look(), self._polling.clock()
        etag = self._write(FIRST, self._values[FIRST])
        moved: Check = lambda sight: sight.sequencers.get(FIRST, "") > before.sequencers[FIRST]  # noqa: E731
        hops = self._until(began, {"snapshot": moved})
        self._polling.sleep(_QUIET)
        self._require_unchanged(etag)
        return Finding(hops)

    def _upload_malformed(self) -> Finding:
        before, began = self._bench.look(), self._polling.clock()
        self._bench.put_malformed(FIRST)
        for _ in self._polling.looks(_LONGEST_PAUSE):
            letters = self._bench.take_dead_letters()
            if letters:
                break
        else:
            raise Unmet(f"a dead letter within {self._polling.timeout:.0f} s", "none")
        hops = {"dead letter": self._polling.clock() - began}
        if [(letter.kind, letter.line) for letter in letters] != [(LetterKind.REFUSAL, 1)]:
            raise Unmet("the refusal of line 1", "; ".join(f"{each.kind}, {each.reason}" for each in letters))
        self._require_unchanged(before.etags[FIRST])
        return Finding(hops)

    def _pass_limit(self) -> Finding:
        self._bench.set_limit(self._total)
        return self._put(FIRST, 3 * SCALE, {"alert": lambda sight: sight.alert is AlertState.SENT})

    def _take_back(self, instance: str) -> Finding:
        began = self._polling.clock()
        self._bench.delete(instance)
        del self._values[instance]
        return self._until_counted(began, {instance: ""})

    def _clean_up(self) -> Finding:
        began = self._polling.clock()
        self._bench.clean_up()
        self._values.clear()
        heads = self._bench.look().etags
        counted = self._until_counted(began, dict.fromkeys(heads, ""))
        left = self._bench.take_dead_letters()
        if left:
            raise Unmet("no dead letter of the test", f"{len(left)}, just deleted")
        return counted

    # Proofs

    def _verify(self) -> Finding:
        verification = self._bench.verify(min(SETTLE_SECONDS, self._polling.timeout))
        if not verification.ok:
            told = "; ".join(f"{each.hop}: {each.what}" for each in verification.differences)
            raise Unmet("no difference", told)
        return Finding(facts={"files": verification.files})

    def _fail_statement(self) -> Finding:
        answer = self._bench.fail_statement()
        if answer.code != CONDITION_FAILED:
            raise Unmet(CONDITION_FAILED, answer.code or "no error")
        facts = {"item_in_error": answer.item_in_error, "item_beside_error": answer.item_beside_error}
        return Finding(facts=facts)

    def _describe_sequencers(self) -> Finding:
        begin_with_time = all(
            abs(int(text[:_TIME_DIGITS], 16) - seconds) < _CLOCKS for text, seconds in self._sequencers
        )
        # Zeros at the end may be S3's or ours.
        digits = max(len(text.rstrip("0")) for text, _ in self._sequencers)
        return Finding(facts={"digits": digits, "begin_with_time": begin_with_time})

    # Effects

    @property
    def _total(self) -> int:
        return sum(self._values.values())

    def _write(self, instance: str, value: int) -> str:
        etag = self._bench.put(instance, value)
        self._values[instance] = value
        return etag

    def _put(self, instance: str, value: int, more: Mapping[str, Check] | None = None) -> Finding:
        began = self._polling.clock()
        return self._until_counted(began, {instance: self._write(instance, value)}, more or {})

    def _until_counted(
        self, began: float, etags: Mapping[str, str], more: Mapping[str, Check] | None = None
    ) -> Finding:
        """Wait until every hop shows these files and the total that is due."""
        total = self._total
        checks: dict[str, Check] = {
            "snapshot": lambda sight: all(sight.etags.get(each) == etag for each, etag in etags.items()),
            "ledger": lambda sight: (sight.ledger or 0) == total,
            "table": lambda sight: (sight.table or 0) == total,
            "object": lambda sight: (sight.object or 0) == total,
            **(more or {}),
        }
        return Finding(self._until(began, checks))

    def _until(self, began: float, checks: Mapping[str, Check]) -> dict[str, float]:
        """Look until every check held once; return the seconds that each took."""
        reached: dict[str, float] = {}
        for _ in self._polling.looks(_FIRST_PAUSE, _LONGEST_PAUSE):
            sight, seconds = self._bench.look(), self._polling.clock() - began
            self._note_sequencer(sight)
            reached |= {
                name: round(seconds, 3) for name, check in checks.items() if name not in reached and check(sight)
            }
            missing = [name for name in checks if name not in reached]
            if not missing:
                return {name: reached[name] for name in checks}
        raise Unmet(f"{', '.join(missing)} within {self._polling.timeout:.0f} s", self._told(sight))

    def _require_unchanged(self, etag: str) -> None:
        sight = self._bench.look()
        if sight.etags.get(FIRST) != etag or {sight.ledger, sight.table, sight.object} != {self._total}:
            raise Unmet("the same file and total as before", self._told(sight))

    def _note_sequencer(self, sight: Sight) -> None:
        """Remember a new sequencer of the first instance, with the time."""
        sequencer = sight.sequencers.get(FIRST)
        if sequencer and sequencer not in [text for text, _ in self._sequencers]:
            self._sequencers.append((sequencer, self._now().timestamp()))

    def _told(self, sight: Sight) -> str:
        values = {"ledger": sight.ledger, "table": sight.table, "object": sight.object}
        shown = ", ".join(
            f"{hop} {'-' if value is None else format_value(value)}" for hop, value in values.items()
        )
        files = f"{sum(map(bool, sight.etags.values()))} snapshots with a file"
        return f"{files}, {shown}; {format_value(self._total)} is due, alert {sight.alert or 'none'}"


def _failure_of(invocation: Invocation, function: str) -> str | None:
    """Return what is wrong with a function's answer to an event that gives it nothing to do; None for nothing."""
    if invocation.error is not None:
        return f"{invocation.error}: {invocation.answer}"
    return None if json.loads(invocation.answer or "null") == _ANSWERS[function] else invocation.answer


def _maker(hint: str) -> Callable[..., Step]:
    """Return what makes steps with a hint: of name, sentence and action, and the names of what they need."""

    def make(name: str, shows: str, act: Callable[[], Finding], *needs: str) -> Step:
        return Step(name, shows, act, hint, needs)

    return make
