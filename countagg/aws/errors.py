"""Errors of botocore, translated into ours in one place (docs/aws-facts.md#boto3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from countagg.aws.answers import DENIED, MISSING, explain_connection, explain_refusal, is_key_denial, is_throttling
from countagg.aws.denials import read_denial, read_key_denial
from countagg.aws.failures import translate_failure, translate_stray
from countagg.core.errors import AwsCallFailed, ConnectionProblem, CountaggError
from countagg.redaction import redact


def code_of(error: ClientError) -> str:
    """Return the error code of AWS's answer."""
    return _told(error, "Code")


def message_of(error: ClientError) -> str:
    """Return the text of AWS's answer; empty if it has none."""
    return _told(error, "Message")


def _told(error: ClientError, name: str) -> str:
    # JSON may say null for either of them.
    told: Mapping[str, Any] = error.response.get("Error") or {}
    return redact(str(told.get(name) or ""))


def was_throttled(error: BaseException) -> bool:
    """Tell whether an error of ours stands for AWS's answer that there were too many calls."""
    return isinstance(error.__cause__, ClientError) and is_throttling(code_of(error.__cause__))


class suppress_codes:  # noqa: N801 - like contextlib.suppress
    """End the block where AWS answers with one of these error codes, such as for what is not there."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        """Tell whether the block ended with one of the codes."""
        return isinstance(error, ClientError) and code_of(error) in self._codes


def suppress_missing() -> suppress_codes:
    """End the block where AWS answers that there is no such resource."""
    return suppress_codes(*MISSING)


def describe_answer(error: ClientError) -> str:
    """Return the whole of AWS's answer in a line: call, code, text and, of S3, the arguments that it names."""
    told: Mapping[str, Any] = error.response.get("Error") or {}
    arguments = [f"{name}={value}" for name, value in sorted(told.items()) if name.startswith("Argument")]
    arguments = list(map(redact, arguments))
    answered = f"{error.operation_name}, {code_of(error)}: {message_of(error) or 'no text'}"
    return f"{answered} ({', '.join(arguments)})" if arguments else answered


@contextmanager
def aws_errors(where: str = "") -> Iterator[None]:
    """Translate what botocore raises in the block, and what Python raises in botocore.

    Args:
        where: what was being done; stands first in the message.

    Raises:
        CountaggError: one of its classes, with the error as its cause.
    """
    try:
        yield
    except CountaggError:
        raise
    except ClientError as error:
        raise translate_answer(error, where) from error
    except BotoCoreError as error:
        raise translate_failure(error, where) from error
    except Exception as error:
        stray = translate_stray(error, where)
        if stray is None:
            raise
        raise stray from error


def translate_answer(error: ClientError, where: str = "") -> CountaggError:
    """Translate an answer of AWS that reports an error."""
    code, message, operation = code_of(error), message_of(error), error.operation_name
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata") or {}
    detail = f"{operation}, {code}, request id {metadata.get('RequestId') or 'unknown'}"
    if told := explain_connection(operation, code, message):
        what, hint = told
        return ConnectionProblem(what, where=where, hint=hint, detail=detail)
    if code in DENIED or is_key_denial(code):
        denial = read_denial(operation, message) if code in DENIED else read_key_denial(operation, message)
        denial.where, denial.detail = where, detail
        return denial
    what, hint = explain_refusal(operation, code, message, metadata.get("HTTPStatusCode", 0))
    if is_throttling(code):
        tries = metadata.get("RetryAttempts", 0) + 1
        what += f" (throttled{f' at each of {tries} tries' if tries > 1 else ''})"
    return AwsCallFailed(what, where=where, hint=hint, detail=detail)
