"""A stack in memory, as a self-test sees it, that does everything right but for the named faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from countagg.aws.invocations import Invocation
from countagg.aws.probes import CallMeter, StatementAnswer
from countagg.core.limits import AlertState
from countagg.core.sequencer import normalise_sequencer
from countagg.data.queues import HeldMessage
from countagg.operate.dead_letters.dead_letters import DeadLetter, LetterKind
from countagg.operate.integrity.findings import Difference, Hop, Verification
from countagg.operate.selftest.bench import Bench, Sight
from countagg.operate.selftest.steps import CONDITION_FAILED
from countagg.provision.reconcile import Action, Change

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
_BEGUN = int(NOW.timestamp())
_LETTER = HeldMessage("id", "handle", "body", NOW, 1, {})


class _Meter(CallMeter):
    def __init__(self, faults: frozenset[str]) -> None:
        self._changing = ["PutRolePolicy"] if "setup writes again" in faults else []

    @contextmanager
    def mutations(self) -> Iterator[list[str]]:
        yield self._changing


class FakeBench(Bench):
    """The stack.

    Args:
        faults: what it does wrong, by name.

    Attributes:
        done: what was done to it.
    """

    def __init__(self, faults: frozenset[str]) -> None:
        self.faults = faults
        self.meter = _Meter(faults)
        self.done: list[str] = []
        self.files: dict[str, int] = {}
        self.snapshots: dict[str, tuple[str, str, int]] = {}
        self.letters: list[DeadLetter] = []
        self.limit: int | None = None
        self.ledger: int | None = None
        self.is_up = False
        self.events = 0

    def set_up(self, *, bucket_versioning: bool | None = None) -> list[Change]:
        self.done.append("set up")
        was_up, self.is_up = self.is_up, True
        if not was_up:
            found = Action.UPDATE if "something was there" in self.faults else Action.CREATE
            return [Change("topic/uploads", Action.CREATE), Change("bucket", found)]
        if bucket_versioning and "versioning stays off" not in self.faults:
            return [Change("bucket", Action.UPDATE)]
        return [Change("alarm/x", Action.UPDATE)] if "setup changes again" in self.faults else []

    def delete_role(self, function: str) -> None:
        self.done.append(f"delete role/{function}")

    def tear_down(self) -> tuple[str, ...]:
        self.done.append("tear down")
        if "teardown is killed" in self.faults:
            raise KeyboardInterrupt
        return ("queue/uploads q",) if "a queue is left" in self.faults else ()

    def invoke(self, function: str) -> Invocation:
        if "no grant" in self.faults and "delete role/processor" in self.done:
            return Invocation("Unhandled", '"KMS access was denied"', ())
        if "import fails" in self.faults and function == "publisher":
            return Invocation("Unhandled", '{"errorType": "ImportModuleError"}', ("no module",))
        if "the answer is wrong" in self.faults:
            return Invocation(None, '{"statusCode": 200}', ())
        return Invocation(None, '{"batchItemFailures": []}' if function == "processor" else "null", ("REPORT",))

    def fail_statement(self) -> StatementAnswer:
        if "the statement passes" in self.faults:
            return StatementAnswer(None, item_in_error=False, item_beside_error=False)
        return StatementAnswer(CONDITION_FAILED, item_in_error=False, item_beside_error=True)

    def put(self, instance: str, value: int) -> str:
        self.done.append(f"put {instance} {value}")
        again = self.files.get(instance) == value
        self.files[instance] = value
        if "nothing is notified" not in self.faults and not (again and "the same is dropped" in self.faults):
            self._take(instance, f"etag of {value}", value)
        if again and "the same counts twice" in self.faults:
            self.ledger = (self.ledger or 0) + value
        return f"etag of {value}"

    def put_malformed(self, instance: str) -> str:
        line = 2 if "the wrong line is blamed" in self.faults else 1
        if "refusals are lost" not in self.faults:
            self.letters.append(
                DeadLetter(_LETTER, LetterKind.REFUSAL, "function/processor", "why", key="k", line=line)
            )
        if "refused files are kept" in self.faults:
            self._take(instance, "etag of nothing", self.files[instance])
        if "refused files count" in self.faults:
            self._take(instance, "etag of nothing", 0)
        return "etag of nothing"

    def delete(self, instance: str) -> None:
        self.files.pop(instance, None)
        if "removals are not notified" not in self.faults:
            self._take(instance, "", 0)

    def _take(self, instance: str, etag: str, value: int) -> None:
        self.events += 1
        text = f"{self.events:016X}" if "sequencers count" in self.faults else f"00{_BEGUN:X}{self.events:08X}"
        self.snapshots[instance] = (normalise_sequencer(text), etag, value)
        self.ledger = sum(value for _, _, value in self.snapshots.values())

    def has_file(self, instance: str) -> bool:
        return instance in self.files and "gets miss" not in self.faults

    def look(self) -> Sight:
        passed = self.limit is not None and (self.ledger or 0) > self.limit
        alerted = passed and "nobody is alerted" not in self.faults
        return Sight(
            etags={name: etag for name, (_, etag, _) in self.snapshots.items()},
            sequencers={name: sequencer for name, (sequencer, _, _) in self.snapshots.items()},
            ledger=None if "the ledger stands still" in self.faults else self.ledger,
            table=None if "the table stands still" in self.faults else self.ledger,
            object=None if "the object stands still" in self.faults else self.ledger,
            alert=AlertState.SENT if alerted else AlertState.SENDING if passed else None,
        )

    def set_limit(self, value: int) -> None:
        self.limit = value

    def take_dead_letters(self) -> list[DeadLetter]:
        taken = self.letters
        self.letters = []
        return taken

    def verify(self, settle: float) -> Verification:  # noqa: ARG002 - as the real one
        wrong = (Difference(Hop.OBJECT, "the object is old"),) if "the object differs" in self.faults else ()
        return Verification("2026-11-20", len(self.files), 7, wrong)

    def clean_up(self) -> None:
        self.done.append("clean up")
        for instance in list(self.snapshots):
            self.delete(instance)
        self.limit, self.letters = None, []
