"""Failures before AWS could answer: credentials, profiles, configuration files, endpoints, certificates.

botocore has classes for most of them. What a profile's program, a token file or an address makes Python itself
raise comes through botocore as it is: it is known by the parts of botocore that it comes through.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from json import JSONDecodeError
from traceback import walk_tb
from types import FrameType
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ConfigNotFound,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    EndpointProviderError,
    HTTPClientError,
    InfiniteLoopConfigError,
    InvalidConfigError,
    InvalidRegionError,
    MissingDependencyException,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    SSOError,
    TokenRetrievalError,
    UnknownRegionError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from countagg.aws.answers import LOOK_INTO
from countagg.core.errors import AwsCallFailed, ConnectionProblem, CountaggError

CA_BUNDLE: Final = "AWS_CA_BUNDLE"
_OTHER_FILES: Final = "mend it; AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE may name others"
_MEND_PROFILE: Final = (
    "mend the profile in the AWS configuration, or choose another by --profile; "
    "`aws sts get-caller-identity` shows whether it works"
)
_ADDRESS: Final = (
    "check --region, --endpoint-url, AWS_ENDPOINT_URL (and AWS_ENDPOINT_URL_LAMBDA and its like), HTTPS_PROXY "
    "and endpoint_url of the profile: an address is such as http://127.0.0.1:4566"
)
_CERTIFICATES: Final = (
    f"a proxy of the network may be in between: {CA_BUNDLE} (or ca_bundle of the profile) has to name a file with "
    "the certificates that vouch for the endpoint; or check --endpoint-url: a local engine may be http"
)

_BAD_HEADER: Final = "Invalid header value"
_MEND_KEYS: Final = (
    "check AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the profile for line ends, for example from pasted text"
)

# What is wrong, and what to do about it; the first that fits counts.
_FAILURES: Final[tuple[tuple[tuple[type[BotoCoreError], ...], str], ...]] = (
    (
        (PartialCredentialsError,),
        "add what is missing to the profile or the environment, or set AWS_PROFILE to another profile",
    ),
    (
        (NoCredentialsError,),
        "sign in with `aws login` or `aws sso login`, set AWS_PROFILE, or try --local",
    ),
    ((TokenRetrievalError, SSOError, NoAuthTokenError), "sign in again with `aws sso login`"),
    ((RefreshWithMFAUnsupportedError,), "run the command again: it asks for another MFA code"),
    ((CredentialRetrievalError,), "check the profile's credential_process or role"),
    ((InfiniteLoopConfigError,), "let source_profile lead to a profile with credentials of its own"),
    ((InvalidConfigError,), _MEND_PROFILE),
    ((ConfigParseError, ConfigNotFound), _OTHER_FILES),
    ((MissingDependencyException,), "install what it names where countagg is, or use another kind of profile"),
    ((InvalidRegionError, UnknownRegionError, EndpointProviderError), "check --region and --endpoint-url"),
    ((ProfileNotFound,), "`aws configure list-profiles` lists those that exist"),
    ((SSLError,), _CERTIFICATES),
    (
        (ProxyConnectionError,),
        "check the network, HTTPS_PROXY and HTTP_PROXY; NO_PROXY names hosts without a proxy",
    ),
    (
        (EndpointConnectionError, ConnectTimeoutError, BotoConnectionError, HTTPClientError),
        "check the network, --region and --endpoint-url; `countagg local status`",
    ),
)
# `aws login` is newer than the oldest botocore that we work with: its errors are known by the name of their base.
_LOGIN: Final = "LoginError"
_OF_THE_USER = re.compile(
    r"Config|Credential|Endpoint|Token|Region|Proxy|Auth|IMDS|Metadata|DefaultsMode|SignatureVersion|AddressingStyle"
)
"""In the names of other classes that tell of a mistake in what the user has configured."""
_OF_A_CALL = re.compile(r"^Waiter|^UnsupportedS3|^Pagination")

_CREDENTIALS: Final = ("botocore.credentials", "botocore.tokens")
_SETTINGS: Final = ("botocore.configloader", "botocore.configprovider", "botocore.args", "botocore.session")
_ADDRESSES: Final = ("botocore.endpoint", "botocore.httpsession", "botocore.awsrequest", "botocore.auth")
_UNREADABLE: Final = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)

# What a provider of credentials is made of, by botocore's name of it.
_SOURCES: Final = {
    "custom-process": "credential_process",
    "assume-role": "role_arn",
    "assume-role-with-web-identity": "web_identity_token_file",
    "container-role": "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "sso": "sso_session",
    "login": "login_session",
}


def translate_failure(error: BotoCoreError, where: str) -> CountaggError:
    """Translate an error of botocore's own."""
    if _BAD_HEADER in str(error):
        # It quotes the header, with a key or a session token in it.
        what = "the credentials hold a line end or another character that no request can carry"
        return ConnectionProblem(what, where=where, hint=_MEND_KEYS)
    if isinstance(error, NoRegionError):
        return no_region()
    for classes, hint in _FAILURES:
        if isinstance(error, classes):
            return ConnectionProblem(_sentence(error), where=where, hint=hint)
    names = [base.__name__ for base in type(error).__mro__]
    if _LOGIN in names:
        return ConnectionProblem(str(error), where=where, hint="sign in again with `aws login`")
    if _OF_THE_USER.search(names[0]) and not _OF_A_CALL.search(names[0]):
        return ConnectionProblem(str(error), where=where, hint=_MEND_PROFILE)
    return AwsCallFailed(str(error), where=where, hint=LOOK_INTO)


