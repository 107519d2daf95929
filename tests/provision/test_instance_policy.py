"""The policy of what uploads: what it allows, and what it keeps out."""

from __future__ import annotations

from typing import Final

import pytest

from countagg.core.errors import InvalidObjectKey
from countagg.provision.instance_policy import instance_policy
from countagg.provision.settings import StackSettings
from tests.provision.policy_evaluator import Request, allows
from tests.provision.test_permissions import FULL, KEY, PLACE, PLAIN

DENIALS: Final = [
    {
        "Effect": "Deny",
        "Action": ["s3:PutObject"],
        "Resource": "arn:aws:s3:::my-counters/counters/*",
        "Condition": condition,
    }
    for condition in (
        {"Null": {"s3:x-amz-storage-class": "false"}, "StringNotEquals": {"s3:x-amz-storage-class": "STANDARD"}},
        {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
        {"Null": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "false"}},
        {"Null": {"s3:x-amz-copy-source": "false"}},
        {"Bool": {"s3:ObjectCreationOperation": "false"}},
    )
]


def test_an_instance_is_the_one_that_its_tag_names() -> None:
    assert instance_policy((), PLAIN, PLACE) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject"],
                "Resource": "arn:aws:s3:::my-counters/counters/????-??-??/values_"
                "${aws:PrincipalTag/countagg-instance}",
            },
            *DENIALS,
        ],
    }


def test_a_named_instance_of_ec2_must_be_that_instance() -> None:
    ec2, other, *_ = instance_policy(["i-0123456789abcdef0", "web-1"], PLAIN, PLACE)["Statement"]

    assert ec2["Resource"].endswith("/values_i-0123456789abcdef0")
    assert ec2["Condition"] == {
        "ArnLike": {"ec2:SourceInstanceARN": "arn:aws:ec2:*:*:instance/i-0123456789abcdef0"}
    }
    assert other["Resource"].endswith("/values_web-1")
    assert "Condition" not in other


@pytest.mark.parametrize("instance", ["", "*", "a/b", "i-1\n", "?", "${aws:userid}"])
def test_an_instance_that_could_be_several_is_refused(instance: str) -> None:
    with pytest.raises(InvalidObjectKey):
        instance_policy([instance], PLAIN, PLACE)


def test_an_instance_encrypts_with_the_stacks_key_through_s3() -> None:
    _, key, *_ = instance_policy(["web-1"], FULL, PLACE)["Statement"]

    assert key["Condition"] == {"StringLike": {"kms:ViaService": ["s3.eu-central-1.*"]}}
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


# What an instance uploads

OWN_FILE: Final = "arn:aws:s3:::my-counters/counters/2026-11-20/values_web-1"
OTHER_KEY: Final = KEY + "-of-others"


def put(**headers: str) -> Request:
    """Return a PutObject of the instance's file, as S3 describes it by condition keys."""
    context = {f"s3:{name.replace('_', '-')}": value for name, value in headers.items()}
    return Request("s3:PutObject", OWN_FILE, {"s3:ObjectCreationOperation": "true"} | context)


def upload_allowed(request: Request, settings: StackSettings = PLAIN) -> bool:
    return allows(instance_policy(["web-1"], settings, PLACE), request)


@pytest.mark.parametrize("settings", [PLAIN, FULL], ids=["plain", "with a key"])
def test_an_instance_may_upload_plainly(settings: StackSettings) -> None:
    assert upload_allowed(put(), settings)
    # An engine, or a partition, that does not tell of the operation.
    assert upload_allowed(Request("s3:PutObject", OWN_FILE), settings)
    assert upload_allowed(put(x_amz_storage_class="STANDARD"), settings)
    assert upload_allowed(put(x_amz_server_side_encryption="AES256"), settings)


UNREADABLE: Final = {
    **{
        name: {"x_amz_storage_class": name}
        for name in ("GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR")
    },
    "a key of the sender's own": {"x_amz_server_side_encryption_customer_algorithm": "AES256"},
    "another key of KMS": {"x_amz_server_side_encryption_aws_kms_key_id": OTHER_KEY},
    "a copy": {"x_amz_copy_source": "elsewhere/huge"},
    "a part of an upload": {"ObjectCreationOperation": "false"},
}


@pytest.mark.parametrize("headers", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("settings", [PLAIN, FULL], ids=["plain", "with a key"])
def test_an_instance_may_not_upload_what_cannot_be_read_or_hides_its_cost(
    settings: StackSettings, headers: dict[str, str]
) -> None:
    assert not upload_allowed(put(**headers), settings)


def test_only_the_stacks_key_may_be_named_and_only_if_there_is_one() -> None:
    named = put(x_amz_server_side_encryption_aws_kms_key_id=KEY)

    assert upload_allowed(named, FULL)
    assert not upload_allowed(named, PLAIN)


@pytest.mark.parametrize(
    "key",
    [
        "counters/values_web-1",
        "counters/today/values_web-1",
        "counters/2026-11-200/values_web-1",
        "totals/2026-11-20",
    ],
)
def test_an_instance_may_not_upload_where_no_date_is(key: str) -> None:
    assert not upload_allowed(Request("s3:PutObject", f"arn:aws:s3:::my-counters/{key}"))


@pytest.mark.parametrize(
    "action",
    [
        *("s3:PutObjectTagging", "s3:PutObjectAcl", "s3:PutObjectRetention", "s3:PutObjectLegalHold"),
        *("s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
    ],
)
def test_an_instance_sets_no_tags_lists_or_locks_and_reads_nothing(action: str) -> None:
    assert not upload_allowed(Request(action, OWN_FILE))


def test_the_tag_of_the_principal_names_the_only_instance_it_may_be() -> None:
    policy = instance_policy((), PLAIN, PLACE)
    tag = "aws:PrincipalTag/countagg-instance"

    assert allows(policy, Request("s3:PutObject", OWN_FILE, {tag: "web-1"}))
    assert not allows(policy, Request("s3:PutObject", OWN_FILE, {tag: "web-2"}))
    assert not allows(policy, Request("s3:PutObject", OWN_FILE))
    archived = {tag: "web-1", "s3:x-amz-storage-class": "GLACIER"}
    assert not allows(policy, Request("s3:PutObject", OWN_FILE, archived))
