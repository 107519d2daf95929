"""The judgements of `doctor`: what an observation means, and what to do about it. No calls are made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

from countagg.core.errors import AccessDenied, CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.operate.stack.neighbours import check_neighbours, unknown_neighbours
from countagg.provision.choices import Remembered
from countagg.provision.notifications import check_overlaps
from countagg.provision.settings import StackSettings
from countagg.provision.states import NotificationState
from countagg.provision.storage import EVENTS

if TYPE_CHECKING:
    from countagg.aws.diagnosis import BucketLook, LambdaAccount

MAX_SKEW: Final = 60.0
"""Seconds. AWS refuses what was signed five minutes off; a clock that is a minute off is on its way there."""
MIN_CONCURRENCY: Final = 10
"""Invocations at a time: five batches of the queue, and some shards of each stream."""
TABLES_PER_REGION: Final = 2_500
"""DynamoDB's quota unless it was raised."""
MAX_ROLE_NAME: Final = 64
_CODE_NEEDED: Final = 100_000_000
"""Bytes: three zips, and as many again while they are replaced."""


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    Attributes:
        name: of the check.
        state: how it ended.
        detail: what was found.
        fix: what to do about a problem.
    """

    name: str
    state: State
    detail: str
    fix: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether something is to be done."""
        return self.state is State.PROBLEM


def passed(name: str, detail: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, State.OK, detail)


def problem(name: str, detail: str, fix: str) -> Check:
    """Return a check that found something to be done."""
    return Check(name, State.PROBLEM, detail, fix)


def not_checked(name: str, reason: str) -> Check:
    """Return a check that could not be made."""
    return Check(name, State.NOT_CHECKED, reason)


def listed(names: Sequence[str], most: int) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """Return a check, or why it could not be made."""
    try:
        return check()
    except AccessDenied as error:
        return not_checked(name, error.what)
    except CountaggError as error:
        return not_checked(name, str(error))


def from_error(name: str, error: CountaggError) -> Check:
    """Return the problem that an error tells of."""
    return problem(name, str(error), error.hint or "see `--verbose`")


def judge_version(name: str, package: str, version: str, fix: str, requirements: Mapping[str, str]) -> Check:
    """Check a version against the range that countagg's own metadata give."""
    wanted = requirements.get(package, "")
    if Requirement(package + wanted).specifier.contains(version, prereleases=True):
        return passed(name, version)
    return problem(name, f"{version}, which is not {wanted}", fix)


def own_requirements() -> dict[str, str]:
    """Return the ranges of versions that countagg was installed for, by package; those of extras too."""
    requirements = [Requirement(text) for text in metadata.requires("countagg") or ()]
    return {each.name: str(each.specifier) for each in requirements}


def judge_clock(server: datetime | None, here: datetime) -> Check:
    """Compare the endpoint's clock with ours; both aware."""
    if server is None:
        return not_checked("clock", "the endpoint's answer has no time")
    # The answer tells whole seconds.
    skew = (here - server).total_seconds()
    if abs(skew) <= MAX_SKEW:
        return passed("clock", f"within {MAX_SKEW:.0f} s of the endpoint's")
    side = "ahead of" if skew > 0 else "behind"
    fix = "set this machine's clock, for example by NTP; AWS refuses calls signed more than 5 minutes off"
    return problem("clock", f"{abs(skew):,.0f} s {side} the endpoint's", fix)


def judge_names(stack: str, region: str) -> Check:
    """Check that every name that follows from the stack's can be used."""
    names = Names(stack)
    longest = max((names.role(each, region) for each in (names.processor, names.aggregator)), key=len)
    if len(longest) <= MAX_ROLE_NAME:
        return passed("names", f"the longest, {longest}, has {len(longest)} of {MAX_ROLE_NAME} characters")
    over = len(longest) - MAX_ROLE_NAME
    return problem(
        "names",
        f"the role {longest} would have {len(longest)} characters; IAM takes {MAX_ROLE_NAME}",
        f"choose a --stack that is {over} characters shorter",
    )


def judge_lambda(account: LambdaAccount) -> Check:
    """Check that Lambda has room for three functions."""
    free = account.code_limit - account.code_used
    if account.unreserved < MIN_CONCURRENCY:
        return problem(
            "lambda quota",
            f"{account.unreserved} invocations at a time are unreserved; three functions need {MIN_CONCURRENCY}",
            "ask for more concurrent executions in Service Quotas, or reserve fewer for other functions",
        )
    if free < _CODE_NEEDED:
        return problem(
            "lambda quota",
            f"{free / 1e6:,.0f} MB are left for code",
            "delete old versions of functions and layers",
        )
    return passed("lambda quota", f"{account.unreserved:,} invocations at a time, {free / 1e9:,.1f} GB for code")


def judge_grants(problems: Mapping[str, str | None]) -> Check:
    """Check that the functions can decrypt their environments; problems by function, None if there is none."""
    lost = [f"{function}: {reason}" for function, reason in problems.items() if reason]
    if lost:
        return problem("roles", "; ".join(lost), "run `countagg setup`: it renews what was lost with the role")
    return passed("roles", "no function has lost its role")


def judge_tables(tables: frozenset[str], stack: str) -> Check:
    """Check that DynamoDB takes the stack's tables."""
    names = Names(stack)
    missing = {names.snapshots, names.totals, names.counters} - tables
    if len(tables) + len(missing) > TABLES_PER_REGION:
        return problem(
            "dynamodb quota",
            f"{len(tables):,} tables; with {len(missing)} more they pass the quota of {TABLES_PER_REGION:,}",
            "delete some, or see in Service Quotas whether the quota was raised",
        )
    return passed("dynamodb quota", f"{len(tables):,} tables of {TABLES_PER_REGION:,}")


def judge_bucket(
    found: BucketLook | None,
    settings: StackSettings,
    region: str,
    *,
    create: bool,
    neighbours: Mapping[str, Remembered | None] = MappingProxyType({}),
) -> Check:
    """Check that the bucket can be used: it is there, in the right region, and S3 takes our notification.

    Args:
        found: the bucket; None if there is none.
        settings: of the stack.
        region: the stack's.
        create: whether setup is to create it.
        neighbours: the other stacks that it notifies (`operate.neighbours`).
    """
    bucket = settings.bucket
    if found is None:
        if create:
            return passed("bucket", f"{bucket} does not exist yet; setup creates it")
        return problem("bucket", f"{bucket} does not exist", "check --bucket, or set up with --create-bucket")
    if found.region != region:
        fix = f"use --region {found.region}, or another --bucket"
        return problem("bucket", f"{bucket} is in {found.region}, not in {region}", fix)
    ours = NotificationState("", EVENTS, settings.prefix)
    try:
        check_overlaps(ours, settings.names.uploads, found.notifications)
        check_neighbours(settings, neighbours)
    except CountaggError as error:
        return problem("bucket", error.what, error.hint)
    unknown = unknown_neighbours(neighbours)
    detail = f"{bucket}: no other notification conflicts"
    return passed("bucket", f"{detail}; {unknown}" if unknown else detail)
