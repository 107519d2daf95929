"""Waiting for AWS, which is eventually consistent: on listed answers only, with back-off and an end.

The answers and their texts are those of docs/aws-facts.md. Code and text must
both match, because the same codes stand for real mistakes too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of, describe_answer, message_of
from countagg.core.errors import TimedOut
from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import Polling

T = TypeVar("T")
C = TypeVar("C")

SHOWN_AFTER_CREATION: Final = 120.0
"""Seconds within which AWS shows what was created; SQS says 60 of itself, IAM and S3 say no number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of AWS that reports an error: its code, and a part of its text (empty: the code says it all)."""

    code: str
    text: str = ""

    def matches(self, error: ClientError) -> bool:
        """Tell whether the error is this answer."""
        return code_of(error) == self.code and self.text in message_of(error)


@dataclass(frozen=True, slots=True)
class Transient(Answer):
    """An answer that goes away by itself.

    Attributes:
        lasts: seconds after which it is believed; None for the deadline of whoever waits.
    """

    lasts: float | None = None


def _not_yet(code: str, text: str = "") -> Transient:
    """Return an answer that denies what was made a moment ago."""
    return Transient(code, text, SHOWN_AFTER_CREATION)


_INVALID: Final = "InvalidParameterValueException"

ROLE_NOT_READY: Final = (
    Transient(_INVALID, "The role defined for the function cannot be assumed by Lambda"),
    Transient(_INVALID, "The provided execution role does not have permissions to call"),
    # Of a key that is really wrong, "KMS key is invalid for CreateGrant" is told without this.
    Transient(_INVALID, "ARN does not refer to a valid principal"),
)
STREAM_NOT_READABLE: Final = (Transient(_INVALID, "Cannot access stream"),)
QUEUE_NOT_READABLE: Final = (
    Transient(_INVALID, "The provided execution role does not have permissions to call"),
    Transient(_INVALID, "The function execution role does not have permissions to call"),
    _not_yet(_INVALID, "AWS.SimpleQueueService.NonExistentQueue"),
)
FUNCTION_BUSY: Final = (
    Transient("ResourceConflictException", "An update is in progress for resource"),
    Transient("ResourceConflictException", "The function is currently in the following state: Pending"),
)
FUNCTION_NOT_YET: Final = (_not_yet("ResourceNotFoundException", "Function not found"),)
MAPPING_BUSY: Final = (Transient("ResourceInUseException"),)
MAPPING_NOT_YET: Final = (_not_yet("ResourceNotFoundException", "The resource you requested does not exist"),)
# The same codes are told of a table that exists, and of too many tables in the account.
TABLE_BUSY: Final = (
    Transient("ResourceInUseException", "still in use"),
    Transient("ResourceInUseException", "is being"),
    Transient("LimitExceededException", "simultaneously"),
)
TABLE_NOT_YET: Final = (
    _not_yet("ResourceNotFoundException", "Requested resource not found"),
    _not_yet("TableNotFoundException"),
)
BACKUPS_NOT_READY: Final = (Transient("ContinuousBackupsUnavailableException"),)
TTL_CHANGED_LATELY: Final = Answer("ValidationException", "modified multiple times within a fixed interval")
BUCKET_BUSY: Final = (Transient("OperationAborted"),)
BUCKET_NOT_YET: Final = (_not_yet("NoSuchBucket"),)
DESTINATION_NOT_VALID: Final = (
    Transient("InvalidArgument", "Unable to validate the following destination configurations"),
)
TOPIC_NOT_YET: Final = (_not_yet("NotFound", "Topic does not exist"), _not_yet("ResourceNotFound"))
SUBSCRIPTION_NOT_YET: Final = (_not_yet("NotFound", "Subscription does not exist"),)
QUEUE_DELETED_RECENTLY: Final = (
    Transient("AWS.SimpleQueueService.QueueDeletedRecently"),
    Transient("QueueDeletedRecently"),
)
QUEUE_NOT_YET: Final = (_not_yet("AWS.SimpleQueueService.NonExistentQueue"), _not_yet("QueueDoesNotExist"))
DEAD_LETTERS_NOT_YET: Final = (_not_yet("InvalidParameterValue", "Dead letter target does not exist"),)
LOGS_BUSY: Final = (Transient("OperationAbortedException"),)
LOGS_NOT_YET: Final = (_not_yet("ResourceNotFoundException"),)
DASHBOARD_NOT_YET: Final = (_not_yet("ResourceNotFoundException"), _not_yet("ResourceNotFound"))
ALARM_NOT_YET: Final = (_not_yet("ResourceNotFoundException"), _not_yet("ResourceNotFound"))
ROLE_BUSY: Final = (Transient("ConcurrentModification"),)
ROLE_NOT_YET: Final = (_not_yet("NoSuchEntity", "role with name"),)
# A role in an instance profile is refused by the same code, and stays.
ROLE_NOT_EMPTY: Final = (
    Transient("DeleteConflict", "must delete policies first"),
    Transient("DeleteConflict", "must detach all policies first"),
)
# A HEAD has no body that could name the code.
READING_BUSY: Final = (*BUCKET_BUSY, *LOGS_BUSY)
"""Told by a read of what is being made, changed or deleted."""

EXISTS: Final = (
    Answer("EntityAlreadyExists"),
    Answer("ResourceAlreadyExistsException"),
    Answer("BucketAlreadyOwnedByYou"),
    Answer("QueueAlreadyExists"),
    Answer("QueueNameExists"),
    Answer("ResourceInUseException", "already exists"),
    Answer("ResourceConflictException", "already exist"),
    Answer("InvalidParameter", "already exists with different"),
    Answer("ValidationException", "TimeToLive is already"),
    Answer("ValidationException", "already has an enabled stream"),
    Answer("ValidationException", "index which already exists"),
)
"""Somebody did what we are about to do, since we looked. It may have been a call of ours whose answer was lost.

