"""Where the functions read and write: S3, the dead letter queue and the three tables. The only boto3 here.

Every write is conditional, so that a repeated, late or overlapping invocation changes nothing that it should not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.day_record import IS_ABSENT, IS_INCOMPLETE, DayRecord, record_key
from countagg.core.errors import CountaggError
from countagg.core.ledger import Image
from countagg.core.names import Names
from countagg.core.partitions import MORE_PARTITIONS, parse_partition
from countagg.core.refusals import Refusal
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import MAX_PACKED_BYTES, Snapshot
from countagg.core.unreadable import unreadable_reason
from countagg.functions.files import AppliedFile, FetchedObject, ObjectVersion

if TYPE_CHECKING:
    from countagg.functions.clients import Clients

_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchVersion"})
_NOT_NEWER: Final = "ConditionalCheckFailedException"
_CONDITION_OF_TRANSACTION: Final = "ConditionalCheckFailed"


@dataclass(frozen=True, slots=True)
class StoredLedger:
    """A partition's ledger as stored; version 0 with an empty document if there is none.

    Attributes:
        version: counts its changes.
        document: encoded.
        expires_at: seconds since 1970; None if it never does, or there is none.
    """

    version: int
    document: bytes
    expires_at: int | None = None


class Store:
    """Reads and writes of one stack.

    Args:
        settings: of the stack.
        clients: the AWS clients to use.
    """

    def __init__(self, settings: FunctionSettings, clients: Clients) -> None:
        self._settings = settings
        self._names = Names(settings.stack)
        self._clients = clients
        self._totals_expire: dict[str, int] = {}
        self._bucket: Any = {"Bucket": settings.bucket, "ExpectedBucketOwner": settings.bucket_owner}

    def fetch_object(self, key: str, version_id: str | None = None) -> FetchedObject | None:
        """Read an object as it is now, or one of its versions; None if there is none.

        Needs `s3:ListBucket`: without it S3 answers 403 instead of 404 (docs/aws-facts.md#s3-events). A version
        needs `s3:GetObjectVersion`.
        """
        version: Any = {} if version_id is None else {"VersionId": version_id}
        try:
            answer = self._clients.s3.get_object(**self._bucket, Key=key, **version)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                return None
            reason = unreadable_reason(code, error.response["Error"].get("Message") or "")
            if reason is None:
                raise
            return FetchedObject(None, 0, "", "", version_id, unreadable=reason)
        with answer["Body"] as body:
            size = answer["ContentLength"]
            return FetchedObject(
                content=body.read() if size <= MAX_FILE_BYTES else None,
                size=size,
                etag=answer["ETag"].strip('"'),
                modified_at=answer["LastModified"].isoformat(timespec="seconds"),
                version_id=answer.get("VersionId"),
            )

    def versions(self, key: str) -> Iterator[ObjectVersion]:
        """Yield the versions of an object, newest first; of one in a bucket that never kept any, the only one.

        One a call: the SDK gives versions and delete markers of a page as two lists, whose order among each other
        is lost where their times, in whole seconds, are the same.
        """
        marker: Any = {}
        while True:
            page = self._clients.s3.list_object_versions(**self._bucket, Prefix=key, MaxKeys=1, **marker)
            listed = [
                (found["Key"], ObjectVersion(found["VersionId"], is_delete_marker, _etag(found)))
                for kind, is_delete_marker in (("Versions", False), ("DeleteMarkers", True))
                for found in page.get(kind, [])  # type: ignore[attr-defined]  # one of the two names
            ]
            # Keys come in order, so the key itself comes before those that begin with it.
            yield from (version for found, version in listed if found == key)
            if not page["IsTruncated"] or page["NextKeyMarker"] != key:
                return
            marker = {"KeyMarker": key, "VersionIdMarker": page["NextVersionIdMarker"]}

    def fix_day(self, day: str, wanted: DayRecord) -> DayRecord:
        """Write a day's record, unless there is one already; return the one that is there."""
        return self._write_record(day, wanted, IS_ABSENT) or wanted

    def _write_record(self, day: str, wanted: DayRecord, condition: str) -> DayRecord | None:
        """Write a record if the condition holds for the one that is there; else return that, complete."""
        try:
            self._clients.dynamodb.put_item(
                TableName=self._names.snapshots,
                Item=wanted.to_item(day),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _NOT_NEWER:
                raise
            answer: Any = error.response
            found = DayRecord.from_item(answer["Item"], wanted.expiry)
            if found.is_complete:
                return found
            completed = replace(found, is_complete=True)
            return self._write_record(day, completed, IS_INCOMPLETE) or completed
        return None

    def _totals_expiry(self, day: str) -> int:
        """Return when a day's ledgers expire: as its record says, or as it would say by the settings."""
        chosen = self._settings.expiry_of(day)
        if day not in self._totals_expire:
            answer = self._clients.dynamodb.get_item(
                TableName=self._names.snapshots, Key=record_key(day), ConsistentRead=True
            )
            if "Item" not in answer:
                return chosen.totals
            record = DayRecord.from_item(answer["Item"], chosen)
            if not record.is_complete:
                return record.expiry.totals
            self._totals_expire[day] = record.expiry.totals
        return self._totals_expire[day]

    def applied(self, partition: str, instance: str) -> AppliedFile | None:
        """Return what an instance's snapshot is of, strongly consistent; None if there is none."""
        answer = self._clients.dynamodb.get_item(
            TableName=self._names.snapshots,
            Key={"Date": {"S": partition}, "Instance": {"S": instance}},
            ProjectionExpression="Sequencer, ETag",
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return None if item is None else AppliedFile(item["Sequencer"]["S"], item.get("ETag", {}).get("S") or None)

    def put_snapshot(self, parts: Mapping[str, Snapshot], expires_at: int) -> bool:
        """Write a snapshot unless the table holds one of the same or a newer event.

        Args:
            parts: partition -> the snapshot with those of its counters that belong there. They are written
                together or not at all.
            expires_at: seconds since 1970, the same for all snapshots of a day.

        Returns:
            Whether it was written. After a write that landed although the caller saw a time-out, the repeated
            one finds its own sequencer and returns False: the work is done all the same.
        """
        requests = [self._snapshot_put(partition, snapshot, expires_at) for partition, snapshot in parts.items()]
        if len(requests) == 1:
            return self._put_if(**requests[0])
        try:
            self._clients.dynamodb.transact_write_items(TransactItems=[{"Put": each} for each in requests])
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            if any(reason["Code"] == _CONDITION_OF_TRANSACTION for reason in reasons):
                return False
            raise
        return True

    def _snapshot_put(self, partition: str, snapshot: Snapshot, expires_at: int) -> Any:  # noqa: ANN401 - of boto3
        return {
            "TableName": self._names.snapshots,
            "Item": {
                "Date": {"S": partition},
                "Instance": {"S": snapshot.instance},
                "Sequencer": {"S": snapshot.sequencer},
                "Counters": {"B": snapshot.packed},
                "ETag": {"S": snapshot.etag},
                "Key": {"S": snapshot.key},
                "UploadedAt": {"S": snapshot.uploaded_at},
                "ExpiresAt": {"N": str(expires_at)},
            },
            "ConditionExpression": "attribute_not_exists(Sequencer) OR Sequencer < :sequencer",
            "ExpressionAttributeValues": {":sequencer": {"S": snapshot.sequencer}},
        }

    def snapshots_of(self, partition: str) -> Iterator[tuple[str, Image]]:
        """Yield (instance, image) of every snapshot of a partition, strongly consistent."""
        pages = self._clients.dynamodb.get_paginator("query").paginate(
            TableName=self._names.snapshots,
            KeyConditionExpression="#date = :date",
            ProjectionExpression="Instance, Sequencer, Counters",
            ExpressionAttributeNames={"#date": "Date"},
            ExpressionAttributeValues={":date": {"S": partition}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield item["Instance"]["S"], Image(item["Sequencer"]["S"], bytes(item["Counters"]["B"]))

    def load_ledger(self, partition: str) -> StoredLedger:
        """Read a partition's ledger, strongly consistent."""
        answer = self._clients.dynamodb.get_item(
            TableName=self._names.totals, Key={"Date": {"S": partition}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            return StoredLedger(0, b"")
        expires_at = int(item["ExpiresAt"]["N"]) if "ExpiresAt" in item else None
        return StoredLedger(int(item["Version"]["N"]), bytes(item["Document"]["B"]), expires_at)

    def save_ledger(self, partition: str, replaced: StoredLedger, ledger: StoredLedger, updated_at: str) -> bool:
        """Replace a partition's ledger if it still is of the version that was read.

        It expires with its day, and never earlier than the one that it replaces.

        Returns:
            False if another invocation was faster.

        Raises:
            CountaggError: the document does not fit into an item.
        """
        size = len(ledger.document)
        if size > MAX_PACKED_BYTES:
            raise CountaggError(
                f"the totals of {partition} take {size} bytes compressed; at most {MAX_PACKED_BYTES} fit",
                hint=MORE_PARTITIONS,
            )
        expires_at = max(self._totals_expiry(parse_partition(partition).day), replaced.expires_at or 0)
        item: dict[str, Any] = {
            "Date": {"S": partition},
            "Version": {"N": str(ledger.version)},
            "Document": {"B": ledger.document},
            "UpdatedAt": {"S": updated_at},
            "ExpiresAt": {"N": str(expires_at)},
        }
        if not replaced.version:
            return self._put_if(
                TableName=self._names.totals, Item=item, ConditionExpression="attribute_not_exists(Version)"
            )
        return self._put_if(
            TableName=self._names.totals,
            Item=item,
            ConditionExpression="Version = :replaced",
            ExpressionAttributeValues={":replaced": {"N": str(replaced.version)}},
        )

    def _put_if(self, **request: Any) -> bool:  # noqa: ANN401 - passed on to boto3 as it is
        try:
            self._clients.dynamodb.put_item(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] == _NOT_NEWER:
                return False
            raise
        return True

    def send_refusal(self, refusal: Refusal) -> None:
        """Put a refusal into the dead letter queue."""
        self._clients.sqs.send_message(QueueUrl=self._settings.dead_letters_url, MessageBody=refusal.to_message())


def _etag(listed: Mapping[str, Any]) -> str | None:
    return listed["ETag"].strip('"') if "ETag" in listed else None
