"""Write units by DynamoDB's published rules, from what a table's stream tells of every write.

A write costs a unit per KB of the larger of the item before and after it, the whole item
(docs/aws-facts.md#dynamodb). A write that changes nothing, and one that its condition refuses, cost the same but
leave no record: the functions' recorder counts the refused ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from countagg.aws.session import Clients
from countagg.operate.cost.item_sizes import item_size, write_units


@dataclass(frozen=True)
class Written:
    """What was written to a table.

    Attributes:
        writes: how many writes changed an item.
        units: what they cost.
        mean: bytes of an item at a write, on average.
    """

    writes: int = 0
    units: int = 0
    mean: float = 0.0

    def refused(self, count: int) -> int:
        """Return the units of writes that a condition refused, at the average size of an item."""
        return count * write_units(round(self.mean))


def written_to(clients: Clients, table: str) -> Written:
    """Read all records of the stream of a table that has no index."""
    writes = units = total = 0
    for before, after in _images(clients, table):
        size = max(item_size(before), item_size(after))
        writes += 1
        units += write_units(size)
        total += size
    return Written(writes, units, total / writes if writes else 0.0)


def _images(clients: Clients, table: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    stream = clients.dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    streams: Any = clients.dynamodb_streams
    for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = streams.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                yield record["dynamodb"].get("OldImage", {}), record["dynamodb"].get("NewImage", {})
            # An open shard has always another iterator.
            iterator = answer.get("NextShardIterator") if answer["Records"] else None
