"""Errors of botocore, translated into ours in one place (AWS-FACTS section 9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    EndpointProviderError,
    HTTPClientError,
    InvalidRegionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from botocore.parsers import ResponseParserError

from countagg.core.errors import AccessDenied, AwsCallFailed, ConnectionProblem, CountaggError

_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_BAD_CREDENTIALS: Final = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "AuthFailure",
    }
)
_SKEWED: Final = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_SKEWED_SIGNATURE = re.compile(r"Signature (expired|not yet current)")
_THROTTLED: Final = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
    }
)
_OTHER_REGION: Final = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "301"})
_MISSING: Final = frozenset(
    {
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ResourceNotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)
_SERVER_ERROR: Final = 500
_LOOK_INTO: Final = "`countagg doctor` looks for the cause; --verbose adds AWS's request id"
# `aws login` is newer than the oldest botocore that we work with: its errors are known by the name of their base.
_LOGIN: Final = "LoginError"
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "Forbidden"})

_ACTION_AND_RESOURCE = re.compile(r"not authorized to perform: (\S+)(?: on resource: (\S+))?")


def code_of(error: ClientError) -> str:
    """Return the error code of AWS's answer."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: ClientError) -> str:
    """Return the text of AWS's answer."""
    return str(error.response.get("Error", {}).get("Message", ""))


@contextmanager
def aws_errors(where: str = "") -> Iterator[None]:
    """Translate what botocore raises in the block.

    Args:
        where: what was being done; stands first in the message.

    Raises:
        CountaggError: one of its classes, with botocore's error as its cause.
    """
    try:
        yield
    except ClientError as error:
        raise translate_answer(error, where) from error
    except BotoCoreError as error:
        raise _translate_failure(error, where) from error
    except ResponseParserError as error:
        raise not_of_aws("cannot be understood", where) from error


def not_of_aws(what: str, where: str = "") -> ConnectionProblem:
    """Return the error for an answer that no AWS service gives.

    Args:
        what: is wrong with the answer.
        where: what was being done.
    """
    hint = "check --endpoint-url, AWS_ENDPOINT_URL, and any proxy or sign-in page of the network"
    return ConnectionProblem(f"the endpoint's answer {what}", where=where, hint=hint)


def translate_answer(error: ClientError, where: str = "") -> CountaggError:
    """Translate an answer of AWS that reports an error."""
    code, message = code_of(error), message_of(error)
    request = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    detail = f"{error.operation_name}, {code}, request id {request or 'unknown'}"
    if code in DENIED:
        action, what = _denial(error, message)
        hint = "ask for that permission; `countagg doctor` names all that are missing"
        return AccessDenied(what, action=action, where=where, hint=hint, detail=detail)
    if told := _connection_told(error, code, message):
        what, hint = told
        return ConnectionProblem(what, where=where, hint=hint, detail=detail)
    what, hint = _refusal_told(error, code, message)
    return AwsCallFailed(what, where=where, hint=hint, detail=detail)


def _connection_told(error: ClientError, code: str, message: str) -> tuple[str, str] | None:
    """Return what is wrong with credentials, clock or endpoint, and what to do; None if it is something else."""
    if code in _SKEWED or _SKEWED_SIGNATURE.search(message):
        return (
            f"the clock of this machine is too far from AWS's ({code})",
            "set the clock, such as by NTP; `countagg doctor` tells the difference",
        )
    if code in _EXPIRED:
        return "the credentials have expired", "sign in again, such as by `aws sso login`; or the clock is wrong"
    if code in _BAD_CREDENTIALS:
        return (
            f"AWS does not know these credentials ({code})",
            "check --profile, AWS_PROFILE, AWS_ACCESS_KEY_ID and --endpoint-url; is the region enabled there?",
        )
    # botocore takes the status for the code where the answer is in no form of AWS's, or has no body at all.
    if code.isdecimal() and int(code) >= _SERVER_ERROR and not error.operation_name.startswith("Head"):
        return (
            f"the endpoint answers {code} ({message or 'no text'})",
            "check --endpoint-url and any proxy, and try again later",
        )
    return None


def _refusal_told(error: ClientError, code: str, message: str) -> tuple[str, str]:
    """Return what was refused, and what to do."""
    what = f"{error.operation_name} failed: {message or code or 'the answer does not say why'}"
    if code in _THROTTLED:
        tries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
        each = f" at each of {tries} tries" if tries > 1 else ""
        return f"{what} (throttled{each})", "wait a minute, then run the same command again"
    if code in _OTHER_REGION:
        return what, "the bucket is in another region: check --region and --bucket"
    if code in _MISSING:
        return what, "`countagg plan` shows what the stack lacks, and `countagg setup` puts it back"
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        return (
            what,
            "it is AWS's failure: run the same command again later; health.aws.amazon.com tells of outages",
        )
    return what, _LOOK_INTO


def _denial(error: ClientError, message: str) -> tuple[str, str]:
    """Return the action, empty if it is not named, and a sentence about it."""
    found = _ACTION_AND_RESOURCE.search(message)
    if found is None:
        return "", f"no permission for {error.operation_name}: {message}"
    action, resource = found.groups()
    # S3 quotes the resource, others end the sentence with it.
    named = (resource or "any resource").strip('".')
    return action, f"no permission for {action} on {named}"


# What is wrong, and what to do about it; the first that fits counts.
_FAILURES: Final[tuple[tuple[tuple[type[BotoCoreError], ...], str], ...]] = (
    (
        (NoCredentialsError, PartialCredentialsError),
        "sign in with `aws login` or `aws sso login`, set AWS_PROFILE, or try --local",
    ),
    ((TokenRetrievalError, SSOError, NoAuthTokenError), "sign in again with `aws sso login`"),
    ((CredentialRetrievalError,), "check the profile's credential_process or role"),
    (
        (ConfigParseError, ConfigNotFound),
        "mend it; AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE may name others",
    ),
    ((NoRegionError,), "give --region, or set AWS_REGION"),
    ((InvalidRegionError, EndpointProviderError), "check --region and --endpoint-url"),
    ((ProfileNotFound,), "`aws configure list-profiles` shows those there are"),
    (
        (EndpointConnectionError, ConnectTimeoutError, BotoConnectionError, HTTPClientError),
        "check the network, --region and --endpoint-url; `countagg local status`",
    ),
)


def _translate_failure(error: BotoCoreError, where: str) -> CountaggError:
    for classes, hint in _FAILURES:
        if isinstance(error, classes):
            return ConnectionProblem(_sentence(error), where=where, hint=hint)
    if any(base.__name__ == _LOGIN for base in type(error).__mro__):
        return ConnectionProblem(str(error), where=where, hint="sign in again with `aws login`")
    return AwsCallFailed(str(error), where=where, hint=_LOOK_INTO)


def _sentence(error: BotoCoreError) -> str:
    return "no region is set" if isinstance(error, NoRegionError) else str(error)
