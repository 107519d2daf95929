"""S3: the bucket, and our entry in its notifications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import code_of
from countagg.aws.session import tag_list, tag_map
from countagg.aws.waiting import DESTINATION_NOT_VALID, Patience
from countagg.core.errors import AccessDenied, AwsCallFailed
from countagg.core.names import OWNER_TAG
from countagg.provision.identities import BucketId, NotificationId
from countagg.provision.place import Place
from countagg.provision.policies import merge_statements, our_statements
from countagg.provision.reconcile import FieldChange, Observed, Tags
from countagg.provision.states import BucketState, NotificationState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING: Final = frozenset({"NoSuchBucket", "404"})
_BLOCK_ALL: Final[Any] = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ENCRYPTION: Final[Any] = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_DELETED_AT_ONCE: Final = 1_000
_TOPICS: Final = "TopicConfigurations"


class Bucket:
    """A bucket. It is ours if it bears our tag, which only buckets get that countagg created."""

    def __init__(
        self, s3: S3Client, identity: BucketId, place: Place, stack: str, *, delete_objects: bool
    ) -> None:
        self._s3 = s3
        self._name = identity.name
        self._place = place
        self._stack = stack
        self._delete_objects = delete_objects
        self._owner: Any = {"Bucket": identity.name, "ExpectedBucketOwner": place.account}

    def read(self) -> Observed[BucketState] | None:
        """Return it as it is; of one that is not ours, only that it exists in the right region."""
        try:
            head = self._s3.head_bucket(**self._owner)
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            if code_of(error) == "403":
                # HeadBucket has no body that would tell which of the two it is.
                what = (
                    "the bucket belongs to another account, or this principal may not look at it (s3:ListBucket)"
                )
                raise AccessDenied(what, hint="choose another --bucket, or ask for that permission") from error
            raise
        self._check_region(head.get("BucketRegion", self._place.region))
        tags = self._tags()
        owned = tags.get(OWNER_TAG) == self._stack
        if not owned:
            return Observed(BucketState(False, False, "", Tags(tags)), owned=False)  # noqa: FBT003 - nothing known
        state = BucketState(
            private=self._is_private(),
            encrypted=self._is_encrypted(),
            statements=our_statements(self._policy()),
            tags=Tags(tags),
        )
        return Observed(state, retained=self._reason_to_keep())

    def _check_region(self, region: str) -> None:
        if region != self._place.region:
            raise AwsCallFailed(
                f"the bucket is in {region}, not in {self._place.region}; S3 only notifies topics of its region",
                where=f"bucket {self._name}",
                hint=f"use --region {region}, or another bucket",
            )

    def _tags(self) -> dict[str, str]:
        try:
            return tag_map(self._s3.get_bucket_tagging(**self._owner)["TagSet"])
        except ClientError as error:
            if code_of(error) == "NoSuchTagSet":
                return {}
            raise

    def _is_private(self) -> bool:
        try:
            found = self._s3.get_public_access_block(**self._owner)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if code_of(error) == "NoSuchPublicAccessBlockConfiguration":
                return False
            raise
        return all(found.get(name) for name in _BLOCK_ALL)

    def _is_encrypted(self) -> bool:
        try:
            self._s3.get_bucket_encryption(**self._owner)
        except ClientError as error:
            if code_of(error) == "ServerSideEncryptionConfigurationNotFoundError":
                return False
            raise
        return True

    def _policy(self) -> dict[str, Any]:
        try:
            policy: dict[str, Any] = json.loads(self._s3.get_bucket_policy(**self._owner)["Policy"])
        except ClientError as error:
            if code_of(error) == "NoSuchBucketPolicy":
                return {}
            raise
        return policy

    def _reason_to_keep(self) -> str:
        if self._delete_objects or next(self._versions(), None) is None:
            return ""
        return "it holds objects; --delete-objects deletes them with it"

    def _versions(self) -> Iterator[Any]:
        """Yield every object in every version, delete markers too."""
        for page in self._s3.get_paginator("list_object_versions").paginate(**self._owner):
            for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": found["Key"], "VersionId": found["VersionId"]}

    def create(self, desired: BucketState) -> None:
        """Create it, with its tag in the same call so that it is known as ours, and close it to the public."""
        configuration: Any = {"Tags": tag_list(desired.tags.of)}
        if self._place.region != "us-east-1":
            configuration["LocationConstraint"] = self._place.region
        self._s3.create_bucket(Bucket=self._name, CreateBucketConfiguration=configuration)
        # Engines other than AWS may leave out the tags of that call.
        if desired.tags.wanting(Tags(self._tags())):
            self._put_tags(desired)
        self._put_private()
        self._put_encryption()
        if desired.statements != our_statements({}):
            self._put_policy(desired)

    def update(self, desired: BucketState, changes: Sequence[FieldChange]) -> None:
        """Set what differs."""
        for change in changes:
            match change.name:
                case "tags":
                    self._put_tags(desired)
                case "private":
                    self._put_private()
                case "encrypted":
                    self._put_encryption()
                case _:
                    self._put_policy(desired)

    def _put_tags(self, desired: BucketState) -> None:
        tags = {**self._tags(), **desired.tags.of}
        self._s3.put_bucket_tagging(**self._owner, Tagging={"TagSet": tag_list(tags)})

    def _put_private(self) -> None:
        self._s3.put_public_access_block(**self._owner, PublicAccessBlockConfiguration=_BLOCK_ALL)

    def _put_encryption(self) -> None:
        self._s3.put_bucket_encryption(**self._owner, ServerSideEncryptionConfiguration=_ENCRYPTION)

    def _put_policy(self, desired: BucketState) -> None:
        merged = merge_statements(self._policy(), desired.statements)
        self._s3.put_bucket_policy(**self._owner, Policy=json.dumps(merged))

    def delete(self) -> None:
        """Delete it; with its objects only when that was asked for."""
        try:
            if self._delete_objects:
                self._empty()
            self._s3.delete_bucket(**self._owner)
        except ClientError as error:
            if code_of(error) not in _MISSING:
                raise

    def _empty(self) -> None:
        versions = list(self._versions())
        for start in range(0, len(versions), _DELETED_AT_ONCE):
            batch = versions[start : start + _DELETED_AT_ONCE]
            answer = self._s3.delete_objects(**self._owner, Delete={"Objects": batch, "Quiet": True})
            for failure in answer.get("Errors", []):
                raise AwsCallFailed(
                    f"{failure.get('Key')} cannot be deleted: {failure.get('Message')}",
                    where=f"bucket {self._name}",
                )


class Notification:
    """Our entry in a bucket's notifications. The document is shared: every other entry stays as it is."""

    def __init__(self, s3: S3Client, identity: NotificationId, place: Place, patience: Patience) -> None:
        self._s3 = s3
        self._entry = identity.entry
        self._bucket = identity.bucket
        self._owner: Any = {"Bucket": identity.bucket, "ExpectedBucketOwner": place.account}
        self._patience = patience

    def _get(self) -> dict[str, Any]:
        answer: dict[str, Any] = dict(self._s3.get_bucket_notification_configuration(**self._owner))
        answer.pop("ResponseMetadata", None)
        return answer

    def read(self) -> Observed[NotificationState] | None:
        """Return it as it is; None also when the bucket is gone."""
        try:
            topics = self._get().get(_TOPICS, [])
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise
        for found in topics:
            if found.get("Id") == self._entry:
                return Observed(
                    NotificationState(
                        topic=found["TopicArn"],
                        events=tuple(sorted(found["Events"])),
                        prefix=_filter_of(found, "prefix"),
                        suffix=_filter_of(found, "suffix"),
                    )
                )
        return None

    def create(self, desired: NotificationState) -> None:
        """Add our entry; S3 checks the topic, whose policy takes some seconds until S3 sees it."""
        rules = [{"Name": "prefix", "Value": desired.prefix}]
        entry = {
            "Id": self._entry,
            "TopicArn": desired.topic,
            "Events": list(desired.events),
            "Filter": {"Key": {"FilterRules": rules}},
        }
        self._replace([entry])

    def update(self, desired: NotificationState, _changes: Sequence[FieldChange]) -> None:
        """Replace our entry."""
        self.create(desired)

    def delete(self) -> None:
        """Remove our entry."""
        try:
            self._replace([])
        except ClientError as error:
            if code_of(error) not in _MISSING:
                raise

    def _replace(self, ours: list[dict[str, Any]]) -> None:
        def replace() -> None:
            # Read anew at each try: somebody else may have added an entry meanwhile.
            configuration = self._get()
            others = [found for found in configuration.get(_TOPICS, []) if found.get("Id") != self._entry]
            merged: Any = {**configuration, _TOPICS: [*others, *ours]}
            self._s3.put_bucket_notification_configuration(
                **self._owner,
                NotificationConfiguration=merged,
                # Removing our entry must not fail because of somebody else's stale destination.
                SkipDestinationValidation=not ours,
            )

        self._patience.call(
            replace, DESTINATION_NOT_VALID, f"bucket {self._bucket}, until it may publish to the topic"
        )


def _filter_of(entry: dict[str, Any], name: str) -> str:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    # S3 gives the names back capitalised.
    return next((str(rule["Value"]) for rule in rules if rule["Name"].lower() == name), "")
