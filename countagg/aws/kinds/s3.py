"""S3: the bucket."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.answers import DENIED
from countagg.aws.errors import code_of, suppress_codes, suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.offers import BUCKET_TAGS
from countagg.aws.kinds.s3_notifications import NOTIFICATIONS, get_notifications
from countagg.aws.kinds.tags import tag_list, tag_map
from countagg.aws.waiting import BUCKET_BUSY, BUCKET_NOT_YET
from countagg.core.errors import AccessDenied, AwsCallFailed
from countagg.core.names import Names
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.lifecycle import merge_rules, our_rules
from countagg.provision.notifications import count_entries, foreign_entries
from countagg.provision.policies import merge_statements, our_statements
from countagg.provision.reconcile import Observed
from countagg.provision.states import BucketState
from countagg.provision.storage import PUBLIC_ACCESS_BLOCKS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DELETED_AT_ONCE: Final = 1_000
_COUNTED: Final = 1_000
_NOT_XML: Final = re.compile("[^\\t\\n\\r\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What a key may have and no XML 1.0, in which lists of keys are sent (Amazon S3 user guide, naming objects)."""


def region_of_bucket(s3: S3Client, owner: Any) -> str:  # noqa: ANN401 - bucket and its owner, as boto3 takes them
    """Return the region that a bucket is in.

    HeadBucket would tell it too, but who may call that may list everything in the bucket.
    """
    answer: Mapping[str, Any] = s3.get_bucket_location(**owner)
    constraint = str(answer.get("LocationConstraint") or "")
    # Two regions have other names here (S3 API reference, GetBucketLocation).
    return {"": "us-east-1", "EU": "eu-west-1"}.get(constraint, constraint)


