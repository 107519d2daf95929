"""Every error that there is: a command line that ends in it, and where, what and what next it tells."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import boto3
import botocore.endpoint
import botocore.handlers
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from moto.core.botocore_stubber import MockRawResponse

import countagg as package
from countagg.cli.app import registry
from countagg.core.errors import (
    AccessDenied,
    AwsCallFailed,
    ConnectionProblem,
    CorruptDocument,
    CountaggError,
    Declined,
    EngineProblem,
    ImmutableField,
    InvalidCounterFile,
    InvalidEvent,
    InvalidInput,
    InvalidObjectKey,
    LeftOver,
    MadeMeanwhile,
    NotOwned,
    PlanOutdated,
    StackNotFound,
    TimedOut,
    UnreadableObject,
    UsageError,
)
from countagg.operate.cost.fleet_sizes import DoesNotFit
from countagg.operate.stack import deployment
from countagg.provision.choices import NoBucket
from tests.cli.account import BUCKET, set_up
from tests.cli.running import CommandLine, Ran, Terminal, at_terminal
from tests.cli.stub_endpoint import Answering, always, endpoint, refusing

DAY: Final = "2026-07-01"
NOT_AT_THE_EDGE: Final = {
    InvalidInput: "the class that the others of its kind derive from; nothing raises it",
    MadeMeanwhile: "setup looks again at what somebody made or changed meanwhile; it gives up after some looks",
    UnreadableObject: "verify, repair and explain list the object among the files that are refused",
    InvalidEvent: "the functions refuse an event with it; a dead letter that bears one is shown as it is",
}
PAGE: Final = "<html><body><h1>Welcome to the guest network</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Case:
    """What a command line ends in, and what its user reads.

    Attributes:
        kind: the class, or that of its cause where the edge tells it as another one.
        arguments: of the command line.
        code: its exit code.
        where, what, hint: parts of the message; the hint is the beginning of what comes after `try:`.
        before: makes the world what it has to be.
    """

    kind: type[CountaggError]
    arguments: tuple[str, ...]
    code: int
    where: str
    what: str
    hint: str
    before: Callable[[pytest.MonkeyPatch], object] = field(default=lambda _: None)


def type_no(patch: pytest.MonkeyPatch) -> None:
    at_terminal(patch, "no\n")


class Meanwhile(Terminal):
    """Somebody changes the stack while the operator reads the plan."""

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # as StringIO itself has it
        boto3.client("logs").put_retention_policy(logGroupName="/aws/lambda/countagg-processor", retentionInDays=3)
        return super().readline(size)


def somebody_else_meanwhile(patch: pytest.MonkeyPatch) -> None:
    set_up()
    at_terminal(patch, Meanwhile("yes\n"))


def a_topic_of_others(_: pytest.MonkeyPatch) -> None:
    boto3.client("sns").create_topic(Name="countagg-uploads")


def a_bucket_of_another_account(patch: pytest.MonkeyPatch) -> None:
    def refuse(request: Any, **_: object) -> AWSResponse:
        headers: Any = HeadersDict({})
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return AWSResponse(request.url, 403, headers, MockRawResponse(body))

    # moto does not look at ExpectedBucketOwner.
    handler = ("before-send.s3.GetBucketLocation", refuse, botocore.handlers.REGISTER_FIRST)
    patch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, handler])


def a_bucket_elsewhere(_: pytest.MonkeyPatch) -> None:
    place: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", region_name="eu-west-1").create_bucket(Bucket="elsewhere", CreateBucketConfiguration=place)


def a_table_with_other_keys(_: pytest.MonkeyPatch) -> None:
    boto3.client("dynamodb").create_table(
        TableName="countagg-snapshots",
        KeySchema=[{"AttributeName": "Instance", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Instance", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "countagg:stack", "Value": "countagg"}],
    )


def a_stack(_: pytest.MonkeyPatch) -> None:
    set_up()


def a_stack_with_a_copy_by_hand(patch: pytest.MonkeyPatch) -> None:
    set_up()
    boto3.client("sns").create_topic(Name="by-hand", Tags=[{"Key": "countagg:stack", "Value": "countagg"}])
    patch.setattr(deployment, "_SHOWN_AFTER_DELETION", 0.0)


def unreadable_totals(_: pytest.MonkeyPatch) -> None:
    set_up()
    item: Any = {"Date": {"S": DAY}, "Version": {"N": "1"}, "UpdatedAt": {"S": ""}, "Document": {"B": b"no zlib"}}
    boto3.client("dynamodb").put_item(TableName="countagg-totals", Item=item)


def a_bad_file_of_limits(_: pytest.MonkeyPatch) -> None:
    set_up()
    Path("limits.txt").write_text("A 1\nB two\n")


def no_region(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("AWS_DEFAULT_REGION")


def no_credentials(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("AWS_ACCESS_KEY_ID")
    patch.delenv("AWS_SECRET_ACCESS_KEY")


def a_program_that_is_missing(patch: pytest.MonkeyPatch) -> None:
    no_credentials(patch)
    Path("config").write_text("[default]\ncredential_process = /nowhere/program\n")
    patch.setenv("AWS_CONFIG_FILE", "config")


def an_endpoint_without_a_scheme(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ENDPOINT_URL", "localhost:4566")


def a_file_for_a_home(patch: pytest.MonkeyPatch) -> None:
    Path("home").write_text("no folder")
    patch.setenv("HOME", str(Path("home").absolute()))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        patch.setenv(name, str(Path("home/xdg").absolute()))


SIGN_IN: Final = "sign in with `aws login`"
SETUP: Final = ("setup", "--bucket", BUCKET)
CASES: Final = {
    "no date": Case(
        UsageError, ("query", "--date", "never"), 2, "--date", "'never' is not a date", "give YYYY-MM-DD"
    ),
    "no terminal": Case(UsageError, SETUP, 2, "--yes", "there is no terminal to ask on", "give --yes"),
    "no bucket named": Case(NoBucket, ("setup", "--yes"), 2, "--bucket", "no bucket is named", "give --bucket"),
    "too large": Case(DoesNotFit, ("cost", "--counters", "500000"), 2, "--counters", "fit", "", lambda _: None),
    "no region": Case(ConnectionProblem, ("plan",), 3, "--region", "no region is set", "give --region", no_region),
    "no such region": Case(
        ConnectionProblem, ("status", "--region", "moon 1"), 3, "moon 1", "region", "check --region"
    ),
    "no credentials": Case(
        ConnectionProblem, SETUP, 3, "sign-in", "Unable to locate credentials", SIGN_IN, no_credentials
    ),
    "no program for credentials": Case(
        ConnectionProblem,
        SETUP,
        3,
        "AWS configuration",
        "credential_process returned no credentials: No such file or directory: /nowhere/program",
        "check credential_process",
        a_program_that_is_missing,
    ),
    "no scheme": Case(
        ConnectionProblem,
        SETUP,
        3,
        "AWS configuration",
        "Invalid endpoint: localhost:4566",
        "check --region, --endpoint-url, AWS_ENDPOINT_URL",
        an_endpoint_without_a_scheme,
    ),
    "no such profile": Case(
        ConnectionProblem,
        ("plan", "--profile", "x"),
        3,
        "AWS configuration",
        "(x) could not be",
        "`aws configure list-profiles`",
    ),
    "nobody listens": Case(
        ConnectionProblem,
        ("status", "--endpoint-url", "http://127.0.0.1:1"),
        3,
        "settings of the stack",
        "Could not connect",
        "check the network",
    ),
    "no engine": Case(
        EngineProblem,
        ("--local", "status"),
        3,
        "embedded engine",
        "is not running",
        "start it: countagg local start\n",
    ),
    "home is a file": Case(
        EngineProblem, ("local", "start"), 3, "home/xdg", "Not a directory", "make it writable", a_file_for_a_home
    ),
    "a copy by hand": Case(
        LeftOver,
        ("teardown", "--yes", "--keep-logs"),
        4,
        "arn:aws:sns:us-east-1:123456789012:by-hand",
        "still there",
        "run `countagg teardown` again",
        a_stack_with_a_copy_by_hand,
    ),
    "no stack": Case(
        StackNotFound, ("status", "--region", "eu-west-1"), 5, "eu-west-1", "there is no stack", "check --stack"
    ),
    "answer no": Case(Declined, SETUP, 8, "the answer", "was not 'yes'", "run it again", type_no),
    "not shown": Case(
        PlanOutdated,
        (*SETUP, "--lanes", "2"),
        1,
        "logs/processor",
        "which was not shown",
        "the same command again",
        somebody_else_meanwhile,
    ),
    "no totals in time": Case(
        TimedOut,
        ("upload-sample", "--wait", "--timeout", "0"),
        9,
        "totals of ",
        "include 0 of 4 files after 0 s",
        "see `countagg status`",
        a_stack,
    ),
    "a topic of others": Case(
        NotOwned,
        (*SETUP, "--yes"),
        1,
        "topic/uploads",
        "does not belong to this stack",
        "choose another --stack",
        a_topic_of_others,
    ),
    "a table with other keys": Case(
        ImmutableField,
        (*SETUP, "--yes"),
        1,
        "table/snapshots countagg-snapshots",
        "cannot be changed",
        "tear the stack down",
        a_table_with_other_keys,
    ),
    "no such bucket": Case(
        CountaggError,
        ("plan", "--bucket", "nobodys"),
        1,
        "bucket nobodys",
        "it does not exist",
        "create it first, or have --create-bucket do so\n",
    ),
    "a bucket of another account": Case(
        AccessDenied,
        ("plan", "--bucket", "of-another-account"),
        1,
        "bucket of-another-account",
        "belongs to another account",
        "choose another --bucket",
        a_bucket_of_another_account,
    ),
    "a bucket elsewhere": Case(
        AwsCallFailed,
        ("plan", "--bucket", "elsewhere"),
        1,
        "bucket elsewhere",
        "is in eu-west-1",
        "use --region eu-west-1",
        a_bucket_elsewhere,
    ),
    "unreadable totals": Case(
        CorruptDocument,
        ("query", "--date", DAY),
        1,
        f"totals of {DAY}",
        "cannot be decompressed",
        f"`countagg repair --date {DAY}`",
        unreadable_totals,
    ),
    "a bad file of limits": Case(
        InvalidCounterFile,
        ("limits", "import", "limits.txt"),
        2,
        "limits.txt, line 2",
        "'two'",
        "mend the file",
        a_bad_file_of_limits,
    ),
    "a day that is over": Case(
        InvalidObjectKey,
        ("upload-sample", "--date", "2020-01-01"),
        2,
        "--date",
        "2020-01-01 is more than 35 days before",
        "choose another day: the pipeline would refuse such files",
        a_stack,
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers, and what comes of it; `kind`, `code` and the texts are those of a case."""

    kind: type[CountaggError]
    answering: Answering
    code: int
    what: str
    hint: str


