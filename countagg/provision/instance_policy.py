"""The IAM policy of what uploads: its own files, in a form that the processor can read, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from countagg.core.object_keys import build_object_key, parse_object_key
from countagg.provision.key_use import through_services
from countagg.provision.place import Place
from countagg.provision.policies import allow, policy_document
from countagg.provision.resource_arns import literal, resource_arns
from countagg.provision.settings import StackSettings
from countagg.provision.targets import On

INSTANCE_TAG: Final = "countagg-instance"
"""Tag of a role, or of a session, that names the instance whose files it may write."""
_STORAGE_CLASS: Final = "s3:x-amz-storage-class"
_KMS_KEY: Final = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_EC2_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")


def instance_policy(instances: Sequence[str], settings: StackSettings, place: Place) -> dict[str, Any]:
    """Return the policy of what uploads: it may write its own files, of any day, and do nothing else.

    Args:
        instances: ids, a statement each; of an EC2 instance the statement asks for that very instance. Without
            any, the instance is the one that the tag `countagg-instance` of the role or the session names.
        settings: of the stack.
        place: where it lives.

    Raises:
        InvalidObjectKey: an id that no file can have.
    """
    if not instances:
        statements = [_upload(f"${{aws:PrincipalTag/{INSTANCE_TAG}}}", {}, settings, place)]
    else:
        for each in instances:
            parse_object_key(build_object_key("", "2000-01-01", each), "")
        statements = [_upload(each, _only_from(each, place), settings, place) for each in instances]
    through = through_services({On.COUNTER_FILES: frozenset({"s3:PutObject"})}, settings, place)
    return policy_document([*statements, *through, *_unreadable(settings, place)])


def _upload(instance: str, condition: Mapping[str, Any], settings: StackSettings, place: Place) -> dict[str, Any]:
    # A question mark is one character, of any kind: what is no date, the processor refuses.
    key = build_object_key(literal(settings.prefix), "????-??-??", instance)
    return allow({"s3:PutObject"}, (f"{place.bucket_arn(settings.bucket)}/{key}",), condition)


def _unreadable(settings: StackSettings, place: Place) -> Iterator[dict[str, Any]]:
    """Yield what denies uploads that the processor could not read, or that hide what they cost.

    A key that is absent denies nothing: it is asked for first, because a negated comparison holds without it.
    """
    files = resource_arns(On.COUNTER_FILES, settings, place)
    named_key: dict[str, Any] = {"Null": {_KMS_KEY: "false"}}
    if settings.kms_key:
        named_key["StringNotEquals"] = {_KMS_KEY: settings.kms_key}
    for condition in (
        # What is not read at once, or costs at least a month, or each time it is read.
        {"Null": {_STORAGE_CLASS: "false"}, "StringNotEquals": {_STORAGE_CLASS: "STANDARD"}},
        {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
        named_key,
        # A copy costs its maker no traffic.
        {"Null": {"s3:x-amz-copy-source": "false"}},
        # CreateMultipartUpload, UploadPart and UploadPartCopy (S3 User Guide, enforcing conditional writes): parts
        # are stored, and paid for, without an object.
        {"Bool": {"s3:ObjectCreationOperation": "false"}},
    ):
        yield {**allow({"s3:PutObject"}, files, condition), "Effect": "Deny"}


def _only_from(instance: str, place: Place) -> dict[str, Any]:
    if _EC2_INSTANCE.fullmatch(instance) is None:
        return {}
    return {"ArnLike": {"ec2:SourceInstanceARN": f"arn:{place.partition}:ec2:*:*:instance/{instance}"}}
