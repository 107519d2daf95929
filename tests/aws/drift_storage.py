"""Changes by hand to tables, the bucket and its notification."""

from __future__ import annotations

import json
from typing import Any

from countagg.core.names import BY_DATE_INDEX
from countagg.provision.reconcile import Action
from tests.aws.by_hand import change_table, replace_stream, set_expiry
from tests.aws.drift import Drift
from tests.aws.others import THEIR_KEY
from tests.aws.world import BUCKET, PLACE, World

MAPPED_ANEW = ("UpdateEventSourceMapping", "DeleteEventSourceMapping", "CreateEventSourceMapping")
SOURCE = (("mapping/aggregator", Action.UPDATE, ("source",)),)
BY_KEY: Any = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": THEIR_KEY}
THROUGHPUT: Any = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
OPEN: Any = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": True,
}


def without_index(world: World) -> None:
    change_table(world, "table/counters", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": BY_DATE_INDEX}}])


def without_stream(world: World) -> None:
    change_table(world, "table/snapshots", StreamSpecification={"StreamEnabled": False})


def provisioned(world: World) -> None:
    change_table(world, "table/totals", BillingMode="PROVISIONED", ProvisionedThroughput=THROUGHPUT)


def expire_by(attribute: str) -> Any:
    def change(world: World) -> None:
        set_expiry(world, "table/totals", "ExpiresAt", on=False)
        if attribute:
            set_expiry(world, "table/totals", attribute, on=True)

    return change


def recovery(world: World, *, on: bool) -> None:
    world.clients.dynamodb.update_continuous_backups(
        TableName="countagg-totals", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
    )


UPDATE_TABLE = ("UpdateTable",)
UPDATE_EXPIRY = "UpdateTimeToLive"

TABLES = (
    Drift("table/counters", "indexes", without_index, UPDATE_TABLE),
    Drift("table/totals", "billing_mode", provisioned, UPDATE_TABLE),
    Drift(
        "table/snapshots",
        "stream",
        without_stream,
        UPDATE_TABLE,
        "switched off",
        along=SOURCE,
        calls_along=MAPPED_ANEW,
    ),
    Drift(
        "table/snapshots",
        "stream",
        lambda w: replace_stream(w, "table/snapshots", "KEYS_ONLY"),
        (*UPDATE_TABLE, *UPDATE_TABLE),
        "of keys",
        along=SOURCE,
        calls_along=MAPPED_ANEW,
    ),
    Drift("table/totals", "ttl_attribute", expire_by(""), (UPDATE_EXPIRY,), "switched off"),
    Drift(
        "table/totals", "ttl_attribute", expire_by("Other"), (UPDATE_EXPIRY, UPDATE_EXPIRY), "by another attribute"
    ),
    Drift(
        "table/totals", "kms_key", lambda w: change_table(w, "table/totals", SSESpecification=BY_KEY), UPDATE_TABLE
    ),
)
TABLES_WITH_OPTIONS = (
    Drift(
        "table/totals",
        "kms_key",
        lambda w: change_table(w, "table/totals", SSESpecification={"Enabled": False}),
        UPDATE_TABLE,
        "taken back",
    ),
    Drift(
        "table/totals",
        "kms_key",
        lambda w: change_table(w, "table/totals", SSESpecification=BY_KEY),
        UPDATE_TABLE,
        "another's",
    ),
    Drift("table/totals", "point_in_time_recovery", lambda w: recovery(w, on=False), ("UpdateContinuousBackups",)),
    Drift(
        "table/totals",
        "deletion_protection",
        lambda w: change_table(w, "table/totals", DeletionProtectionEnabled=False),
        UPDATE_TABLE,
    ),
)


# The bucket


def opened(world: World) -> None:
    world.clients.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)


def encrypt(key: str) -> Any:
    algorithm = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    rules: Any = [{"ApplyServerSideEncryptionByDefault": algorithm}]
    return lambda world: world.clients.s3.put_bucket_encryption(
        Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules}
    )


def with_plain_http(world: World) -> None:
    policy = json.loads(world.clients.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    policy["Statement"][0]["Effect"] = "Allow"
    world.clients.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def expire(*rules: Any) -> Any:
    return lambda world: world.clients.s3.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [*rules]}
    )


PUT_LIFECYCLE = ("PutBucketLifecycleConfiguration",)
OTHER_RULE: Any = {
    "ID": "countagg-old-versions",
    "Status": "Disabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
}
PUT_ENCRYPTION = ("PutBucketEncryption",)
PUT_POLICY = ("PutBucketPolicy",)
PUT_BLOCK = ("PutPublicAccessBlock",)

BUCKET_PLAIN = (
    Drift("bucket", "private", opened, PUT_BLOCK, "opened"),
    Drift(
        "bucket",
        "private",
        lambda w: w.clients.s3.delete_public_access_block(Bucket=BUCKET),
        PUT_BLOCK,
        "without a block",
    ),
    Drift(
        "bucket",
        "encryption",
        lambda w: w.clients.s3.delete_bucket_encryption(Bucket=BUCKET),
        PUT_ENCRYPTION,
        "none",
    ),
    Drift("bucket", "encryption", encrypt(THEIR_KEY), PUT_ENCRYPTION, "by another's key"),
    Drift("bucket", "statements", lambda w: w.clients.s3.delete_bucket_policy(Bucket=BUCKET), PUT_POLICY, "none"),
    Drift(
        "bucket", "lifecycle", lambda w: w.clients.s3.delete_bucket_lifecycle(Bucket=BUCKET), PUT_LIFECYCLE, "none"
    ),
    Drift("bucket", "lifecycle", expire(OTHER_RULE), PUT_LIFECYCLE, "others"),
    Drift("bucket", "statements", with_plain_http, PUT_POLICY, "widened"),
)
BUCKET_WITH_OPTIONS = (
    Drift("bucket", "encryption", encrypt(""), PUT_ENCRYPTION, "by S3"),
    Drift(
        "bucket",
        "versioning",
        lambda w: w.clients.s3.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
        ),
        ("PutBucketVersioning",),
    ),
)


# The notification


def rules(**values: str) -> Any:
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in values.items()]}}


def entry(**changed: Any) -> Any:
    def change(world: World) -> None:
        (ours,) = world.clients.s3.get_bucket_notification_configuration(Bucket=BUCKET)["TopicConfigurations"]
        told: Any = {**ours, **changed}
        world.clients.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"TopicConfigurations": [told]}
        )

    return change


PUT_NOTIFICATION = ("PutBucketNotificationConfiguration",)
NODE = "notification/uploads"

NOTIFICATION = (
    Drift(NODE, "topic", entry(TopicArn=PLACE.topic_arn("countagg-alerts")), PUT_NOTIFICATION),
    Drift(NODE, "events", entry(Events=["s3:ObjectCreated:*"]), PUT_NOTIFICATION),
    Drift(NODE, "prefix", entry(Filter=rules(prefix="other/")), PUT_NOTIFICATION),
    Drift(NODE, "suffix", entry(Filter=rules(prefix="counters/", suffix=".txt")), PUT_NOTIFICATION),
)

PLAIN = (*TABLES, *BUCKET_PLAIN, *NOTIFICATION)
WITH_OPTIONS = (*TABLES_WITH_OPTIONS, *BUCKET_WITH_OPTIONS)