NO_TOKEN: Final = "The security token included in the request is expired"
DENIED: Final = "User: u is not authorized to perform: lambda:GetFunction on resource: r"
ANSWERS: Final = {
    "ExpiredToken": Answer(
        ConnectionProblem, refusing(400, "ExpiredToken", NO_TOKEN), 3, "have expired", "sign in again"
    ),
    "ExpiredTokenException": Answer(
        ConnectionProblem, refusing(400, "ExpiredTokenException", NO_TOKEN), 3, "have expired", "sign in again"
    ),
    "RequestExpired": Answer(
        ConnectionProblem, refusing(400, "RequestExpired", "Request has expired."), 3, "expired", "sign in again"
    ),
    "SignatureDoesNotMatch": Answer(
        ConnectionProblem,
        refusing(403, "SignatureDoesNotMatch", "The request signature we calculated does not match"),
        3,
        "AWS does not know these credentials",
        "check --profile",
    ),
    "a clock that is behind": Answer(
        ConnectionProblem,
        refusing(403, "SignatureDoesNotMatch", "Signature expired: 20260101T0Z is now earlier than 20260101T1Z"),
        3,
        "the clock of this machine",
        "set the clock",
    ),
    "a clock that is ahead": Answer(
        ConnectionProblem,
        refusing(403, "InvalidSignatureException", "Signature not yet current: 20260101T1Z is still later than"),
        3,
        "the clock of this machine",
        "set the clock",
    ),
    "RequestTimeTooSkewed": Answer(
        ConnectionProblem,
        refusing(403, "RequestTimeTooSkewed", "The difference is too large."),
        3,
        "the clock of this machine",
        "set the clock",
    ),
    "a denied action": Answer(
        AccessDenied,
        refusing(403, "AccessDeniedException", DENIED),
        1,
        "no permission for lambda:GetFunction on r",
        "ask for that permission",
    ),
    "throttling that never ends": Answer(
        AwsCallFailed,
        refusing(400, "ThrottlingException", "Rate exceeded"),
        1,
        "failed: Rate exceeded (throttled at each of 5 tries)",
        "wait a minute",
    ),
    "a failure of AWS": Answer(
        AwsCallFailed,
        refusing(500, "InternalError", "We encountered an internal error"),
        1,
        "failed: We encountered an internal error",
        "AWS failed",
    ),
    "anything else": Answer(
        AwsCallFailed,
        refusing(400, "ValidationException", "too long"),
        1,
        "failed: too long",
        "`countagg --endpoint-url",
    ),
    "a gateway without a service": Answer(
        ConnectionProblem, always(502, "text/html", PAGE), 3, "the endpoint answers 502", "check --endpoint-url"
    ),
    "a page for browsers": Answer(
        ConnectionProblem, always(200, "text/html", PAGE), 3, "is a web page", "check --endpoint-url"
    ),
    "a page that is not there": Answer(
        ConnectionProblem, always(404, "text/html", PAGE), 3, "is a web page", "check --endpoint-url"
    ),
    "no sense": Answer(
        ConnectionProblem, always(200, "text/plain", "}{"), 3, "cannot be understood", "check --endpoint-url"
    ),
}
ASKING: Final = {
    "status": ("status",),
    "setup": ("setup", "--bucket", "b", "--yes"),
    "query": ("query", "--since", "3d"),
    "verify": ("verify", "--date", "today"),
    "logs": ("logs",),
    "teardown": ("teardown", "--yes"),
}


