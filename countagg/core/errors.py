"""The error tree: one base class, caught once at the edge of the command line.

CountaggError                exit  1  failure
|- UsageError                exit  2  the command line or a settings file is wrong
|- ConnectionProblem         exit  3  credentials, region or endpoint
|  `- EngineProblem          exit  3  the embedded engine does not run as it should
|- LeftOver                  exit  4  partly done, or something is left over
|- StackNotFound             exit  5  no such stack
|- Declined                  exit  8  the answer to a question was no
|- TimedOut                  exit  9  a wait reached its end
|- NotOwned                  exit  1  a resource of that name belongs to somebody else
|- PlanOutdated              exit  1  a change is due that the plan did not show
|- ImmutableField            exit  1  AWS cannot change this; nothing is replaced silently
|- AwsCallFailed             exit  1  AWS refused a call for another reason
|  |- AccessDenied           exit  1  the principal lacks a permission
|  |- UnreadableObject       exit  1  S3 does not read out an object, for a reason of the object's own
|  `- MadeMeanwhile          exit  1  somebody else made or changed it at the same time, again and again
|- InvalidInput              exit  1  data that the pipeline's input rules refuse
|  |- InvalidCounterFile
|  |- InvalidObjectKey
|  `- InvalidEvent
`- CorruptDocument           exit  1  a stored document cannot be read back
"""

from __future__ import annotations

from typing import ClassVar, Final

_SHOWN: Final = 100


def shorten(value: object) -> str:
    """Return what a message says of something from outside, which may be of any length."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


class CountaggError(Exception):
    """Something countagg can explain: where it happened, what happened, what to do next.

    Args:
        what: one sentence that says what is wrong.
        where: the resource, file or call concerned; empty if the sentence names it.
        hint: what to do next; empty if nothing useful can be said.
        detail: facts for `--verbose` only, such as the AWS request id.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "", detail: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class UsageError(CountaggError):
    """The command line, an environment variable or a settings file is wrong."""

    exit_code = 2


class ConnectionProblem(CountaggError):
    """No usable credentials, no region, or an endpoint that does not answer."""

    exit_code = 3


class LeftOver(CountaggError):
    """The work is partly done, or something is left over."""

    exit_code = 4


class StackNotFound(CountaggError):
    """There is no stack of that name in this account and region."""

    exit_code = 5


class Declined(CountaggError):
    """The operator answered no."""

    exit_code = 8


class TimedOut(CountaggError):
    """A wait came to its end before what was waited for."""

    exit_code = 9


class NotOwned(CountaggError):
    """A resource of that name exists and does not carry this stack's tag."""


class PlanOutdated(CountaggError):
    """A change is due that the plan did not show."""


class ImmutableField(CountaggError):
    """The desired state differs in a field that AWS cannot change on an existing resource."""


class AwsCallFailed(CountaggError):
    """AWS refused a call."""


class AccessDenied(AwsCallFailed):
    """The principal may not do this; the sentence names the action and the resource.

    Args:
        action: as IAM calls it, such as `sqs:GetQueueUrl`; empty if AWS did not name it.
    """

    def __init__(self, what: str, *, action: str = "", where: str = "", hint: str = "", detail: str = "") -> None:
        super().__init__(what, where=where, hint=hint, detail=detail)
        self.action = action


class UnreadableObject(AwsCallFailed):
    """S3 does not read out an object, for a reason of the object's own; all others may be read.

    Args:
        denied: whether it is the principal that may not use the object's key: somebody else may.
    """

    def __init__(self, what: str, *, denied: bool = False, where: str = "", detail: str = "") -> None:
        super().__init__(what, where=where, detail=detail)
        self.denied = denied


class MadeMeanwhile(AwsCallFailed):
    """Somebody else did what was about to be done; or a call did whose answer was lost. Look again."""


class EngineProblem(ConnectionProblem):
    """The embedded engine is not running, died, or could not be started."""


class InvalidInput(CountaggError):
    """Data that the pipeline's input rules refuse."""


class InvalidCounterFile(InvalidInput):
    """A counter file that is refused whole.

    Args:
        reason: which rule it breaks.
        line: the line number, counted from 1; None when the rule is about the whole file.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason, where="" if line is None else f"line {line}")
        self.reason = reason
        self.line = line


class InvalidObjectKey(InvalidInput):
    """A key that has the shape of a counter file's, with a date or instance id that the rules refuse."""


class InvalidEvent(InvalidInput):
    """An event message that cannot be understood."""


class CorruptDocument(CountaggError):
    """A stored document (snapshot, ledger) that cannot be decoded."""
