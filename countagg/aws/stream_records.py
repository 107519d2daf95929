"""Records of a table's stream that are 24 hours old at most, read again by their sequence numbers."""

from __future__ import annotations

from typing import Any, Final

from countagg.aws.errors import aws_errors, suppress_codes
from countagg.aws.session import Clients
from countagg.core.partitions import LAYOUTS_PARTITION, parse_partition
from countagg.data.attributes import DATE

_GONE: Final = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})


def dates_of_records(clients: Clients, stream: str, shard: str, first: str, last: str) -> set[str] | None:
    """Return the dates that stand in the keys of a range of records.

    The range may hold records of other batches too; that does no harm.

    Args:
        clients: to work with.
        stream: the stream's ARN.
        shard: the shard's id.
        first: sequence number of the first record.
        last: sequence number of the last.

    Returns:
        None if the stream no longer has them.
    """
    with aws_errors(f"stream {stream}"), suppress_codes(*_GONE):
        return _read(clients, stream, shard, first, last)
    return None


def _read(clients: Clients, stream: str, shard: str, first: str, last: str) -> set[str]:
    numbers: set[str] = set()
    streams = clients.dynamodb_streams
    iterator: str | None = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=first
    )["ShardIterator"]
    while iterator:
        # Empty answers are normal; a shard that is closed ends without another iterator.
        answer = streams.get_records(ShardIterator=iterator)
        for record in answer["Records"]:
            change: Any = record["dynamodb"]
            # Numbers of different lengths do not compare as strings.
            if int(change["SequenceNumber"]) > int(last):
                return numbers
            partition = DATE.read(change["Keys"])
            if partition != LAYOUTS_PARTITION:
                numbers.add(_day_of(partition))
            if int(change["SequenceNumber"]) == int(last):
                return numbers
        iterator = answer.get("NextShardIterator")
    return numbers


def _day_of(partition: str) -> str:
    try:
        return parse_partition(partition).day
    except ValueError:
        # No function of ours wrote it: whoever looks at such a day refuses it.
        return partition
