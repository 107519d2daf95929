"""What a deployed stack offers to other programs: names, ARNs and addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from countagg.aws.addresses import queue_url, stream_arn
from countagg.core.names import Names
from countagg.core.settings import FunctionSettings
from countagg.provision.place import Place

if TYPE_CHECKING:
    from countagg.aws.session import Clients


def instance_settings(settings: FunctionSettings, region: str) -> dict[str, str | int | dict[str, int]]:
    """Return what `upload` on an instance has to know of a stack, by the names of settings; tables come last."""
    return {
        "region": region,
        "bucket": settings.bucket,
        "prefix": settings.prefix,
        "max_counters": settings.max_counters,
        "counter_shards": settings.counter_shards,
        "retention": {"snapshots": settings.snapshot_retention_days},
    }


def stack_outputs(clients: Clients, settings: FunctionSettings, place: Place) -> dict[str, str]:
    """Return the outputs by name, in the order of the data."""
    names = Names(settings.stack)
    return {
        "stack": names.stack,
        "account": place.account,
        "region": place.region,
        "bucket": settings.bucket,
        "prefix": settings.prefix,
        "output_prefix": settings.output_prefix,
        "uploads_topic_arn": place.topic_arn(names.uploads),
        "uploads_queue_url": queue_url(clients, names.uploads),
        "dead_letters_queue_url": settings.dead_letters_url,
        "processor_function": names.processor,
        "snapshots_table": names.snapshots,
        "aggregator_function": names.aggregator,
        "totals_table": names.totals,
        "totals_stream_arn": stream_arn(clients, names.totals),
        "publisher_function": names.publisher,
        "counters_table": names.counters,
        "counters_stream_arn": stream_arn(clients, names.counters),
        "alerts_topic_arn": place.topic_arn(names.alerts),
    }
