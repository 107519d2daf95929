"""Uploads of one instance's counter files: PutObject, with no right and no call besides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from countagg.aws.errors import aws_errors
from countagg.aws.time_outs import USUAL, time_outs_of

if TYPE_CHECKING:
    from countagg.aws.session import Clients


class CounterFileUploads:
    """A bucket that counter files are uploaded to.

    Args:
        clients: to work with.
        bucket: its name.
        patient: whether a call that fails is tried again for some time, rather than later by whoever called.
    """

    def __init__(self, clients: Clients, bucket: str, *, patient: bool = True) -> None:
        self._clients = clients if patient else clients.impatient()
        self._large = clients
        self._bucket = bucket

    def address(self, key: str) -> str:
        """Return where an object is, endpoint and all."""
        return f"{self._clients.s3.meta.endpoint_url}/{self._bucket}/{key}"

    def put(self, key: str, content: bytes) -> str:
        """Upload a file; return the object's ETag, without quotes.

        Neither tags nor an ACL, a storage class or a key go with it: the policy of an instance denies them.
        """
        clients = self._clients if time_outs_of(len(content)) == USUAL else self._large.sending(len(content))
        with aws_errors(f"upload of s3://{self._bucket}/{key}"):
            answer = clients.s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType="text/plain")
        return answer["ETag"].strip('"')

    def delete(self, key: str) -> None:
        """Delete a file, which withdraws the instance; nothing happens if there is none."""
        with aws_errors(f"removal of s3://{self._bucket}/{key}"):
            self._clients.s3.delete_object(Bucket=self._bucket, Key=key)