It is no reason to wait, but to look again.
"""

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
USUAL: Final = Polling(600.0)
"""A fresh role once took 5.5 minutes (docs/aws-facts.md#lambda-functions)."""


def is_one_of(error: ClientError, answers: Iterable[Answer]) -> bool:
    """Tell whether an error is one of the answers."""
    return any(known.matches(error) for known in answers)


def _nothing() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How waiting is done.

    Attributes:
        announce: told what is waited for, once a wait.
        polling: how long, and by which clock.
        warn: told what is not waited for, and what to do about it.
    """

    announce: Callable[[str], None]
    polling: Polling = USUAL
    warn: Callable[[str], None] = lambda _: None

    def within(self, seconds: float) -> Patience:
        """Return one that waits no longer than so."""
        return replace(self, polling=replace(self.polling, timeout=min(self.polling.timeout, seconds)))

    def call(self, action: Callable[[], T], transient: Sequence[Transient], what: str) -> T:
        """Do it, and again as long as AWS gives one of the transient answers.

        Args:
            action: the call.
            transient: the answers that are waited out; every other error rises at once.
            what: what is waited for, for people.

        Raises:
            TimedOut: the deadline has come, or an answer lasts too long; it tells AWS's last answer.
        """
        results: list[T] = []
        refusals: list[ClientError] = []
        began = self.polling.clock()

        def succeeded() -> bool:
            try:
                results.append(action())
            except ClientError as error:
                known = next((each for each in transient if each.matches(error)), None)
                if known is None:
                    raise
                refusals.append(error)
                if known.lasts is not None and self.polling.clock() - began >= known.lasts:
                    raise _timed_out(known.lasts, what, describe_answer(error)) from error
                return False
            return True

        self.until(succeeded, what, lambda: describe_answer(refusals[-1]))
        return results[0]

    def settled(self, look: Callable[[], T], unsettled: Callable[[T], str | None], what: str) -> T:
        """Look until what is seen has settled, and return it.

        Args:
            look: reads it.
            unsettled: says in AWS's words what is still going on; None if nothing is.
            what: what is waited for, for people.

        Raises:
            TimedOut: the deadline has come.
        """
        seen: list[T] = []

        def has_settled() -> bool:
            seen.append(look())
            return unsettled(seen[-1]) is None

        self.until(has_settled, what, lambda: unsettled(seen[-1]) or "")
        return seen[-1]

    def until(self, ready: Callable[[], bool], what: str, last_answer: Callable[[], str] = _nothing) -> None:
        """Ask until the answer is yes.

        Args:
            ready: asks.
            what: what is waited for, for people.
            last_answer: what AWS said last, for the case that it is too late.

        Raises:
            TimedOut: the deadline has come.
        """
        for number, _ in enumerate(self.polling.looks(_FIRST_PAUSE, _LONGEST_PAUSE)):
            if ready():
                return
            if number == 0:
                self.announce(what)
        raise _timed_out(self.polling.timeout, what, last_answer())

    def over(self, client: C, transient: Sequence[Transient], what: str) -> C:
        """Return a client each of whose calls is waited for as `call` does."""
        return cast("C", _PatientClient(client, self, transient, what))


@dataclass(frozen=True, slots=True)
class _PatientClient:
    """A client whose calls are waited for."""

    _client: Any
    _patience: Patience
    _transient: Sequence[Transient]
    _what: str

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return lambda **request: self._patience.call(lambda: method(**request), self._transient, self._what)


def _timed_out(seconds: float, what: str, last_answer: str) -> TimedOut:
    told = f"; AWS's last answer: {last_answer}" if last_answer else ""
    return TimedOut(f"still waiting after {seconds:.0f} s{told}", where=what, hint="run the same command again")
