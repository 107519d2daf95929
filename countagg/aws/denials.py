"""Denials: which action on which resource, why, and who can mend that.

See the IAM user guide, "Troubleshoot access denied error messages". A denial reads `User: ARN is not authorized to
perform: ACTION on resource: RESOURCE because no KIND policy allows the ACTION action`, or ends in `with an
explicit deny in a KIND`, with or without the ARN of that policy.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from countagg.core.errors import AccessDenied
from countagg.provision.calls import CALLS

_DENIAL = re.compile(
    r"""not\ authorized\ to\ perform:\ (?P<action>\S+)
    (?:\ on\ resource:\ (?P<resource>"[^"]*"|.+?)(?=\ because\b|\ with\ an\ explicit\ deny|\s*$))?""",
    re.VERBOSE | re.MULTILINE,
)
_EXPLICIT = re.compile(r"explicit deny(?: in (?:an? )?(?P<kind>[a-zA-Z -]+)(?:: arn:\S+)?)?")
_NOT_ALLOWED = re.compile(r"because no (?P<kind>[a-zA-Z -]+?) allows\b")

# A further permission in the principal's own policies helps against none of them.
_WHO_CAN: Final = {
    "service control policy": "whoever manages the AWS organization can change it; permissions of yours cannot",
    "resource control policy": "whoever manages the AWS organization can change it; permissions of yours cannot",
    "permissions boundary": "whoever set the permissions boundary of your user or role can widen it",
    "session policy": "sign in with a session that is not narrowed so, or have whoever gives it out widen it",
    "VPC endpoint policy": "whoever manages the VPC endpoint can change it; other networks do not pass it",
    "resource-based policy": "whoever owns the resource can change its policy",
    "identity-based policy": "an IAM administrator can remove that statement; more permissions do not help",
}
_IMPLICIT_OF_IDENTITY: Final = "identity-based policy"
_ASK: Final = "ask for that permission; `countagg doctor` names all that are missing"
_ASK_FOR_KEY: Final = "the key's policy, or a permission of yours on the key, has to allow it: check --kms-key"
_DENY: Final = "an explicit deny overrides every permission: whoever wrote that policy can remove it"


def read_denial(operation: str, message: str) -> AccessDenied:
    """Return the error for a denial.

    Args:
        operation: that was called.
        message: AWS's text; may be empty.
    """
    match = _DENIAL.search(message)
    if match is None:
        return AccessDenied(f"no permission for {operation}{f': {message}' if message else ''}", hint=_ASK)
    action = _proper(match["action"], operation)
    # S3 quotes the resource, others end the sentence with it; of a role IAM says `role NAME`.
    resource = (match["resource"] or "any resource").strip('".')
    reason, hint = _reason(message)
    return AccessDenied(f"no permission for {action} on {resource}{reason}", action=action, hint=hint)


def read_key_denial(operation: str, message: str) -> AccessDenied:
    """Return the error for the denial of a KMS key, which another service wanted to use."""
    what = f"no permission to use the KMS key for {operation}: {message or 'no text'}"
    return AccessDenied(what, hint=_ASK_FOR_KEY)


def _reason(message: str) -> tuple[str, str]:
    """Return what forbids it, empty if nothing but the lack of a permission, and who can mend it."""
    if explicit := _EXPLICIT.search(message):
        return f": {explicit[0]}", _WHO_CAN.get(explicit["kind"] or "", _DENY)
    missing = _NOT_ALLOWED.search(message)
    if missing is None or missing["kind"] == _IMPLICIT_OF_IDENTITY:
        return "", _ASK
    return f": no {missing['kind']} allows it", _WHO_CAN.get(missing["kind"], _ASK)


def _proper(action: str, operation: str) -> str:
    """Return an action as IAM writes it: SQS names it in lower case, SNS its service in upper case."""
    service, _, name = action.partition(":")
    if known := _known_actions().get(action.lower()):
        return known
    return f"{service.lower()}:{operation if name.lower() == operation.lower() else name}"


@cache
def _known_actions() -> dict[str, str]:
    return {action.lower(): action for calls in CALLS.values() for actions in calls.values() for action in actions}
