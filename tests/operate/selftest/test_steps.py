"""The steps of a self-test on a stack in memory: each way in which one can fail, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from countagg.aws.day_reader import DayReader
from countagg.core.errors import UsageError
from countagg.core.polling import Polling
from countagg.core.published import PublishedTotals
from countagg.core.values import SCALE
from countagg.data.attributes import Attribute
from countagg.data.files import ListedObject
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.operate.selftest.bench import FIRST, SECOND, WaitLog, find_unused_day
from countagg.operate.selftest.selftest import SelfTest, StepOutcome, StepResult, run
from countagg.operate.selftest.steps import SelfTestSteps
from tests.fakes.bench import NOW, FakeBench
from tests.fakes.day import SETTINGS
from tests.readme import document

NEED_UPLOAD: Final = [
    "same again",
    "refused file",
    "limit",
    "withdrawal",
    "verify",
    "statement",
    "sequencers",
    "new role",
    "versioning",
]


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def run_steps(
    *faults: str, existing: bool = False, keep: bool = False, lines: list[str] | None = None
) -> tuple[FakeBench, SelfTest]:
    fake, clock = FakeBench(frozenset(faults)), Clock()
    waits = WaitLog(lambda _: None, sleep=clock.sleep)
    wait = Polling(600.0, clock.sleep, clock)
    steps = SelfTestSteps(fake, wait, waits, lambda: NOW, ([] if lines is None else lines).append)
    listed = steps.on_existing() if existing else steps.on_throw_away(keep=keep)
    return fake, run(listed, clock)


def by_name(found: SelfTest) -> dict[str, StepResult]:
    return {each.step.name: each for each in found.results}


def failed(found: SelfTest) -> list[str]:
    return [each.step.name for each in found.results if each.outcome is StepOutcome.FAILED]


def test_on_a_stack_that_works_every_step_passes_in_its_order() -> None:
    lines: list[str] = []

    fake, found = run_steps(lines=lines)

    assert failed(found) == []
    assert found.holds
    assert list(by_name(found)) == [
        "setup",
        "invoke processor",
        "invoke aggregator",
        "invoke publisher",
        "upload",
        *NEED_UPLOAD[:-2],
        "new role",
        "second setup",
        "versioning",
        "teardown",
    ]
    assert lines == ["REPORT"] * 3
    assert fake.done == [
        "set up",
        f"put {FIRST} {SCALE // 10}",
        f"put {SECOND} {SCALE // 5}",
        f"put {FIRST} {SCALE // 10}",
        f"put {FIRST} {3 * SCALE}",
        "delete role/processor",
        "set up",
        f"put {SECOND} {5 * SCALE}",
        "set up",
        "set up",
        f"put {SECOND} {6 * SCALE}",
        "tear down",
    ]


def test_what_is_measured_stands_in_the_findings() -> None:
    findings = {name: result.finding for name, result in by_name(run_steps()[1]).items()}

    assert list(findings["upload"].hops) == ["snapshot", "ledger", "table", "object"]
    assert list(findings["limit"].hops) == ["snapshot", "ledger", "table", "object", "alert"]
    assert list(findings["refused file"].hops) == ["dead letter"]
    assert findings["setup"].facts == {"created": 2, "waits": {}}
    assert findings["statement"].facts == {"item_in_error": False, "item_beside_error": True}
    assert findings["sequencers"].facts == {"digits": 18, "begin_with_time": True}
    assert findings["new role"].facts == {"seconds_until_invoked": 0.0, "waits": {}}
    assert findings["versioning"].facts == {"gets": 20, "gets_not_found": 0}


def test_readme_tells_of_every_fact_that_is_measured() -> None:
    """Files and resources are counted, and doubtful to nobody."""
    section = document("operating").split("\n## Self-test\n")[1].split("\n## ")[0]
    told = {
        step: set(re.findall(r"`(\w+)`", facts)) for step, facts in re.findall(r"`([\w ]+)`: (`[^|]+) \|", section)
    }

    for name, result in by_name(run_steps()[1]).items():
        assert set(result.finding.facts) - {"created", "files"} == told.get(name, set())


def test_what_is_doubtful_is_measured_and_fails_nothing() -> None:
    _, found = run_steps("gets miss", "sequencers count")

    assert found.holds
    assert by_name(found)["versioning"].finding.facts["gets_not_found"] == 20
    assert by_name(found)["sequencers"].finding.facts["begin_with_time"] is False


@pytest.mark.parametrize(
    ("fault", "step", "expected", "got"),
    [
        ("something was there", "setup", "resources that are made", "changed: bucket"),
        ("import fails", "invoke publisher", "null", 'Unhandled: {"errorType": "ImportModuleError"}'),
        (
            "nothing is notified",
            "upload",
            "snapshot, ledger, table, object within 600 s",
            "0 snapshots with a file",
        ),
        (
            "the ledger stands still",
            "upload",
            "ledger within 600 s",
            "ledger -, table 0.3, object 0.3; 0.3 is due",
        ),
        ("the table stands still", "upload", "table within 600 s", "ledger 0.3, table -, object 0.3; 0.3 is due"),
        (
            "the object stands still",
            "upload",
            "object within 600 s",
            "ledger 0.3, table 0.3, object -; 0.3 is due",
        ),
        ("the same is dropped", "same again", "snapshot within 600 s", "2 snapshots with a file"),
        ("the same counts twice", "same again", "the same file and total as before", "ledger 0.4"),
        ("refusals are lost", "refused file", "a dead letter within 600 s", "none"),
        ("the wrong line is blamed", "refused file", "the refusal of line 1", "refused file, why"),
        ("refused files are kept", "refused file", "the same file and total as before", "ledger 0.3"),
        ("refused files count", "refused file", "the same file and total as before", "ledger 0.2"),
        ("nobody is alerted", "limit", "alert within 600 s", "alert sending"),
        ("removals are not notified", "withdrawal", "snapshot, ledger, table, object within 600 s", "3 is due"),
        ("the object differs", "verify", "no difference", "object: the object is old"),
        ("the statement passes", "statement", "ConditionalCheckFailed", "no error"),
        ("no grant", "new role", "a good answer within 600 s", 'Unhandled: "KMS access was denied"'),
        ("setup changes again", "second setup", "no change and no call that changes anything", "alarm/x"),
        ("setup writes again", "second setup", "no change and no call that changes anything", "PutRolePolicy"),
        ("versioning stays off", "versioning", "a change of the bucket", "changed: nothing"),
        ("a queue is left", "teardown", "nothing that is left", "queue/uploads q"),
    ],
)
def test_each_failure_is_told_and_the_stack_is_torn_down(fault: str, step: str, expected: str, got: str) -> None:
    fake, found = run_steps(fault)

    result = by_name(found)[step]
    assert failed(found)[0] == step
    assert str(result.expected).startswith(expected)
    assert got in str(result.got)
    assert result.hint
    assert fake.done[-1] == "tear down"
    assert (found.left_over is not None) is (step == "teardown")


@pytest.mark.parametrize(
    ("fault", "skipped"),
    [
        ("import fails", []),
        ("the object stands still", NEED_UPLOAD),
        ("nobody is alerted", []),
        ("a queue is left", []),
    ],
)
def test_steps_that_a_failure_does_not_concern_still_run(fault: str, skipped: list[str]) -> None:
    _, found = run_steps(fault)

    assert [each.step.name for each in found.results if each.outcome is StepOutcome.SKIPPED] == skipped


def test_an_answer_that_is_none_of_the_functions_fails_its_step() -> None:
    assert failed(run_steps("the answer is wrong")[1])[:3] == [
        "invoke processor",
        "invoke aggregator",
        "invoke publisher",
    ]


def test_what_is_waited_for_in_vain_ends_at_its_time() -> None:
    result = by_name(run_steps("the object stands still")[1])["upload"]

    assert 600 <= result.seconds < 603


def test_a_stack_that_is_kept_is_not_torn_down() -> None:
    fake, found = run_steps(keep=True)

    assert (found.holds, found.left_over) == (True, None)
    assert "tear down" not in fake.done


def test_ctrl_c_in_the_teardown_leaves_something_over() -> None:
    _, found = run_steps("teardown is killed")

    assert (found.interrupted, found.left_over) == (True, found.results[-1])


def test_a_stack_that_is_there_is_neither_set_up_nor_torn_down() -> None:
    fake, found = run_steps(existing=True)

    assert found.holds
    assert fake.done[-1] == "clean up"
    assert not {"set up", "tear down", "delete role/processor"} & set(fake.done)
    assert (fake.files, fake.limit, fake.ledger) == ({}, None, 0)


def test_what_is_not_cleaned_up_is_left_over() -> None:
    _, found = run_steps("removals are not notified", existing=True)

    assert found.left_over is found.results[-1]
    assert "0 is due" in str(found.results[-1].got)
    assert "limits unset" in str(found.results[-1].hint)


def test_waits_are_added_up_by_what_was_waited_for() -> None:
    told: list[str] = []
    waits = WaitLog(told.append, sleep=lambda _: None)
    looks = iter([False, False, True, False, True])

    for what in ("role of x", "queue y"):
        waits.patience.until(lambda: next(looks), what)

    assert waits.take() == {"role of x": 1.3, "queue y": 0.5}
    assert waits.take() == {}
    assert told == ["waiting for role of x", "waiting for queue y"]


@dataclass(frozen=True)
class Days(DayReader):
    """A stack of whose days some are not unused, each for another reason."""

    objects: frozenset[str] = frozenset()
    ledgers: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    published_days: frozenset[str] = frozenset()
    settings = replace(SETTINGS, snapshot_retention_days=5)

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        return iter([ListedObject("key", "etag", 1, NOW)] if day in self.objects else [])

    def ledger(self, day: str, *_shown: Attribute, **_how: bool) -> StoredDay:
        return StoredDay((StoredLedger(version=int(day in self.ledgers)),))

    def sequencers(self, day: str) -> dict[str, str]:
        return {"i-1": ""} if day in self.held else {}

    def published(self, day: str) -> PublishedTotals:
        return PublishedTotals(etag="etag") if day in self.published_days else PublishedTotals()


def test_a_day_is_unused_if_no_hop_knows_of_it() -> None:
    days = [frozenset({f"2026-11-{number}"}) for number in (19, 18, 17, 16)]

    assert find_unused_day(Days(), NOW.date()) == "2026-11-19"
    assert find_unused_day(Days(*days[:3]), NOW.date()) == "2026-11-16"
    with pytest.raises(UsageError, match="every day that uploads are taken for has files already"):
        find_unused_day(Days(*days), NOW.date())
