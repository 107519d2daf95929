"""Reads of an account that tell whether countagg can work there. Nothing is changed by any of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, suppress_missing
from countagg.aws.kinds.s3 import region_of_bucket
from countagg.aws.kinds.s3_notifications import get_notifications
from countagg.aws.session import Clients
from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class LambdaAccount:
    """Lambda's limits of an account and region, and how much of them is used.

    Attributes:
        unreserved: invocations at a time that no function has reserved.
        code_limit: bytes that all zips together may have.
        code_used: bytes that they have.
    """

    unreserved: int
    code_limit: int
    code_used: int


def has_credentials(clients: Clients) -> str | None:
    """Return where botocore found credentials, in its words; None if it found none.

    Raises:
        CountaggError: there are some that cannot be used.
    """
    with aws_errors():
        credentials = clients.session.get_credentials()
        if credentials is None:
            return None
        # What has to be fetched or renewed fails here rather than in the first call.
        credentials.get_frozen_credentials()
    return str(credentials.method)


def server_time(clients: Clients) -> datetime | None:
    """Return the endpoint's time, aware UTC, from any answer to a call without credentials; None if it tells none.

    Raises:
        ConnectionProblem: the endpoint does not answer.
    """
    with aws_errors():
        try:
            answer: Any = clients.anonymous_sts.get_caller_identity()
        except ClientError as error:
            answer = error.response
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        return parsedate_to_datetime(told).astimezone(UTC)
    except ValueError:
        return None


def lambda_account(clients: Clients) -> LambdaAccount:
    """Read Lambda's limits.

    Raises:
        AccessDenied: without `lambda:GetAccountSettings`.
        CountaggError: the engine does not tell them.
    """
    with aws_errors("limits of Lambda"):
        answer = clients.lambda_.get_account_settings()
    try:
        return LambdaAccount(
            unreserved=answer["AccountLimit"]["UnreservedConcurrentExecutions"],
            code_limit=answer["AccountLimit"]["TotalCodeSize"],
            code_used=answer["AccountUsage"]["TotalCodeSize"],
        )
    except KeyError as error:
        hint = "look at them in the Lambda console; an engine on this machine has none"
        raise CountaggError(f"the answer has no {error}", where="limits of Lambda", hint=hint) from error


def table_names(clients: Clients) -> frozenset[str]:
    """Return the names of all tables of the account and region.

    Raises:
        AccessDenied: without `dynamodb:ListTables`.
    """
    with aws_errors("tables"):
        pages = clients.dynamodb.get_paginator("list_tables").paginate()
        return frozenset(name for page in pages for name in page["TableNames"])


@dataclass(frozen=True, slots=True)
class BucketLook:
    """A bucket: its region, and its notifications as JSON."""

    region: str
    notifications: str


def look_at_bucket(clients: Clients, bucket: str, account: str) -> BucketLook | None:
    """Look at a bucket; None if there is none of that name.

    Raises:
        AccessDenied: it belongs to another account, or may not be looked at.
    """
    owner: Any = {"Bucket": bucket, "ExpectedBucketOwner": account}
    with aws_errors(f"bucket {bucket}"), suppress_missing():
        region = region_of_bucket(clients.s3, owner)
        return BucketLook(region, json.dumps(get_notifications(clients.s3, owner)))
    return None
