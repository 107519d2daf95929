"""Which answers of S3 say that an object cannot be read for a reason of its own."""

from __future__ import annotations

import pytest

from countagg.core.unreadable import is_denial_of_key, unreadable_reason

ARCHIVED = "The operation is not valid for the object's storage class"
CUSTOMER_KEY = (
    "The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object."
)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
USER = "User: arn:aws:sts::123456789012:assumed-role/countagg-processor/f is not authorized to perform:"
NO_DECRYPT = f"{USER} kms:Decrypt on resource: {KEY} because no resource-based policy allows it"
CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
    "or you are not allowed to access."
)
NO_GET = (
    f'{USER} s3:GetObject on resource: "arn:aws:s3:::b/counters/2026-11-20/values_kms:Decrypt" '
    "because no identity-based policy allows the s3:GetObject action"
)


@pytest.mark.parametrize(
    ("code", "text", "part"),
    [
        ("InvalidObjectState", ARCHIVED, "archived"),
        ("InvalidObjectState", "The action is not valid for the object's access tier", "archived"),
        ("InvalidRequest", CUSTOMER_KEY, "SSE-C"),
        ("KMS.DisabledException", f"{KEY} is disabled.", "KMS key is disabled"),
        ("KMS.KMSInvalidStateException", f"{KEY} is pending deletion.", "pending deletion"),
        ("KMS.KmsInvalidStateException", "", "pending deletion"),
        ("KMS.NotFoundException", f"Key '{KEY}' does not exist", "KMS key does not exist"),
        ("KMS.InvalidKeyUsageException", "", "does not decrypt"),
        ("KMS.AccessDeniedException", "", "no permission to use its KMS key"),
        ("AccessDenied", NO_DECRYPT, "no permission to use its KMS key"),
        ("AccessDenied", CIPHERTEXT, "no permission to use its KMS key"),
    ],
)
def test_what_is_wrong_with_the_object_itself_is_told_in_the_words_of_s3(code: str, text: str, part: str) -> None:
    reason = unreadable_reason(code, text)
    assert reason is not None
    assert reason.startswith("the file cannot be read: ")
    assert part in reason
    assert f"({code}{': ' if text else ''}{text})" in reason


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("AccessDenied", "Access Denied"),
        ("AccessDenied", ""),
        ("AccessDenied", NO_GET),
        ("InvalidRequest", "Missing required header for this request"),
        ("SlowDown", "Please reduce your request rate."),
        ("InternalError", "We encountered an internal error. Please try again."),
        ("503", ""),
        ("NoSuchKey", ""),
        ("NoSuchBucket", ""),
        ("KMS.ThrottlingException", "Rate exceeded"),
        ("KMS.KMSInternalException", ""),
        ("KMS.KeyUnavailableException", ""),
        ("KMS.DependencyTimeoutException", ""),
        ("KMS.UnrecognizedClientException", "The security token included in the request is invalid."),
        ("ExpiredToken", ""),
    ],
)
def test_what_may_pass_or_concerns_all_objects_is_no_reason(code: str, text: str) -> None:
    assert unreadable_reason(code, text) is None
    assert not is_denial_of_key(code, text)


def test_a_denial_of_the_key_concerns_who_asks_and_its_state_everybody() -> None:
    assert is_denial_of_key("AccessDenied", NO_DECRYPT)
    assert is_denial_of_key("KMS.AccessDeniedException", "")
    assert not is_denial_of_key("KMS.DisabledException", "")
    assert not is_denial_of_key("InvalidObjectState", ARCHIVED)


def test_a_long_text_is_shortened() -> None:
    reason = unreadable_reason("KMS.DisabledException", "x" * 5000)
    assert reason is not None
    assert len(reason) < 450
