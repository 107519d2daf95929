"""Waiting for AWS, which is eventually consistent: on listed answers only, with back-off and an end.

The answers and their texts are those of AWS-FACTS sections 1 to 7. Code and text must both match, because the same
codes stand for real mistakes too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of, message_of
from countagg.core.errors import TimedOut

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transient:
    """An answer that goes away by itself: its code, and a part of its text (empty: the code says it all)."""

    code: str
    text: str = ""

    def matches(self, error: ClientError) -> bool:
        """Tell whether the error is this answer."""
        return code_of(error) == self.code and self.text in message_of(error)


ROLE_NOT_READY: Final = (
    Transient("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda"),
    Transient("InvalidParameterValueException", "The provided execution role does not have permissions to call"),
)
STREAM_NOT_READABLE: Final = (Transient("InvalidParameterValueException", "Cannot access stream"),)
QUEUE_NOT_READABLE: Final = (
    Transient("InvalidParameterValueException", "The provided execution role does not have permissions to call"),
    Transient("InvalidParameterValueException", "The function execution role does not have permissions to call"),
)
FUNCTION_BUSY: Final = (Transient("ResourceConflictException", "An update is in progress for resource"),)
MAPPING_BUSY: Final = (Transient("ResourceInUseException"),)
# Too many tables at a time goes away; too many tables in the account, with the same code, does not.
TABLE_BUSY: Final = (Transient("ResourceInUseException"), Transient("LimitExceededException", "simultaneously"))
BACKUPS_NOT_READY: Final = (Transient("ContinuousBackupsUnavailableException"),)
TTL_CHANGED_LATELY: Final = Transient("ValidationException", "modified multiple times within a fixed interval")
DESTINATION_NOT_VALID: Final = (
    Transient("InvalidArgument", "Unable to validate the following destination configurations"),
)
QUEUE_DELETED_RECENTLY: Final = (
    Transient("AWS.SimpleQueueService.QueueDeletedRecently"),
    Transient("QueueDeletedRecently"),
)
LOGS_BUSY: Final = (Transient("OperationAbortedException"),)
ROLE_BUSY: Final = (Transient("ConcurrentModification"),)

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
_GROWTH: Final = 1.6


@dataclass(frozen=True, slots=True)
class Patience:
    """How waiting is done.

    Attributes:
        announce: told what is waited for, once a wait.
        deadline: seconds after which a wait fails. A fresh role once took 5.5 minutes (AWS-FACTS section 3).
        sleep: pauses for so many seconds.
        clock: seconds from any start, never going back.
        warn: told what is not waited for, and what to do about it.
    """

    announce: Callable[[str], None]
    deadline: float = 600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    warn: Callable[[str], None] = lambda _: None

    def call(self, action: Callable[[], T], transient: Sequence[Transient], what: str) -> T:
        """Do it, and again as long as AWS gives one of the transient answers.

        Args:
            action: the call.
            transient: the answers that are waited out; every other error rises at once.
            what: what is waited for, for people.

        Raises:
            TimedOut: the deadline has come.
        """
        answer: list[T] = []

        def succeeded() -> bool:
            try:
                answer.append(action())
            except ClientError as error:
                if not any(known.matches(error) for known in transient):
                    raise
                return False
            return True

        self.until(succeeded, what)
        return answer[0]

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Ask until the answer is yes.

        Raises:
            TimedOut: the deadline has come.
        """
        if ready():
            return
        self.announce(what)
        end, pause = self.clock() + self.deadline, _FIRST_PAUSE
        while self.clock() < end:
            self.sleep(pause)
            if ready():
                return
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        raise TimedOut(f"still waiting after {self.deadline:.0f} s", where=what, hint="run the same command again")
