"""Objects that S3 refuses to read out, each for a reason of its own: the answers that say so, and what they mean.

Such an answer stays the same however often the object is asked for, until somebody changes the object or its key.
All else may pass, or concerns all objects, and is no matter of this module: throttling, failures of S3 or KMS, and
a denial that names no key, which is also what a role without permissions gets.

Sources: Amazon S3 API Reference, GetObject ("Errors") and "Error responses" (InvalidObjectState); Amazon S3 User
Guide, "Using server-side encryption with customer-provided keys" (without its key such an object is not read); AWS
KMS API Reference, Decrypt ("Errors"), which S3 passes on as `KMS.NAME`, or as AccessDenied with KMS's text.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_TEXT: Final = 300
_KMS: Final = r"K(?:MS|ms)\.?(?:KMS|Kms)?"
_NAMES_A_KEY: Final = r"(?i)authorized to perform: kms:|customer master key|KMS key"

# Error code, a part of its text, and what it means.
_ANSWERS: Final = tuple(
    (re.compile(code), re.compile(text), meaning)
    for code, text, meaning in (
        ("InvalidObjectState", "", "it is archived, in a storage class or tier that is read only once restored"),
        ("InvalidRequest", "(?i)server.side encryption", "it is encrypted with a key of its uploader's (SSE-C)"),
        (rf"{_KMS}Disabled(?:Exception)?", "", "its KMS key is disabled"),
        (
            rf"{_KMS}InvalidState(?:Exception)?",
            "",
            "its KMS key is pending deletion, or the like",
        ),
        (rf"{_KMS}NotFound(?:Exception)?", "", "its KMS key does not exist"),
        (
            rf"{_KMS}(?:InvalidKeyUsage|IncorrectKey|InvalidCiphertext)(?:Exception)?",
            "",
            "its KMS key does not decrypt it",
        ),
        (rf"{_KMS}AccessDenied(?:Exception)?", "", "there is no permission to use its KMS key"),
        ("AccessDenied(?:Exception)?", _NAMES_A_KEY, "there is no permission to use its KMS key"),
    )
)


def unreadable_reason(code: str, text: str) -> str | None:
    """Return why an object cannot be read; None if that is no matter of the object, or may pass.

    Args:
        code: of S3's answer to GetObject.
        text: of that answer; may be empty.
    """
    for codes, texts, meaning in _ANSWERS:
        if codes.fullmatch(code) and texts.search(text):
            return describe_unreadable(meaning, code, text)
    return None


def is_denial_of_key(code: str, text: str) -> bool:
    """Tell whether it is who asks that may not use the object's key: somebody else may."""
    return "AccessDenied" in code and unreadable_reason(code, text) is not None


def describe_unreadable(meaning: str, code: str, text: str) -> str:
    """Return what people are told of an object that cannot be read."""
    said = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    return f"the file cannot be read: {meaning} ({code}{f': {said}' if said else ''})"
