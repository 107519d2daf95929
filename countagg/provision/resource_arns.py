"""The ARNs of what actions are called on, as `targets.On` names it."""

from __future__ import annotations

from countagg.core.names import BY_DATE_INDEX
from countagg.provision.dashboard import dashboard_name
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings
from countagg.provision.targets import On


def literal(prefix: str) -> str:
    """Return a prefix as policies write it: an asterisk in it is no pattern."""
    return prefix.replace("*", "${*}")


def resource_arns(on: On, settings: StackSettings, place: Place) -> tuple[str, ...]:
    """Return the ARNs of resources, some with `*` in place of what AWS picks."""
    names = settings.names
    functions = (names.processor, names.aggregator, names.publisher)
    snapshots, totals, counters = map(place.table_arn, (names.snapshots, names.totals, names.counters))
    queues = (place.queue_arn(names.uploads), place.queue_arn(names.dead_letters))
    topics = (place.topic_arn(names.uploads), place.topic_arn(names.alerts))
    groups = tuple(place.log_group_arn(names.log_group(each)) for each in functions)
    processor_logs = place.log_group_arn(names.log_group(names.processor))
    roles = tuple(place.role_arn(names.role(each, place.region), settings.role_path) for each in functions)
    arns: dict[On, tuple[str, ...]] = {
        On.ACCOUNT: ("*",),
        **_of_bucket(settings, place.bucket_arn(settings.bucket)),
        On.UPLOADS_TOPIC: topics[:1],
        On.ALERTS_TOPIC: topics[1:],
        On.TOPICS: topics,
        On.UPLOADS_QUEUE: queues[:1],
        On.DEAD_LETTERS: queues[1:],
        On.QUEUES: queues,
        On.SNAPSHOTS: (snapshots,),
        On.TOTALS: (totals,),
        On.COUNTERS: (counters,),
        On.COUNTERS_BY_DATE: (f"{counters}/index/{BY_DATE_INDEX}",),
        On.STREAMED_TABLES: (totals, counters),
        On.TABLES: (snapshots, totals, counters),
        On.STREAMS: (f"{snapshots}/stream/*", f"{totals}/stream/*"),
        On.PROCESSOR: (place.function_arn(names.processor),),
        On.PUBLISHER: (place.function_arn(names.publisher),),
        On.FUNCTIONS: tuple(map(place.function_arn, functions)),
        On.MAPPINGS: (place.mapping_arn("*"),),
        On.ROLES: roles,
        # AWS's own texts disagree on which of the two forms a log group's actions are checked on.
        On.LOG_GROUPS: (*groups, *(f"{arn}:*" for arn in groups)),
        On.PROCESSOR_LOGS: (processor_logs, f"{processor_logs}:*"),
        On.LOG_GROUP_TAGS: groups,
        On.ALARMS: (place.alarm_arn(f"{names.stack}-*"),),
        On.ANY_ALARM: (place.alarm_arn("*"),),
        On.DASHBOARD: (place.dashboard_arn(dashboard_name(names, place.region)),),
        On.KEY: (settings.kms_key,) if settings.kms_key else (),
        **_of_subscribers(settings, place),
    }
    return arns[on]


def _of_bucket(settings: StackSettings, bucket: str) -> dict[On, tuple[str, ...]]:
    return {
        On.BUCKET: (bucket,),
        On.COUNTER_FILES: (f"{bucket}/{literal(settings.prefix)}*",),
        On.PUBLISHED_FILES: (f"{bucket}/{literal(settings.output_prefix)}*",),
        On.OWN_BUCKET: (bucket,),
        On.OWN_OBJECTS: (f"{bucket}/*",),
    }


def _of_subscribers(settings: StackSettings, place: Place) -> dict[On, tuple[str, ...]]:
    subscribed = settings.subscriptions
    return {
        On.CONSUMERS: tuple(place.function_arn(each.endpoint) for each in subscribed if not each.is_of_alerts),
        On.CONSUMER_ROLES: tuple(place.role_arn(each.role) for each in subscribed if each.role),
        On.ALERT_QUEUES: tuple(each.endpoint for each in subscribed if each.is_settable_queue(place)),
    }
