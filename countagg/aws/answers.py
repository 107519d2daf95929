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

_EXPIRED = re.compile(r"ExpiredToken|RequestExpired|TokenRefreshRequired")
_UNKNOWN = re.compile(
    r"InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|^InvalidSignature|SignatureDoesNotMatch|InvalidToken"
    r"|IncompleteSignature|MissingAuthenticationToken|MissingSecurityHeader|AuthFailure"
    r"|InvalidSecurity(Exception)?$|UnauthorizedException"
)
_NOT_ENABLED = re.compile(
    r"^(OptInRequired|OptInRequiredException|SubscriptionRequired(Exception)?|NotSignedUp|AccountProblem"
    r"|RegionDisabled(Exception)?)$"
)
_SKEWED = re.compile(r"RequestTimeTooSkewed|RequestInTheFuture")
_SKEWED_SIGNATURE = re.compile(r"Signature (expired|not yet current)")
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

_KEY = re.compile(r"^K(MS|ms)")
_KEY_FAILED = re.compile(r"^K(MS|ms)\.?Internal")
_KEY_DENIED = re.compile(r"^K(MS|ms)\.?AccessDenied")
_THROTTLED = re.compile(
    r"Thrott|TooManyRequests|SlowDown|RequestLimitExceeded|ThroughputExceeded|BandwidthLimitExceeded"
    r"|PriorRequestNotComplete|TransactionInProgress"
)
_QUOTA = re.compile(
    r"Limit(s)?Exceeded|QuotaExceeded|LimitReached|^(AWS\.SimpleQueueService\.)?OverLimit|CodeStorageExceeded"
    r"|^TooMany(Tags|Buckets)"
)
_AT_ONCE = re.compile(r"simultaneously|Rate exceeded|concurrent", re.IGNORECASE)
_FAILURE_OF_AWS = re.compile(
    r"^Internal|^ServiceException$|^ServiceFailure|ServiceUnavailable|^ServiceFault|DependencyTimeout|^KMSInternal"
    r"|^Request(Timeout|Aborted)(Exception)?$|^KeyUnavailable|UnexpectedException$"
)
_CONFLICT = re.compile(
    r"Conflict|InUse|OperationAborted|Concurrent|AlreadyExists|AlreadyOwnedByYou|StaleTag|DeletedRecently|NameExists"
    r"|PreconditionFailed|ConditionalCheckFailed|TransactionCanceled|NotReady|^InvalidState|BackupsUnavailable"
)
_STALE = re.compile(r"InvalidNextToken|PaginationTokenExpired|ExpiredIterator|TrimmedDataAccess|ExpiredNextToken")
_OTHER_REGION = re.compile(r"^(PermanentRedirect|AuthorizationHeaderMalformed|301)$")
_MISSING = re.compile(r"^NoSuch|NotFound|DoesNotExist|NonExistent|^404$")
_BOUNDARY = re.compile(r"Scope ARN|not attachable|boundary|:policy/", re.IGNORECASE)
_BOUNDS: Final = frozenset({"CreateRole", "PutRolePermissionsBoundary"})
_REFUSED_BOUNDARY: Final = frozenset({"NoSuchEntity", "InvalidInput", "PolicyNotAttachable"})


def connection_told(operation: str, code: str, message: str) -> tuple[str, str] | None:
    """Return what is wrong with credentials, clock or endpoint, and what to do; None if it is something else."""
    said = f": {message}" if message else ""
    told: tuple[str, str] | None = None
    if _SKEWED.search(code) or _SKEWED_SIGNATURE.search(message):
        told = f"the clock of this machine is too far from AWS's ({code})", _SET_CLOCK
    elif _EXPIRED.search(code):
        told = "the credentials have expired", _SIGN_IN_AGAIN
    elif _NOT_ENABLED.search(code):
        told = f"this account cannot use the service in this region ({code}){said}", _ENABLE
    elif _UNKNOWN.search(code):
        told = f"AWS does not know these credentials ({code})", _CHECK_CREDENTIALS
    elif operation in _SIGNING_IN:
        told = f"the profile has no usable credentials: {operation} answers {code}{said}", _CHECK_PROFILE
    # botocore takes the status for the code where the answer is in no form of AWS's, or has no body at all.
    elif code.isdecimal() and int(code) >= _SERVER_ERROR and not operation.startswith("Head"):
        told = f"the endpoint answers {code} ({message or 'no text'})", _CHECK_ENDPOINT
    return told


def refusal_told(operation: str, code: str, message: str, status: int) -> tuple[str, str]:
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
        _BOUNDARY.search(message)
        or code == "PolicyNotAttachable"
        or (operation == "CreateRole" and code == "NoSuchEntity")
    )
    if operation in _BOUNDS and code in _REFUSED_BOUNDARY and about_boundary:
        return f"{operation} failed: the permissions boundary does not exist or bounds no roles: {said}", _BOUND
    return f"{operation} failed: {said}", _hint(code, message, status)


def _hint(code: str, message: str, status: int) -> str:
    if _QUOTA.search(code) and _AT_ONCE.search(message):
        return _WAIT
    for pattern, hint in _HINTS:
        if pattern.search(code):
            return hint
    return _FAILED if status >= _SERVER_ERROR else LOOK_INTO


def is_key_denial(code: str) -> bool:
    """Tell whether a code means that a KMS key may not be used."""
    return _KEY_DENIED.search(code) is not None


def is_throttling(code: str) -> bool:
    """Tell whether a code means that there were too many calls."""
    return _THROTTLED.search(code) is not None


_WAIT: Final = "wait a minute, then run the same command again"
_FAILED: Final = "AWS failed: run the same command again later; health.aws.amazon.com lists outages"
_BOUND: Final = "make that policy, or check --permissions-boundary with `aws iam get-policy --policy-arn ARN`"
# The first that fits counts.
_HINTS: Final = (
    (_THROTTLED, _WAIT),
    (_KEY_FAILED, _FAILED),
    (_KEY, "the KMS key has to exist, be enabled, and be for encryption: check it with `aws kms describe-key`"),
    (re.compile(r"^BucketAlreadyExists"), "all accounts share one set of bucket names: choose another --bucket"),
    (re.compile(r"^(TagLimitExceeded|TooManyTags)"), "a resource takes 50 tags: give fewer with --tag"),
    (_QUOTA, "a quota of the account is used up: delete what is not needed, or raise it in Service Quotas"),
    (_FAILURE_OF_AWS, _FAILED),
    (_STALE, "run the same command again: what it was reading has changed"),
    (_CONFLICT, "something else changes the same resource: run the same command again in a minute"),
    (_MISSING, "`countagg plan` shows what the stack lacks, and `countagg setup` puts it back"),
    (_OTHER_REGION, "the bucket is in another region: check --region and --bucket"),
    (re.compile(r"^TagPolicy"), "the organization's tag policy refuses a tag: check --tag"),
    (re.compile(r"^UnmodifiableEntity"), "only AWS may change that role: choose another --stack or --role-path"),
    (
        re.compile(r"^(Unsupported|UnknownOperation|InvalidAction)"),
        "the region or the endpoint does not offer this: check --region and --endpoint-url",
    ),
)