def no_region() -> ConnectionProblem:
    """Return what is said where neither an option nor the AWS configuration names a region."""
    hint = "give --region, or set AWS_REGION; without an AWS account: `countagg demo`"
    return ConnectionProblem("no region is set", where="--region", hint=hint)


def _sentence(error: BotoCoreError) -> str:
    if isinstance(error, SSLError) and (bundle := os.environ.get(CA_BUNDLE)):
        return f"{error}; {CA_BUNDLE} is {bundle}"
    told = " ".join(str(error).split())
    return f"{told} it failed and does not say why" if told.endswith(":") else told


def translate_stray(error: Exception, where: str) -> ConnectionProblem | None:
    """Translate an error of Python's that came through botocore; None if it is none of those.

    Args:
        error: as it was caught.
        where: what was being done.
    """
    # Slow to load, and loaded where it was raised.
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    frames = _frames_of_botocore(error)
    modules = [str(frame.f_globals.get("__name__", "")) for frame in frames]
    if isinstance(error, ResponseParserError):
        return not_of_aws("cannot be understood", where)
    if not isinstance(error, _UNREADABLE) or not modules or "botocore.parsers" in modules:
        return None
    if _passes(modules, _CREDENTIALS):
        source = _source(frames)
        what = f"{source or 'the profile'} returned no credentials: {_text(error)}"
        hint = f"check {source}; or {_MEND_PROFILE}" if source else _MEND_PROFILE
        return ConnectionProblem(what, where=where, hint=hint)
    if isinstance(error, OSError | ValueError) and _passes(modules, _ADDRESSES):
        return ConnectionProblem(f"the address cannot be used: {_text(error)}", where=where, hint=_ADDRESS)
    if _passes(modules, _SETTINGS):
        what = f"the AWS configuration cannot be used: {_text(error)}"
        return ConnectionProblem(what, where=where, hint=_OTHER_FILES)
    return None


def not_of_aws(what: str, where: str = "") -> ConnectionProblem:
    """Return the error for an answer that no AWS service gives.

    Args:
        what: is wrong with the answer.
        where: what was being done.
    """
    hint = "check --endpoint-url, AWS_ENDPOINT_URL, and any proxy or sign-in page of the network"
    return ConnectionProblem(f"the endpoint's answer {what}", where=where, hint=hint)


def _frames_of_botocore(error: Exception) -> Sequence[FrameType]:
    """Return the frames that an error came through since it left us; none if they are not botocore's.

    What botocore's hooks call is another's, and none of its business.
    """
    frames: list[FrameType] = []
    for frame, _ in walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("countagg.") or name == "botocore.hooks":
            frames = []
        else:
            frames.append(frame)
    is_theirs = frames and str(frames[0].f_globals.get("__name__", "")).startswith(("botocore.", "boto3."))
    return frames if is_theirs else []


def _passes(modules: Sequence[str], through: Sequence[str]) -> bool:
    return any(module in through for module in modules)


def _source(frames: Sequence[FrameType]) -> str | None:
    """Return the setting of a profile that the credentials were to come from; None if it is not known."""
    for frame in reversed(frames):
        held: Mapping[str, object] = frame.f_locals
        for name in ("METHOD", "method"):
            if source := _SOURCES.get(str(getattr(held.get("self"), name, ""))):
                return source
    return None


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, JSONDecodeError):
        return f"it is not JSON ({text})"
    return text if isinstance(error, ValueError | RuntimeError) else f"it has another form ({text})"
