"""What is looked at in every request before it goes out, and in every answer before it is believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from countagg.aws.failures import not_of_aws
from countagg.core.errors import ConnectionProblem
from countagg.redaction import SENT

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSRequest
    from botocore.model import OperationModel

# Of users and of sessions (IAM user guide, "Understanding unique ID prefixes").
_ACCOUNT_KEY = re.compile(r"Credential=A[KS]IA[A-Z0-9]{16}/")


def keep_off_plain_http(request: AWSPreparedRequest, **_: object) -> None:
    """Stop a request that would carry an AWS account's credentials unencrypted, such as to an engine nearby.

    A session token is readable in it, and whoever answers may be anybody.

    Raises:
        ConnectionProblem: before anything is sent.
    """
    if request.url.startswith("http:") and _ACCOUNT_KEY.search(str(request.headers.get("Authorization", ""))):
        host = urlsplit(request.url).netloc
        raise ConnectionProblem(
            f"an AWS account's credentials would go to {host} unencrypted; nothing was sent",
            where="--endpoint-url, AWS_ENDPOINT_URL",
            hint="use https, or for a local engine AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test, or --local",
        )


def remember_secrets(request: AWSPreparedRequest, **_: object) -> None:
    """Note signature and tokens of a request, so that they are hidden wherever its answer repeats them."""
    SENT.note(request.url, request.headers.items())


def refuse_page(operation_model: OperationModel, response_dict: Mapping[str, Any], **_: object) -> None:
    """Stop at a page or a text for people, which botocore would take for an answer without content.

    Server errors come as such too; those it tries again. A streamed object may be of any type.

    Raises:
        ConnectionProblem: it is none of AWS's forms.
    """
    if operation_model.has_streaming_output or response_dict["status_code"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    kind = str(response_dict["headers"].get("content-type", ""))
    if kind.startswith("text/html"):
        raise not_of_aws("is a web page", operation_model.name)
    body = response_dict["body"]
    if kind.startswith("text/plain") and body and not body.startswith((b"{", b"<")):
        raise not_of_aws("cannot be understood", operation_model.name)


def without_expect(request: AWSRequest, **_: object) -> None:
    """Do not ask whether to go on before the body is sent."""
    if "Expect" in request.headers:
        del request.headers["Expect"]
