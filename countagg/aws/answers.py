"""What error codes of AWS mean, and what to do about them (docs/aws-facts.md#boto3; botocore's service models).

A code comes in several spellings: `ThrottlingException` and `Throttling`, `KMS.DisabledException`, `KmsDisabled`
and `KMSDisabledException`. So classes of codes are told by parts of them; the tests go through the models of all
calls.
"""

from __future__ import annotations

import re
from typing import Final

_SERVER_ERROR: Final = 500
LOOK_INTO: Final = "`countagg doctor` looks for the cause; --verbose adds AWS's request id"
_SET_CLOCK: Final = "set the clock, for example by NTP; `countagg doctor` shows the difference"
_SIGN_IN_AGAIN: Final = "sign in again, for example with `aws sso login`, or check the clock"
_ENABLE: Final = "enable the region for the account, finish the account's sign-up, or check --region"
_CHECK_CREDENTIALS: Final = (
    "check --profile, AWS_PROFILE, AWS_ACCESS_KEY_ID and --endpoint-url; is the region enabled there?"
)
_CHECK_PROFILE: Final = (
    "check role_arn, mfa_serial and sso_role_name of the profile, and who may take that role; then sign in again"
)
_CHECK_ENDPOINT: Final = "check --endpoint-url and any proxy, and try again later"
DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "NotAuthorizedException",
        "UnauthorizedOperation",
        "UnauthorizedAccess",
        "AllAccessDisabled",
        "403",
        "Forbidden",
    }
)
MISSING: Final = frozenset(
    {
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "TableNotFoundException",
        "DashboardNotFoundError",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        # A HEAD has no body that could name the code.
        "404",
    }
)
"""Codes that say that there is no such resource."""

# Patterns; Python compiles one when an answer is first held against it, which takes most commands none.
_EXPIRED: Final = r"ExpiredToken|RequestExpired|TokenRefreshRequired"
_UNKNOWN: Final = (
    r"InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|^InvalidSignature|SignatureDoesNotMatch|InvalidToken"
    r"|IncompleteSignature|MissingAuthenticationToken|MissingSecurityHeader|AuthFailure"
    r"|InvalidSecurity(Exception)?$|UnauthorizedException"
)
_NOT_ENABLED: Final = (
    r"^(OptInRequired|OptInRequiredException|SubscriptionRequired(Exception)?|NotSignedUp|AccountProblem"
    r"|RegionDisabled(Exception)?)$"
)
_SKEWED: Final = r"RequestTimeTooSkewed|RequestInTheFuture"
_SKEWED_SIGNATURE: Final = r"Signature (expired|not yet current)"
_SIGNING_IN: Final = frozenset(
    {
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        "CreateToken",
        "CreateOAuth2Token",
        "GetRoleCredentials",
        "GetSessionToken",
    }
)
"""Calls that botocore makes to have credentials; we make none of them."""

_KEY: Final = r"^K(MS|ms)"
_KEY_FAILED: Final = r"^K(MS|ms)\.?Internal"
_KEY_DENIED: Final = r"^K(MS|ms)\.?AccessDenied"
_THROTTLED: Final = (
    r"Thrott|TooManyRequests|SlowDown|RequestLimitExceeded|ThroughputExceeded|BandwidthLimitExceeded"
    r"|PriorRequestNotComplete|TransactionInProgress"
)
_QUOTA: Final = (
    r"Limit(s)?Exceeded|QuotaExceeded|LimitReached|^(AWS\.SimpleQueueService\.)?OverLimit|CodeStorageExceeded"
    r"|^TooMany(Tags|Buckets)"
)
_AT_ONCE: Final = r"(?i)simultaneously|Rate exceeded|concurrent"
_FAILURE_OF_AWS: Final = (
    r"^Internal|^ServiceException$|^ServiceFailure|ServiceUnavailable|^ServiceFault|DependencyTimeout|^KMSInternal"
    r"|^Request(Timeout|Aborted)(Exception)?$|^KeyUnavailable|UnexpectedException$"
)
_CONFLICT: Final = (
    r"Conflict|InUse|OperationAborted|Concurrent|AlreadyExists|AlreadyOwnedByYou|StaleTag|DeletedRecently|NameExists"
    r"|PreconditionFailed|ConditionalCheckFailed|TransactionCanceled|NotReady|^InvalidState|BackupsUnavailable"
)
_STALE: Final = r"InvalidNextToken|PaginationTokenExpired|ExpiredIterator|TrimmedDataAccess|ExpiredNextToken"
_OTHER_REGION: Final = r"^(PermanentRedirect|AuthorizationHeaderMalformed|301)$"
_MISSING: Final = r"^NoSuch|NotFound|DoesNotExist|NonExistent|^404$"
_BOUNDARY: Final = r"(?i)Scope ARN|not attachable|boundary|:policy/"
_BOUNDS: Final = frozenset({"CreateRole", "PutRolePermissionsBoundary"})
_REFUSED_BOUNDARY: Final = frozenset({"NoSuchEntity", "InvalidInput", "PolicyNotAttachable"})


