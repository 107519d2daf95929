"""Doctor: whether countagg can work here, check by check, each with what to do about a problem.

Every check stands for itself: what needs no credentials is checked without them.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Final

from countagg.aws.day_tables import DayTables
from countagg.aws.diagnosis import has_credentials, lambda_account, look_at_bucket, server_time, table_names
from countagg.aws.environments import read_environment
from countagg.aws.errors import aws_errors
from countagg.aws.grants import grant_problem
from countagg.core.errors import CountaggError, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.operate.doctor import instance_check, ledger_check
from countagg.operate.doctor.checks import (
    Check,
    from_error,
    guarded,
    judge_bucket,
    judge_clock,
    judge_grants,
    judge_lambda,
    judge_names,
    judge_tables,
    judge_version,
    not_checked,
    own_requirements,
    passed,
    problem,
)
from countagg.operate.doctor.rights import find_rights, judge_rights, rights_of
from countagg.operate.stack.neighbours import read_neighbours
from countagg.provision.choices import NoBucket, Remembered
from countagg.provision.fitness import check_fitness
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings

if TYPE_CHECKING:
    from countagg.aws.session import Caller, Clients

CONNECTION_CHECKS: Final = frozenset({"connection", "region", "endpoint", "credentials"})
"""Problems of these are ConnectionProblems: without them, little else can be checked."""
_OF_DAYS: Final = (ledger_check.NAME, instance_check.NAME)
_NEEDS_CALLER: Final = "not signed in"


@dataclass(frozen=True, slots=True)
class Examination:
    """What is examined.

    Attributes:
        stack: the stack's name; may be one that cannot be.
        connect: makes the clients.
        choose: completes the settings from what the deployed stack remembers.
        commands: whose permissions are checked.
        engine_version: tells the version of the embedded engine; None where it is not used.
        now: this machine's time, aware.
        on_step: told how many of how many questions about permissions are answered.
    """

    stack: str
    connect: Callable[[], Clients]
    choose: Callable[[Remembered], StackSettings]
    commands: Sequence[str]
    engine_version: Callable[[], str] | None
    now: Callable[[], datetime]
    on_step: Callable[[int, int], None]


def examine(examination: Examination) -> Iterator[Check]:
    """Yield the checks, in an order in which each explains what comes after it."""
    yield from _installation(examination)
    try:
        clients = examination.connect()
    except CountaggError as error:
        yield from_error("connection", error)
        yield _settings(examination, Remembered())[1]
        return
    yield from _place(clients, examination)
    caller = yield from _credentials(clients)
    if caller is None:
        yield _settings(examination, Remembered())[1]
        rest = ("stack", "bucket", "roles", *_OF_DAYS, "lambda quota", "dynamodb quota", "permissions")
        yield from (not_checked(name, _NEEDS_CALLER) for name in rest)
        return
    yield from _stack(clients, caller, examination)


def _installation(examination: Examination) -> Iterator[Check]:
    wanted = own_requirements()
    yield passed("python", platform.python_version())
    yield judge_version("boto3", "boto3", metadata.version("boto3"), "pip install --upgrade boto3", wanted)
    if examination.engine_version is not None:
        version = examination.engine_version
        fix = "pip install --upgrade 'countagg[local]', then countagg local stop and countagg local start"
        yield guarded("engine", lambda: judge_version("engine", "ministack", version(), fix, wanted))


def _place(clients: Clients, examination: Examination) -> Iterator[Check]:
    """Check what needs no credentials."""
    try:
        region = clients.region()
    except CountaggError as error:
        yield from_error("region", error)
        yield from (not_checked(name, "no region is set") for name in ("endpoint", "clock", "names"))
        return
    yield passed("region", region)
    try:
        told = server_time(clients)
    except CountaggError as error:
        yield from_error("endpoint", error)
        yield not_checked("clock", "the endpoint does not answer")
    else:
        yield passed("endpoint", f"{clients.anonymous_sts.meta.endpoint_url} answers")
        yield judge_clock(told, examination.now())
    try:
        yield judge_names(examination.stack, region)
    except UsageError as error:
        yield from_error("names", error)


def _credentials(clients: Clients) -> Generator[Check, None, Caller | None]:
    """Check who acts; return that, or None if it is nobody."""
    try:
        present = has_credentials(clients)
        if present is None:
            fix = "sign in with `aws login` or `aws sso login`, set AWS_PROFILE, or try --local"
            yield problem("credentials", "there are none", fix)
            return None
        with aws_errors():
            caller = clients.caller()
    except CountaggError as error:
        yield from_error("credentials", error)
        return None
    origin = "the embedded engine's own" if clients.is_embedded else f"found by {present}"
    yield passed("credentials", f"{caller.principal}, {origin}")
    return caller


def _stack(clients: Clients, caller: Caller, examination: Examination) -> Iterator[Check]:
    """Check the account, with its bucket and its stack if there are any."""
    remembered, deployed = _remembered(clients, examination.stack)
    settings, judgement = _settings(examination, remembered, caller.place)
    yield judgement
    yield deployed
    if settings is None:
        yield from (not_checked(name, "the settings are wrong") for name in ("bucket", "permissions"))
    else:
        yield _bucket(clients, caller, settings)
    yield guarded("roles", lambda: _roles(clients, Names(examination.stack)))
    if remembered.bucket:
        yield from _days(clients, examination)
    else:
        yield from (not_checked(name, "no stack is deployed") for name in _OF_DAYS)
    yield guarded("lambda quota", lambda: judge_lambda(lambda_account(clients)))
    yield guarded("dynamodb quota", lambda: judge_tables(table_names(clients), examination.stack))
    if settings is not None:
        yield from _permissions(clients, caller, settings, examination)


def _roles(clients: Clients, names: Names) -> Check:
    """Check that each function there is can decrypt its environment by its role."""
    problems = {function: grant_problem(clients, function) for function in names.functions.values()}
    return judge_grants(problems)


def _days(clients: Clients, examination: Examination) -> Iterator[Check]:
    """Check the ledgers of today and yesterday, and the instances that they include."""
    tables, today = DayTables(clients, Names(examination.stack)), examination.now().astimezone(UTC).date()
    days = [(today - timedelta(days=back)).isoformat() for back in (0, 1)]
    read = cache(lambda: {day: tables.ledgers_one_by_one(day) for day in days})
    yield guarded(ledger_check.NAME, lambda: ledger_check.judge_ledgers(read()))
    yield guarded(instance_check.NAME, lambda: instance_check.judge_instances(read()))


def _remembered(clients: Clients, stack: str) -> tuple[Remembered, Check]:
    """Return what the deployed stack remembers, and whether there is one."""
    try:
        environment = read_environment(clients, stack)
    except CountaggError as error:
        return Remembered(), not_checked("stack", str(error))
    told = f"{stack} is {'deployed' if environment else 'not deployed yet'}"
    return Remembered.from_environment(environment), passed("stack", told)


def _settings(
    examination: Examination, remembered: Remembered, place: Place | None = None
) -> tuple[StackSettings | None, Check]:
    """Complete the settings, without a bucket if none is named, and check them; None if they are wrong."""
    try:
        try:
            settings = examination.choose(remembered)
        except NoBucket:
            settings = StackSettings(examination.stack, "")
    except UsageError as error:
        return None, from_error("settings", error)
    if place is not None:
        try:
            check_fitness(settings, place)
        except UsageError as error:
            return settings, from_error("settings", error)
    told = f"files come from {settings.prefix}, totals go to {settings.output_prefix}"
    return settings, passed("settings", told)


def _bucket(clients: Clients, caller: Caller, settings: StackSettings) -> Check:
    if not settings.bucket:
        return not_checked("bucket", "none is named; give --bucket")
    place = caller.place

    def look() -> Check:
        bucket = look_at_bucket(clients, settings.bucket, place.account)
        notifications = json.loads(bucket.notifications) if bucket else {}
        neighbours = read_neighbours(clients, settings, place, notifications)
        return judge_bucket(bucket, settings, place.region, create=settings.create_bucket, neighbours=neighbours)

    return guarded("bucket", look)


def _permissions(
    clients: Clients, caller: Caller, settings: StackSettings, examination: Examination
) -> Iterator[Check]:
    needed = {command: rights_of(command, settings, caller.place) for command in examination.commands}
    try:
        rights = find_rights(
            clients,
            caller.principal,
            frozenset().union(*needed.values()),
            _context(settings, caller),
            examination.on_step,
        )
    except CountaggError as error:
        yield not_checked("permissions", str(error))
        return
    yield passed("permissions", rights.way)
    for command in examination.commands:
        yield judge_rights(command, needed[command], rights)


def _context(settings: StackSettings, caller: Caller) -> dict[str, str]:
    """Return the condition keys that the commands' calls come with."""
    context = {
        "iam:PassedToService": "lambda.amazonaws.com",
        "lambda:FunctionArn": caller.place.function_arn(settings.names.processor),
    }
    if settings.permissions_boundary:
        context["iam:PermissionsBoundary"] = settings.permissions_boundary
    return context
