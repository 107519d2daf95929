"""What a region does not offer: the answers by which AWS says so, and what is done instead.

Not every region knows what others do (docs/aws-facts.md#surprises). What AWS documents of a partition stands
in `provision.place`; what it does not is learnt here from its answer, and remembered by the stack, so that the
next setup asks for nothing that was refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of, message_of
from countagg.core.errors import AwsCallFailed
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.choices import remember_too
from countagg.provision.settings import DEFAULT_ARCHITECTURE, OLDER_ARCHITECTURE
from countagg.provision.states import FunctionState


@dataclass(frozen=True, slots=True)
class NotOffered:
    """An answer that refuses what a region does not offer: its code, and what its text must hold."""

    code: str
    text: re.Pattern[str]

    def matches(self, error: ClientError) -> bool:
        """Tell whether the error is this answer."""
        return code_of(error) == self.code and self.text.search(message_of(error)) is not None


_INVALID: Final = "InvalidParameterValueException"
# Architecture "arm64" is not supported in eu-west-3. Please select "x86_64" or remove the Architectures value ...
_ARCHITECTURE: Final = NotOffered(_INVALID, re.compile(r"(?i)\barchitectures?\b.*\bnot supported in\b"))
# LoggingConfig is not supported in us-gov-west-1. Remove LoggingConfig value from your request and try again
_JSON_LOGS: Final = NotOffered(
    _INVALID, re.compile(r"(?i)\blog(ging)? ?(config|format)\b.*\bnot (supported|available)\b")
)
# Unsupported resource type for tagging or invalid arn: arn:aws:lambda:...:event-source-mapping:...
MAPPING_TAGS: Final = NotOffered(_INVALID, re.compile(r"(?i)unsupported resource type for tagging"))
# The request contained an unsupported argument.
BUCKET_TAGS: Final = NotOffered("UnsupportedArgument", re.compile(r"(?i)unsupported argument"))


def accepted(
    desired: FunctionState, call: Callable[[FunctionState], object], tell: Callable[[str], None]
) -> FunctionState:
    """Make a call for a function with what the region offers, and return what it accepted.

    Args:
        desired: what the function should be.
        call: makes the call for such a state.
        tell: told what is not offered, and what is done instead.

    Raises:
        AwsCallFailed: the architecture was chosen, and is not offered.
    """
    while True:
        try:
            call(desired)
        except ClientError as error:
            lesser = _lesser(desired, error)
            if lesser is None:
                raise
            desired, remark = lesser
            tell(remark)
        else:
            return desired


def _lesser(desired: FunctionState, error: ClientError) -> tuple[FunctionState, str] | None:
    """Return what to ask for instead, with a remark; None if the error is no such refusal."""
    if _ARCHITECTURE.matches(error) and desired.architecture == DEFAULT_ARCHITECTURE:
        if desired.architecture_chosen:
            raise AwsCallFailed(message_of(error), hint=f"choose --architecture {OLDER_ARCHITECTURE}") from error
        remembering = remember_too(desired.environment, architecture=OLDER_ARCHITECTURE)
        remark = f"{DEFAULT_ARCHITECTURE} is not offered here; it is {OLDER_ARCHITECTURE} instead"
        return replace(desired, architecture=OLDER_ARCHITECTURE, environment=remembering), remark
    if _JSON_LOGS.matches(error) and desired.log_format != "Text":
        remembering = remember_too(desired.environment, text_logs=True)
        as_text = replace(desired, log_format="Text", log_level="", system_log_level="", environment=remembering)
        return as_text, "this region does not offer JSON logs; Lambda's own lines are text instead"
    return None