def explain_connection(operation: str, code: str, message: str) -> tuple[str, str] | None:
    """Return what is wrong with credentials, clock or endpoint, and what to do; None if it is something else."""
    said = f": {message}" if message else ""
    told: tuple[str, str] | None = None
    if re.search(_SKEWED, code) or re.search(_SKEWED_SIGNATURE, message):
        told = f"the clock of this machine is too far from AWS's ({code})", _SET_CLOCK
    elif re.search(_EXPIRED, code):
        told = "the credentials have expired", _SIGN_IN_AGAIN
    elif re.search(_NOT_ENABLED, code):
        told = f"this account cannot use the service in this region ({code}){said}", _ENABLE
    elif re.search(_UNKNOWN, code):
        told = f"AWS does not know these credentials ({code})", _CHECK_CREDENTIALS
    elif operation in _SIGNING_IN:
        told = f"the profile has no usable credentials: {operation} answers {code}{said}", _CHECK_PROFILE
    # botocore takes the status for the code where the answer is in no form of AWS's, or has no body at all.
    elif code.isdecimal() and int(code) >= _SERVER_ERROR and not operation.startswith("Head"):
        told = f"the endpoint answers {code} ({message or 'no text'})", _CHECK_ENDPOINT
    return told


def explain_refusal(operation: str, code: str, message: str, status: int) -> tuple[str, str]:
    """Return what was refused, and what to do about it.

    Args:
        operation: that was called.
        code: of AWS's answer.
        message: of AWS's answer; may be empty.
        status: of HTTP; 0 if it is not known.
    """
    said = message or code or "the answer does not say why"
    # Where a role is bounded later, the role itself may be what is missing.
    about_boundary = (
        re.search(_BOUNDARY, message)
        or code == "PolicyNotAttachable"
        or (operation == "CreateRole" and code == "NoSuchEntity")
    )
    if operation in _BOUNDS and code in _REFUSED_BOUNDARY and about_boundary:
        return f"{operation} failed: the permissions boundary does not exist or bounds no roles: {said}", _BOUND
    return f"{operation} failed: {said}", _hint(code, message, status)


def _hint(code: str, message: str, status: int) -> str:
    if re.search(_QUOTA, code) and re.search(_AT_ONCE, message):
        return _WAIT
    for pattern, hint in _HINTS:
        if re.search(pattern, code):
            return hint
    return _FAILED if status >= _SERVER_ERROR else LOOK_INTO


def is_key_denial(code: str) -> bool:
    """Tell whether a code means that a KMS key may not be used."""
    return re.search(_KEY_DENIED, code) is not None


def is_throttling(code: str) -> bool:
    """Tell whether a code means that there were too many calls."""
    return re.search(_THROTTLED, code) is not None


_WAIT: Final = "wait a minute, then run the same command again"
_FAILED: Final = "AWS failed: run the same command again later; health.aws.amazon.com lists outages"
_BOUND: Final = "make that policy, or check --permissions-boundary with `aws iam get-policy --policy-arn ARN`"
# The first that fits counts.
_HINTS: Final = (
    (_THROTTLED, _WAIT),
    (_KEY_FAILED, _FAILED),
    (_KEY, "the KMS key has to exist, be enabled, and be for encryption: check it with `aws kms describe-key`"),
    (r"^BucketAlreadyExists", "all accounts share one set of bucket names: choose another --bucket"),
    (r"^(TagLimitExceeded|TooManyTags)", "a resource takes 50 tags: give fewer with --tag"),
    (_QUOTA, "a quota of the account is used up: delete what is not needed, or raise it in Service Quotas"),
    (_FAILURE_OF_AWS, _FAILED),
    (_STALE, "run the same command again: what it was reading has changed"),
    (_CONFLICT, "something else changes the same resource: run the same command again in a minute"),
    (_MISSING, "`countagg plan` shows what the stack lacks, and `countagg setup` puts it back"),
    (_OTHER_REGION, "the bucket is in another region: check --region and --bucket"),
    (r"^TagPolicy", "the organization's tag policy refuses a tag: check --tag"),
    (r"^UnmodifiableEntity", "only AWS may change that role: choose another --stack or --role-path"),
    (
        r"^(Unsupported|UnknownOperation|InvalidAction)",
        "the region or the endpoint does not offer this: check --region and --endpoint-url",
    ),
)
