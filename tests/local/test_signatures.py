"""What botocore signs is taken for genuine, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.local.signatures import Request, is_genuine, signature_of

SECRET: Final = "the-secret-of-a-run"
HOST: Final = "127.0.0.1:4566"

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
paths = st.lists(texts, max_size=4).map(lambda parts: "/" + "/".join(quote(part, safe="-_.~") for part in parts))
queries = st.dictionaries(texts, st.text(st.characters(codec="utf-8"), max_size=12), max_size=4)
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])


def signed(
    auth: type[SigV4Auth],
    method: str = "GET",
    path: str = "/",
    *,
    query: dict[str, str] | None = None,
    body: bytes = b"",
    secret: str = SECRET,
) -> Request:
    """Sign a request, and return it as it arrives."""
    encoded = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in (query or {}).items()
    )
    url = f"http://{HOST}{path}{'?' if encoded else ''}{encoded}"
    request = AWSRequest(method, url, headers={"Host": HOST, "X-Own": " a  b "}, data=body or None)
    service = "s3" if "S3" in auth.__name__ else "dynamodb"
    auth(Credentials("LOCALKEY", secret, "token"), service, "us-east-1").add_auth(request)
    arrived = urlsplit(str(request.url))
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return Request(method, arrived.path, arrived.query, headers | {"host": HOST})


def genuine(request: Request, body: bytes, secret: str = SECRET, *, after: timedelta = timedelta()) -> bool:
    """Tell whether a request that is signed now is taken for genuine after some time."""
    signature = signature_of(request)
    return signature is not None and is_genuine(request, signature, secret, body, datetime.now(UTC) + after)


@given(
    auth=st.sampled_from([SigV4Auth, S3SigV4Auth, SigV4QueryAuth, S3SigV4QueryAuth]),
    method=methods,
    path=paths,
    query=queries,
    body=st.binary(max_size=40),
)
@example(SigV4Auth, "GET", "/.0", {}, b"")
def test_what_botocore_signs_is_genuine_and_with_another_secret_it_is_not(
    auth: type[SigV4Auth], method: str, path: str, query: dict[str, str], body: bytes
) -> None:
    # An address that is signed beforehand has no body yet.
    body = b"" if issubclass(auth, SigV4QueryAuth) else body
    request = signed(auth, method, path, query=query, body=body)
    signature = signature_of(request)

    assert signature is not None
    assert signature.key == "LOCALKEY"
    assert genuine(request, body)
    assert not genuine(request, body, "another")
    assert not genuine(signed(auth, method, path, query=query, body=body, secret="another"), body)


@pytest.mark.parametrize("auth", [SigV4Auth, S3SigV4Auth, SigV4QueryAuth, S3SigV4QueryAuth])
def test_what_was_changed_afterwards_is_not_genuine(auth: type[SigV4Auth]) -> None:
    body = b"" if issubclass(auth, SigV4QueryAuth) else b"body"
    request = signed(auth, "PUT", "/bucket/key", query={"a": "b"}, body=body)

    assert genuine(request, body)
    assert not genuine(replace(request, method="GET"), body)
    assert not genuine(replace(request, path="/bucket/other"), body)
    assert not genuine(replace(request, query=request.query + "&acl="), body)
    assert not genuine(replace(request, headers={**request.headers, "host": "127.0.0.1:1"}), body)
    # An address that is signed beforehand leaves the object open.
    assert genuine(request, b"other") is (auth is S3SigV4QueryAuth)


@pytest.mark.parametrize("auth", [SigV4Auth, S3SigV4Auth])
@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_of_another_time_is_not_genuine(auth: type[SigV4Auth], minutes: int) -> None:
    request = signed(auth)

    assert not genuine(request, b"", after=timedelta(minutes=minutes))


def test_a_presigned_address_is_good_for_as_long_as_it_says() -> None:
    request = signed(S3SigV4QueryAuth, path="/bucket/key")

    assert "X-Amz-Expires=3600" in request.query
    assert genuine(request, b"", after=timedelta(minutes=59))
    assert not genuine(request, b"", after=timedelta(minutes=61))
    longer = replace(request, query=request.query.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"))
    assert not genuine(longer, b"", after=timedelta(minutes=61))


def test_a_signature_that_leaves_the_host_open_is_not_genuine() -> None:
    request = signed(SigV4Auth)
    signature = signature_of(request)
    assert signature is not None

    without = replace(signature, signed_headers=tuple(name for name in signature.signed_headers if name != "host"))
    assert not is_genuine(request, without, SECRET, b"", datetime.now(UTC))


SIGNATURE: Final = "0" * 64


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic dGVzdDp0ZXN0",
        "AWS LOCALKEY:abc",
        "AWS4-HMAC-SHA256",
        f"AWS4-HMAC-SHA256 Credential=K/20261129/r/s/aws4_request, SignedHeaders=host, Signature={SIGNATURE[1:]}",
        f"AWS4-HMAC-SHA256 Credential=K/20261129/r/s, SignedHeaders=host, Signature={SIGNATURE}",
        f"AWS4-HMAC-SHA256 Credential=K/20261128/r/s/aws4_request, SignedHeaders=host, Signature={SIGNATURE}",
        f"AWS4-HMAC-SHA256 Credential=K/20261129/r/s/other, SignedHeaders=host, Signature={SIGNATURE}",
        f"AWS4-ECDSA-P256-SHA256 Credential=K/20261129/s/aws4_request, SignedHeaders=host, Signature={SIGNATURE}",
    ],
)
def test_what_is_no_signature_of_version_4_is_none(authorization: str) -> None:
    headers = {"host": HOST, "x-amz-date": "20261129T000000Z", "authorization": authorization}

    assert signature_of(Request("GET", "/", "", headers)) is None


@pytest.mark.parametrize("date", ["", "20261129", "2026-11-29T00:00:00Z", "20261129T000000", "20261129T990000Z"])
def test_a_signature_without_a_proper_date_is_not_genuine(date: str) -> None:
    request = signed(SigV4Auth)

    assert not genuine(replace(request, headers={**request.headers, "x-amz-date": date}), b"")


@given(st.text(), st.text(), st.dictionaries(st.sampled_from(["authorization", "x-amz-date", "host"]), st.text()))
def test_no_request_is_too_strange_to_be_judged(path: str, query: str, headers: dict[str, str]) -> None:
    assert not genuine(Request("GET", path, query, headers), b"")