@pytest.fixture
def ended_in(monkeypatch: pytest.MonkeyPatch) -> list[CountaggError]:
    """Collect the errors that are told."""
    ended: list[CountaggError] = []
    told = registry.explain

    def note(error: CountaggError, *arguments: Any, **options: Any) -> str:
        ended.append(error)
        return told(error, *arguments, **options)

    monkeypatch.setattr(registry, "explain", note)
    return ended


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore try again at once."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(time=time.time, sleep=lambda _: None))


def every_error(kind: type[CountaggError] = CountaggError) -> Iterator[type[CountaggError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every_error(each)


def parts_of(ran: Ran) -> tuple[str, str]:
    """Return where and what a run failed with, and what to do next."""
    assert "Traceback" not in ran.err
    told = ran.err[ran.err.rindex("countagg: ") :]
    what, _, hint = told.removeprefix("countagg: ").partition("\n  try: ")
    return what, hint


def test_there_is_a_command_line_for_every_error() -> None:
    for module in pkgutil.walk_packages(package.__path__, "countagg."):
        if module.name != "countagg.__main__" and not module.name.startswith("countagg.functions"):
            importlib.import_module(module.name)

    shown = {case.kind for case in CASES.values()} | set(NOT_AT_THE_EDGE)
    # The functions' own errors are seen where other tests have imported them.
    known = {each for each in every_error() if not each.__module__.startswith(("tests.", "countagg.functions."))}
    assert known == shown


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("account")
def test_an_error_tells_where_what_and_what_next(
    name: str, countagg: CommandLine, ended_in: list[CountaggError], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    case.before(monkeypatch)

    ran = countagg(*case.arguments)

    assert (ran.code, ran.out if case.kind is not LeftOver else "") == (case.code, "")
    what, hint = parts_of(ran)
    assert case.where in what
    assert case.what in what
    assert hint.startswith(case.hint)
    assert hint
    assert case.kind in {type(ended_in[-1]), type(ended_in[-1].__cause__)}


@pytest.mark.parametrize(
    ("name", "command"),
    # What reads logs waits throttling out, for ten minutes.
    [each for each in product(ANSWERS, ASKING) if each != ("throttling that never ends", "logs")],
)
@pytest.mark.usefixtures("_no_pauses")
def test_an_answer_that_is_none_is_explained(
    name: str, command: str, countagg: CommandLine, ended_in: list[CountaggError]
) -> None:
    answer = ANSWERS[name]
    with endpoint(answer.answering) as address:
        ran = countagg(*ASKING[command], "--endpoint-url", address)

    assert (ran.code, ran.out) == (answer.code, "")
    what, hint = parts_of(ran)
    where, colon, _ = what.partition(": ")
    assert colon
    assert where
    assert answer.what in what
    assert hint.startswith(answer.hint)
    assert type(ended_in[-1]) is answer.kind


def test_what_nobody_thought_of_is_told_without_a_traceback(countagg: CommandLine) -> None:
    with endpoint(always(200, "text/xml", "<GetCallerIdentityResponse/>")) as address:
        ran = countagg("setup", "--bucket", "b", "--yes", "--endpoint-url", address)
        more = countagg("setup", "--bucket", "b", "--yes", "--endpoint-url", address, "--verbose")

    assert (ran.code, ran.out) == (1, "")
    what, hint = parts_of(ran)
    assert what.startswith("countagg/aws/session.py:")
    assert "unexpected KeyError" in what
    assert hint.startswith("check --endpoint-url")
    assert str(Path(package.__file__).parent) not in more.err
    assert " > countagg/aws/session.py:" in more.err


@pytest.mark.parametrize("arguments", [("cost", "--region", "us-east-1"), ("local", "status")])
def test_a_home_that_cannot_be_used_stops_nothing_that_needs_none(
    arguments: tuple[str, ...], countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_file_for_a_home(monkeypatch)

    ran = countagg(*arguments)

    assert "Traceback" not in ran.err
    assert ran.code in {0, 3}
