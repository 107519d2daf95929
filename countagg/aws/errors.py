"""Errors of botocore, translated into ours in one place (AWS-FACTS section 9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
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
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "Forbidden"})

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
    if code in _DENIED:
        return AccessDenied(_denial(error, message), where=where, hint="ask for that permission", detail=detail)
    return AwsCallFailed(f"{error.operation_name} failed: {message or code}", where=where, detail=detail)


def _denial(error: ClientError, message: str) -> str:
    found = _ACTION_AND_RESOURCE.search(message)
    if found is None:
        return f"no permission for {error.operation_name}: {message}"
    action, resource = found.groups()
    return f"no permission for {action} on {(resource or 'any resource').rstrip('.')}"


def _translate_failure(error: BotoCoreError, where: str) -> CountaggError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ConnectionProblem(
            str(error),
            where=where,
            hint="sign in with `aws login` or `aws sso login`, set AWS_PROFILE, or try --local",
        )
    if isinstance(error, TokenRetrievalError | UnauthorizedSSOTokenError):
        return ConnectionProblem(str(error), where=where, hint="sign in again with `aws sso login`")
    if isinstance(error, NoRegionError):
        return ConnectionProblem("no region is set", where=where, hint="give --region, or set AWS_REGION")
    if isinstance(error, ProfileNotFound):
        return ConnectionProblem(
            str(error), where=where, hint="`aws configure list-profiles` shows those there are"
        )
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | BotoConnectionError | HTTPClientError):
        return ConnectionProblem(
            str(error), where=where, hint="check the network, --region and --endpoint-url; `countagg local status`"
        )
    return AwsCallFailed(str(error), where=where)
