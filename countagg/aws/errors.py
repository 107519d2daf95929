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

from countagg.core.errors import AccessDenied, AwsCallFailed, ConnectionProblem, CountaggError

_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_BAD_CREDENTIALS: Final = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
    }
)
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


def translate_answer(error: ClientError, where: str = "") -> CountaggError:
    """Translate an answer of AWS that reports an error."""
    code, message = code_of(error), message_of(error)
    request = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    detail = f"{error.operation_name}, {code}, request id {request or 'unknown'}"
    if code in _EXPIRED:
        return ConnectionProblem(
            "the credentials have expired",
            where=where,
            hint="sign in again, such as by `aws sso login`",
            detail=detail,
        )
    if code in _BAD_CREDENTIALS:
        return ConnectionProblem(
            f"AWS does not know these credentials ({code})",
            where=where,
            hint="check --profile, AWS_PROFILE and AWS_ACCESS_KEY_ID, and --endpoint-url",
            detail=detail,
        )
    if code in DENIED:
        action, what = _denial(error, message)
        return AccessDenied(what, action=action, where=where, hint="ask for that permission", detail=detail)
    return AwsCallFailed(f"{error.operation_name} failed: {message or code}", where=where, detail=detail)


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
    return AwsCallFailed(str(error), where=where)


def _sentence(error: BotoCoreError) -> str:
    return "no region is set" if isinstance(error, NoRegionError) else str(error)