class Bucket:
    """A bucket. It is ours if it bears our tag, which only buckets get that countagg created."""

    def __init__(self, s3: S3Client, name: str, context: StackContext) -> None:
        self._s3 = s3
        what = f"bucket {name}, until it can be changed"
        self._made = context.patience.over(s3, (*BUCKET_BUSY, *BUCKET_NOT_YET), what)
        self._busy = context.patience.over(s3, BUCKET_BUSY, f"bucket {name}, being made or deleted")
        self._name = name
        self._context = context
        self._place = context.place
        self._owner: Any = {"Bucket": name, "ExpectedBucketOwner": context.place.account}

    def read(self) -> Observed[BucketState] | None:
        """Return it as it is; of one that is not ours, only that it exists in the right region."""
        try:
            region = region_of_bucket(self._s3, self._owner)
        except ClientError as error:
            if code_of(error) in DENIED:
                # S3 tells nobody whose bucket it is.
                raise AccessDenied(
                    "it belongs to another account, or this principal may not look at it (s3:GetBucketLocation)",
                    where=f"bucket {self._name}",
                    hint="choose another --bucket, or ask for that permission",
                ) from error
            raise
        self._check_region(region)
        tags, notifications = self._tags(self._s3), self._notifications()
        outputs = {"notifications": json.dumps(notifications, sort_keys=True)}
        if not self._context.owns(tags):
            unknown = BucketState(
                private=False, encryption="", versioning=None, statements="", lifecycle="", tags=Tags(tags)
            )
            return Observed(unknown, outputs, owned=False, remark=self._remark())
        state = BucketState(
            private=self._is_private(),
            encryption=self._encryption(),
            versioning=self._s3.get_bucket_versioning(**self._owner).get("Status") == "Enabled",
            statements=our_statements(self._policy(self._s3)),
            lifecycle=our_rules(self._lifecycle(self._s3)),
            tags=Tags(tags),
        )
        forced = self._context.forced
        if forced is None:
            return Observed(state, outputs)
        held = self._held()
        reason = None if forced.objects else self._reason_to_keep(held, notifications)
        return Observed(state, outputs, retained=reason, contents=held)

    def _notifications(self) -> dict[str, Any]:
        return self._context.reads.once(NOTIFICATIONS, lambda: get_notifications(self._s3, self._owner))

    def _reason_to_keep(self, held: str | None, notifications: dict[str, Any]) -> str | None:
        if held:
            return f"it holds {held}; --delete-objects deletes them with it"
        ours = Names(self._context.stack).uploads
        others = count_entries(foreign_entries(notifications, ours, self._place.topic_arn(ours)))
        return f"it notifies others ({others}); --delete-objects deletes it all the same" if others else None

    def _remark(self) -> str | None:
        """Tell of a key that encrypts a bucket of others: without it the functions cannot read the files."""
        try:
            key = self._encryption()
        except ClientError as error:
            if code_of(error) not in DENIED:
                raise
            return None
        # The services' own keys are open to whoever may read the object.
        own = {"none", "AES256", "aws:kms", "aws:kms:dsse"}
        return None if key in own else f"its files are encrypted with {key}: name it by --kms-key"

    def _check_region(self, region: str) -> None:
        if region != self._place.region:
            raise AwsCallFailed(
                f"the bucket is in {region}, not in {self._place.region}; S3 only notifies topics of its region",
                where=f"bucket {self._name}",
                hint=f"use --region {region}, or another bucket",
            )

    def _tags(self, s3: S3Client) -> dict[str, str]:
        with suppress_codes("NoSuchTagSet"):
            return tag_map(s3.get_bucket_tagging(**self._owner)["TagSet"])
        return {}

    def _is_private(self) -> bool:
        with suppress_codes("NoSuchPublicAccessBlockConfiguration"):
            blocked = self._s3.get_public_access_block(**self._owner)["PublicAccessBlockConfiguration"]
            return all(blocked.get(name) for name in PUBLIC_ACCESS_BLOCKS)
        return False

    def _encryption(self) -> str:
        with suppress_codes("ServerSideEncryptionConfigurationNotFoundError"):
            rules = self._s3.get_bucket_encryption(**self._owner)["ServerSideEncryptionConfiguration"]["Rules"]
            rule = rules[0].get("ApplyServerSideEncryptionByDefault", {})
            return rule.get("KMSMasterKeyID") or str(rule.get("SSEAlgorithm", "none"))
        return "none"

    def _policy(self, s3: S3Client) -> dict[str, Any]:
        with suppress_codes("NoSuchBucketPolicy"):
            policy: dict[str, Any] = json.loads(s3.get_bucket_policy(**self._owner)["Policy"])
            return policy
        return {}

    def _lifecycle(self, s3: S3Client) -> dict[str, Any]:
        lifecycle: dict[str, Any] = {}
        with suppress_codes("NoSuchLifecycleConfiguration"):
            lifecycle = dict(s3.get_bucket_lifecycle_configuration(**self._owner))
        lifecycle.pop("ResponseMetadata", None)
        return lifecycle

    def _held(self) -> str | None:
        count = sum(1 for _ in islice(self._versions(), _COUNTED + 1))
        if count <= 1:
            return "1 object" if count else None
        return f"{count if count <= _COUNTED else f'more than {_COUNTED:,}'} objects and versions"

    def _versions(self) -> Iterator[Any]:
        """Yield every object in every version, delete markers too."""
        for page in self._s3.get_paginator("list_object_versions").paginate(**self._owner):
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": version["Key"], "VersionId": version["VersionId"]}

    def create(self, desired: BucketState) -> None:
        """Create it, with its tag in the same call so that it is known as ours, and close it to the public."""
        try:
            self._create(Tags=tag_list(desired.tags.of))
        except ClientError as error:
            if not BUCKET_TAGS.matches(error):
                raise
            self._create()
        # Some regions refuse the tags of that call, and engines other than AWS may leave them out.
        if desired.tags.edits(Tags(self._tags(self._made))):
            self._put_tags(desired)
        self._put_private()
        self._put_encryption(desired)
        if desired.versioning is not None:
            self._put_versioning(desired)
        if desired.statements != our_statements({}):
            self._put_policy(desired)
        if desired.lifecycle != our_rules({}):
            self._put_lifecycle(desired)

    def _create(self, **configuration: Any) -> None:  # noqa: ANN401 - a parameter of boto3
        if self._place.region != "us-east-1":
            configuration["LocationConstraint"] = self._place.region
        given: Any = {"CreateBucketConfiguration": configuration} if configuration else {}
        self._busy.create_bucket(Bucket=self._name, **given)

    def update(self, desired: BucketState, changes: Sequence[FieldChange]) -> None:
        """Set what differs."""
        for change in changes:
            match change.name:
                case "tags":
                    self._put_tags(desired, change.tags_to_drop)
                case "private":
                    self._put_private()
                case "encryption":
                    self._put_encryption(desired)
                case "versioning":
                    self._put_versioning(desired)
                case "lifecycle":
                    self._put_lifecycle(desired)
                case _:
                    self._put_policy(desired)

    def _put_tags(self, desired: BucketState, dropped: Sequence[str] = ()) -> None:
        # The call replaces them all: those of others go along.
        tags = {key: value for key, value in self._tags(self._made).items() if key not in dropped} | dict(
            desired.tags.of
        )
        self._made.put_bucket_tagging(**self._owner, Tagging={"TagSet": tag_list(tags)})

    def _put_private(self) -> None:
        everything: Any = dict.fromkeys(PUBLIC_ACCESS_BLOCKS, True)
        self._made.put_public_access_block(**self._owner, PublicAccessBlockConfiguration=everything)

    def _put_encryption(self, desired: BucketState) -> None:
        by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": desired.encryption}
        default = by_key if desired.encryption.startswith("arn:") else {"SSEAlgorithm": desired.encryption}
        # With a bucket key S3 asks KMS once in a while instead of once a file.
        rule: Any = {
            "ApplyServerSideEncryptionByDefault": default,
            "BucketKeyEnabled": "KMSMasterKeyID" in default,
        }
        self._made.put_bucket_encryption(**self._owner, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def _put_versioning(self, desired: BucketState) -> None:
        status: Any = {"Status": "Enabled" if desired.versioning else "Suspended"}
        self._made.put_bucket_versioning(**self._owner, VersioningConfiguration=status)

    def _put_policy(self, desired: BucketState) -> None:
        merged = merge_statements(self._policy(self._made), desired.statements)
        self._made.put_bucket_policy(**self._owner, Policy=json.dumps(merged))

    def _put_lifecycle(self, desired: BucketState) -> None:
        # The call replaces the whole: rules of others, and what transitions default to, go along.
        merged: Any = merge_rules(self._lifecycle(self._made), desired.lifecycle)
        defaults = {name: value for name, value in merged.items() if name != "Rules"}
        self._made.put_bucket_lifecycle_configuration(
            **self._owner, LifecycleConfiguration={"Rules": merged["Rules"]}, **defaults
        )

    def delete(self) -> None:
        """Delete it; with its objects only when that was asked for."""
        with suppress_missing():
            if self._context.forced is not None and self._context.forced.objects:
                self._empty()
            self._busy.delete_bucket(**self._owner)

    def _empty(self) -> None:
        versions: list[Any] = []
        for version in self._versions():
            if _NOT_XML.search(version["Key"]):
                # S3 refuses a whole list with such a key; in an address it takes it.
                self._s3.delete_object(**self._owner, **version)
            else:
                versions.append(version)
        for start in range(0, len(versions), _DELETED_AT_ONCE):
            batch = versions[start : start + _DELETED_AT_ONCE]
            answer = self._s3.delete_objects(**self._owner, Delete={"Objects": batch, "Quiet": True})
            for failure in answer.get("Errors", []):
                raise AwsCallFailed(
                    f"{failure.get('Key')} cannot be deleted: {failure.get('Message')}",
                    where=f"bucket {self._name}",
                    hint="check its lock and the bucket's policy, then tear down again; or keep the objects",
                )
