"""Error codes, held against botocore's models of every call that the operator's side makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import botocore.session
import pytest
from botocore.retries.standard import ThrottledRetryableChecker

from countagg.aws.answers import LOOK_INTO
from countagg.aws.errors import code_of, message_of, translate_answer
from countagg.aws.operations import OPERATIONS
from countagg.core.errors import AccessDenied, AwsCallFailed, ConnectionProblem, CountaggError
from tests.aws.world import answer

THEIR_FAULT: Final = "health.aws.amazon.com"
# What S3 answers stands in no model, nor do the errors that all services share.
OF_S3: Final = (
    *("SlowDown", "ServiceUnavailable", "InternalError", "OperationAborted", "NoSuchBucket", "NoSuchKey"),
    *(
        "AllAccessDisabled",
        "AccountProblem",
        "NotSignedUp",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "AccessDenied",
    ),
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "TokenRefreshRequired", "InvalidSecurity", "TooManyBuckets"),
    *("ExpiredToken", "InvalidToken", "MissingSecurityHeader", "PermanentRedirect", "PreconditionFailed"),
    *("KMS.DisabledException", "KMS.AccessDeniedException", "KMS.NotFoundException", "KMS.InvalidStateException"),
)
OF_ALL: Final = (
    *("AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException"),
    *("InternalFailure", "NotAuthorized", "OptInRequired", "RequestAbortedException", "RequestExpired"),
    *("RequestTimeoutException", "ServiceUnavailable", "ThrottlingException", "UnrecognizedClientException"),
    *(
        "UnknownOperationException",
        "InvalidClientTokenId",
        "MissingAuthenticationTokenException",
        "RegionDisabled",
    ),
)
# They say that the request itself is wrong: what it asks for, or how much of it.
ABOUT_THE_REQUEST = re.compile(
    r"^(Invalid|Malformed|Validation|IdempotentParameter|ParameterValue|Batch|Empty|TooMany(Entries|Parts)|RequestTooLarge|TagException"
    r"|PolicyEvaluation|PlatformApplication|EndpointDisabled|EncryptionTypeMismatch|Code(Signing|Verification)"
    r"|ItemCollection|IncorrectKey|DryRun|Disabled|ModeNot|DurableExecution|NoPublished|Recursive|SerializedRequest"
    r"|SnapStart|EFS|ENI|EC2|S3Files|CodeArtifact|Subnet)"
)


@cache
def shapes() -> tuple[tuple[str, str, int, bool], ...]:
    """Return operation, code, status and whether it is throttling, of all answers to all calls."""
    return tuple(_shapes(botocore.session.Session()))


def _shapes(session: botocore.session.Session) -> Iterator[tuple[str, str, int, bool]]:
    for service, called in OPERATIONS.items():
        model = session.get_service_model(service)
        for name in sorted(called):
            for shape in model.operation_model(name).error_shapes:
                error: Any = shape.metadata.get("error", {})
                status = error.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400)
                throttling = bool((shape.metadata.get("retryable") or {}).get("throttling")) or status == 429
                yield name, error.get("code") or shape.name, status, throttling


def told(operation: str, code: str, status: int = 400, message: str = "text of AWS") -> CountaggError:
    error = answer(code, message, operation)
    error.response["ResponseMetadata"]["HTTPStatusCode"] = status
    return translate_answer(error)


def test_there_are_many_calls_with_many_answers() -> None:
    found = list(shapes())
    assert len({operation for operation, *_ in found}) > 60
    assert len({code for _, code, *_ in found}) > 80


def test_every_code_of_every_call_leads_somewhere() -> None:
    aimless = {
        code
        for operation, code, status, _ in [
            *shapes(),
            *(("PutObject", code, 400, False) for code in OF_S3 + OF_ALL),
        ]
        if told(operation, code, status).hint == LOOK_INTO
    }
    assert {code for code in aimless if not ABOUT_THE_REQUEST.search(code)} == set()


@pytest.mark.parametrize("spelling", ["{}", "AWS.SimpleQueueService.{}"])
def test_whatever_botocore_tries_again_as_throttling_is_told_as_such(spelling: str) -> None:
    # That code stands for quotas too; and CloudWatch's 429 for what two change at once.
    tried_again: Any = ThrottledRetryableChecker
    codes = {*tried_again._THROTTLED_ERROR_CODES} - {"LimitExceededException"}  # noqa: SLF001 - no other list
    codes |= {code for _, code, _, throttling in shapes() if throttling} | {"Throttled", "KmsThrottled"}
    codes.remove("ConcurrentModificationException")
    for code in codes:
        error = told("Publish", spelling.format(code))
        assert "(throttled" in error.what, code
        assert error.hint.startswith("wait a minute"), code


def test_failures_of_aws_are_not_blamed_on_anybody_else() -> None:
    for operation, code, status, throttling in shapes():
        error = told(operation, code, status)
        if status >= 500 and not throttling:
            assert THEIR_FAULT in error.hint or re.search("KMS|key|Kms|NotReady|EFS|ENI|EC2|Subnet", code), code


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        (r"^(?!KMS|Kms).*(NotFound|NoSuch|DoesNotExist)", "`countagg setup` puts it back"),
        (r"^K(MS|ms)\.?(NotFound|Disabled|InvalidState|OptIn)", "aws kms describe-key"),
        (r"^(?!Tag|Request|Item|ENI|Subnet).*(LimitExceeded|OverLimit|QuotaExceeded)", "Service Quotas"),
        (
            r"Conflict|InUse|Concurrent|OperationAborted|EntityAlreadyExists|QueueNameExists",
            "something else changes",
        ),
        (r"^TagLimit|^TooManyTags", "--tag"),
    ],
)
def test_codes_of_a_class_have_its_hint(pattern: str, hint: str) -> None:
    found = {(operation, code) for operation, code, *_ in shapes() if re.search(pattern, code)}
    assert found
    for operation, code in found - {("CreateRole", "NoSuchEntity")}:
        error = told(operation, code)
        assert type(error) is AwsCallFailed, code
        assert hint in error.hint, code


def test_denials_of_every_service_are_denials() -> None:
    found = {code for _, code, *_ in shapes() if re.search("AccessDenied|^Authorization", code)}
    for code in {*found, "AccessDenied", "NotAuthorized", "AllAccessDisabled"} - {"EC2AccessDeniedException"}:
        assert type(told("Publish", code)) is AccessDenied, code


@pytest.mark.parametrize(
    "code",
    [
        *(
            "OptInRequired",
            "SubscriptionRequiredException",
            "NotSignedUp",
            "RegionDisabledException",
            "AccountProblem",
        ),
        *(
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "IncompleteSignature",
            "IncompleteSignatureException",
        ),
        *(
            "MissingAuthenticationTokenException",
            "InvalidSecurity",
            "TokenRefreshRequired",
            "InvalidSignatureException",
        ),
    ],
)
def test_credentials_and_regions_that_aws_does_not_take_end_with_3(code: str) -> None:
    error = told("GetCallerIdentity", code)
    assert (type(error), error.exit_code) == (ConnectionProblem, 3)
    assert "region" in error.hint or "sign in again" in error.hint


@pytest.mark.parametrize("operation", ["AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials"])
@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError", "ForbiddenException", "InvalidIdentityToken"])
def test_a_role_that_cannot_be_taken_is_a_matter_of_credentials(operation: str, code: str) -> None:
    why = "is not authorized to perform: sts:AssumeRole on resource: r with an explicit deny"
    error = told(operation, code, message=why)
    assert (type(error), error.exit_code) == (ConnectionProblem, 3)
    assert why in error.what
    assert "role_arn" in error.hint


def test_a_code_and_a_text_may_be_null() -> None:
    error = answer("", "", "CreateTable")
    response: Any = error.response
    response["Error"] = {"Code": None, "Message": None}
    assert (code_of(error), message_of(error)) == ("", "")
    assert translate_answer(error).what == "CreateTable failed: the answer does not say why"
    response["Error"] = None
    assert translate_answer(error).what == "CreateTable failed: the answer does not say why"


def test_what_many_do_at_once_passes_and_a_quota_does_not() -> None:
    text = "Subscriber limit exceeded: There is a limit of 500 tables that can be created simultaneously"
    assert "wait a minute" in told("CreateTable", "LimitExceededException", message=text).hint
    text = "Subscriber limit exceeded: Maximum number of tables is 2500"
    assert "Service Quotas" in told("CreateTable", "LimitExceededException", message=text).hint


# A boundary that does not exist

ARN: Final = "arn:aws:iam::123456789012:policy/gone"


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("CreateRole", "NoSuchEntity", f"Scope ARN: {ARN} does not exist or is not attachable."),
        ("CreateRole", "NoSuchEntity", "The specified entity does not exist."),
        ("CreateRole", "InvalidInput", f"ARN {ARN} is not valid."),
        ("PutRolePermissionsBoundary", "NoSuchEntity", f"Policy {ARN} does not exist or is not attachable."),
        ("PutRolePermissionsBoundary", "PolicyNotAttachable", f"Cannot attach {ARN} as a boundary."),
    ],
)
def test_a_permissions_boundary_that_is_missing_is_named(operation: str, code: str, message: str) -> None:
    error = told(operation, code, message=message)
    assert "the permissions boundary does not exist or bounds no roles" in error.what
    assert message in error.what
    assert "--permissions-boundary" in error.hint
    assert "setup" not in error.hint


def test_a_role_that_is_missing_is_no_boundary() -> None:
    error = told("PutRolePermissionsBoundary", "NoSuchEntity", message="The role with name r cannot be found.")
    assert "boundary does not" not in error.what
    assert "setup" in error.hint
    assert "boundary" not in told("CreateRole", "InvalidInput", message="Duplicate tag keys found.").what
