"""S3: our entry in a bucket's notifications. The document is shared: every other entry stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.waiting import BUCKET_BUSY, BUCKET_NOT_YET, DESTINATION_NOT_VALID, is_one_of
from countagg.provision.differences import FieldChange
from countagg.provision.notifications import entry_of, foreign_entries, our_entry
from countagg.provision.reconcile import Observed
from countagg.provision.states import NotificationState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOTIFICATIONS: Final = "notifications"
"""As what the bucket and our entry in it share them."""
_TOPICS: Final = "TopicConfigurations"


def get_notifications(s3: S3Client, owner: Any) -> dict[str, Any]:  # noqa: ANN401 - bucket and its owner, as boto3 takes them
    """Return a bucket's notification configuration."""
    answer: dict[str, Any] = dict(s3.get_bucket_notification_configuration(**owner))
    answer.pop("ResponseMetadata", None)
    return answer


class Notification:
    """Our entry, known by its id."""

    def __init__(self, s3: S3Client, bucket: str, entry: str, context: StackContext) -> None:
        self._s3 = s3
        self._entry = entry
        self._topic = context.place.topic_arn(entry)
        self._bucket = bucket
        self._owner: Any = {"Bucket": bucket, "ExpectedBucketOwner": context.place.account}
        self._reads = context.reads
        self._patience = context.patience

    def read(self) -> Observed[NotificationState] | None:
        """Return it as it is."""
        entry = self._ours(self._reads.once(NOTIFICATIONS, lambda: get_notifications(self._s3, self._owner)))
        return None if entry is None else Observed(entry)

    def _ours(self, configuration: dict[str, Any]) -> NotificationState | None:
        return our_entry(configuration, self._entry, self._topic)

    def create(self, desired: NotificationState) -> None:
        """Add our entry; S3 checks the topic, whose policy takes some seconds until S3 sees it."""
        self._replace(desired)

    def update(self, desired: NotificationState, _changes: Sequence[FieldChange]) -> None:
        """Replace our entry."""
        self._replace(desired)

    def delete(self) -> None:
        """Remove our entry."""
        with suppress_missing():
            self._replace(None)

    def _replace(self, desired: NotificationState | None) -> None:
        """Write the document with our entry as it should be, and read it back.

        S3 has no way to write only if nothing changed meanwhile. Who read before us and writes after us takes our
        entry out again, or brings it back; then it is our turn again.
        """
        # To be taken out of a bucket that is gone is no reason to wait.
        transient = (*BUCKET_BUSY, *(BUCKET_NOT_YET if desired else ()))
        s3 = self._patience.over(self._s3, transient, f"bucket {self._bucket}, until it can be changed")

        def write() -> NotificationState | None:
            entry = self._ours(get_notifications(s3, self._owner))
            if entry == desired:
                return entry
            self._patience.call(
                lambda: self._put(s3, desired),
                DESTINATION_NOT_VALID,
                f"bucket {self._bucket}, until it may publish to the topic",
            )
            return self._ours(get_notifications(s3, self._owner))

        self._patience.settled(
            write,
            lambda entry: None if entry == desired else f"our entry is {entry}",
            f"notifications of {self._bucket}, which somebody else writes too",
        )

    def _put(self, s3: S3Client, desired: NotificationState | None) -> None:
        # Read anew at each try: somebody else may have added an entry meanwhile.
        merged: Any = foreign_entries(get_notifications(s3, self._owner), self._entry, self._topic)
        if desired is not None:
            merged[_TOPICS] = [*merged.get(_TOPICS, []), entry_of(self._entry, desired)]
        try:
            # Removing our entry must not fail because of somebody else's stale destination.
            self._write(s3, merged, validate=desired is not None)
        except ClientError as error:
            stale = _invalid_destinations(error)
            if not stale or (desired and desired.topic in stale):
                raise
            self._patience.warn(f"S3 cannot validate {', '.join(stale)}, entered by others; it was not asked to")
            self._write(s3, merged, validate=False)

    def _write(self, s3: S3Client, configuration: Any, *, validate: bool) -> None:  # noqa: ANN401 - one of boto3's request shapes
        s3.put_bucket_notification_configuration(
            **self._owner, NotificationConfiguration=configuration, SkipDestinationValidation=not validate
        )


def _invalid_destinations(error: ClientError) -> list[str]:
    """Return the ARNs that S3 could not validate. It checks those of others too (docs/aws-facts.md#s3-events)."""
    if not is_one_of(error, DESTINATION_NOT_VALID):
        return []
    details = error.response.get("Error", {}).items()
    return [str(value) for name, value in details if name.startswith("ArgumentName")]
