"""The functions of a stack, with their log groups, roles and event source mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from countagg.core.errors import UsageError
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import CHANGE_ATTRIBUTE, SnapshotChange
from countagg.provision.blueprint import Blueprint
from countagg.provision.choices import MEMORY_VARIABLE, remember
from countagg.provision.grants import ROLE_VARIABLE
from countagg.provision.messaging import PROCESSOR_TIMEOUT
from countagg.provision.policies import canonical, compact
from countagg.provision.reconcile import Holds, Node, NodeOutputs
from countagg.provision.settings import CHOICES, DEFAULT_ARCHITECTURE
from countagg.provision.states import FunctionState, LogGroupState, MappingState, RoleState

RUNTIME: Final = "python3.13"
LOG_LEVEL: Final = "INFO"
POLICY_NAME: Final = "countagg"
TIMEOUTS: Final = {"processor": PROCESSOR_TIMEOUT, "aggregator": 60, "publisher": 60}
QUEUE_BATCH: Final = 10
"""Messages, of one file each, for one call of the processor."""
SNAPSHOTS_BATCH: Final = 1_000
TOTALS_BATCH: Final = 100
"""Records of a stream for one call of the aggregator, and of the publisher."""
STREAM_TRIES: Final = 10
PUBLISHER_TRIES: Final = 30
"""A day that is too large for one invocation goes on in the next, which counts as a try."""
_ON_ENGINE: Final = 5
"""Invocations of the processor at a time on the embedded engine: each is a process of the user's machine."""
MAX_ENVIRONMENT: Final = 4_096
"""Bytes, as JSON with names and punctuation (docs/aws-facts.md#lambda-functions)."""

_WRITES: Final = {"eventName": ["INSERT", "MODIFY"]}
"""Our own, not the removals by TTL: those must never subtract."""


def _change_is(*values: object) -> str:
    return compact({**_WRITES, "dynamodb": {"NewImage": {CHANGE_ATTRIBUTE: {"S": values}}}})


_CHANGES_ONLY: Final = (_change_is(SnapshotChange.COUNTERS), _change_is({"exists": False}))
"""Writes of snapshots, without those that repeat what was there. Writes of an older countagg do not say what they
change. They have a pattern of their own: whatever a service makes of `exists` for an attribute that is not there
(docs/aws-facts.md#event-source-mappings), it does not concern the others."""


def log_groups(blueprint: Blueprint) -> tuple[Node[LogGroupState], ...]:
    """Return the log group of each function."""
    state = LogGroupState(blueprint.settings.retention.logs, blueprint.tags)
    return tuple(
        blueprint.node(f"logs/{short}", blueprint.names.log_group(name), lambda _: state, holds=Holds.LOGS)
        for short, name in blueprint.names.functions.items()
    )


def role_description(stack: str) -> str:
    """Return what a role says of itself; it is set when the role is made, and not looked at later."""
    return f"Execution role of countagg, stack {stack}"


def roles(blueprint: Blueprint) -> tuple[Node[RoleState], ...]:
    """Return the role of each function."""
    return tuple(_role(blueprint, short, name) for short, name in blueprint.names.functions.items())


def _role(blueprint: Blueprint, short: str, function: str) -> Node[RoleState]:
    state = RoleState(
        path=blueprint.settings.role_path,
        trust=canonical(blueprint.policy("trust")),
        permissions_boundary=blueprint.settings.permissions_boundary or "",
        policies={POLICY_NAME: canonical(blueprint.policy(short))},
        attached=(),
        tags=blueprint.tags,
    )
    name = blueprint.names.role(function, blueprint.place.region)
    return blueprint.node(f"role/{short}", name, lambda _: state, immutable=frozenset({"path"}))


def functions(blueprint: Blueprint) -> tuple[Node[FunctionState], ...]:
    """Return the functions."""
    return tuple(_function(blueprint, short, name) for short, name in blueprint.names.functions.items())


def _function(blueprint: Blueprint, short: str, name: str) -> Node[FunctionState]:
    settings, place = blueprint.settings, blueprint.place
    is_json = place.has_json_logs and not settings.text_logs
    # Levels are for JSON alone.
    level = LOG_LEVEL if is_json else ""

    # Any other of the stack's: none of them lets a function do more than its own for long.
    spare = next(other for other in blueprint.names.functions.values() if other != name)

    def role_arn(function: str) -> str:
        return place.role_arn(blueprint.names.role(function, place.region), settings.role_path)

    def desired(outputs: NodeOutputs) -> FunctionState:
        return FunctionState(
            role=role_arn(name),
            handler=f"countagg.functions.{short}.handler",
            runtime=RUNTIME,
            architecture=settings.architecture or DEFAULT_ARCHITECTURE,
            memory=getattr(settings.memory, short),
            timeout=TIMEOUTS[short],
            environment=_environment(blueprint, outputs, short),
            log_group=blueprint.names.log_group(name),
            log_format="JSON" if is_json else "Text",
            log_level=level,
            system_log_level=level,
            code=blueprint.code,
            failure="",
            tags=blueprint.tags,
            architecture_chosen=settings.architecture is not None,
            role_created=outputs.get(f"role/{short}", "created", foreseen=""),
            spare_role=role_arn(spare),
        )

    needs = (f"role/{short}", f"logs/{short}", "queue/dead-letters")
    return blueprint.node(f"function/{short}", name, desired, needs=needs)


def _environment(blueprint: Blueprint, outputs: NodeOutputs, short: str) -> Mapping[str, str]:
    settings, queue = blueprint.settings, blueprint.names.dead_letters
    known = FunctionSettings(
        **{each.name: getattr(settings, each.name) for each in fields(FunctionSettings) if each.name in CHOICES},
        stack=settings.stack,
        bucket_owner=blueprint.place.account,
        dead_letters_url=outputs.get("queue/dead-letters", "url", foreseen=blueprint.place.queue_url(queue)),
        snapshot_retention_days=settings.retention.snapshots,
        totals_retention_days=settings.retention.totals,
        alerts_topic_arn=blueprint.alerts_arn,
    )
    environment = {
        **known.to_environment(),
        MEMORY_VARIABLE: remember(settings),
        ROLE_VARIABLE: outputs.get(f"role/{short}", "id"),
        # Said here, so that no LOG_LEVEL of an engine's own environment decides.
        "POWERTOOLS_LOG_LEVEL": LOG_LEVEL,
    }
    check_size(environment)
    return environment


def check_size(environment: Mapping[str, str]) -> None:
    """Refuse an environment that a function does not take.

    Raises:
        UsageError: what can be left out is named.
    """
    size = len(compact(environment).encode())
    if size > MAX_ENVIRONMENT:
        raise UsageError(
            f"the choices take {size} bytes in the functions' environment, which holds {MAX_ENVIRONMENT}",
            where="--tag",
            hint="use fewer or shorter tags, or end a subscription",
        )


def processor_mapping(blueprint: Blueprint) -> Node[MappingState]:
    """Return the mapping of the uploads queue to the processor."""
    most = blueprint.settings.max_concurrency
    state = MappingState(
        source=blueprint.place.queue_arn(blueprint.names.uploads),
        enabled=True,
        batch_size=QUEUE_BATCH,
        window=blueprint.settings.window.processor,
        tags=blueprint.mapping_tags,
        partial_answers=True,
        max_concurrency=min(most, _ON_ENGINE) if blueprint.place.embedded else most,
    )
    return blueprint.node(
        "mapping/processor",
        f"{blueprint.names.uploads} -> {blueprint.names.processor}",
        lambda _: state,
        parts=(blueprint.names.processor, blueprint.place.queue_arn(blueprint.names.uploads)),
        needs=("function/processor", "queue/uploads", "table/snapshots"),
    )


def aggregator_mapping(blueprint: Blueprint) -> Node[MappingState]:
    """Return the mapping of the snapshots' stream to the aggregator.

    After ten tries a batch goes to the dead letters: one poison record must not hold up its shard for a day.
    """

    def desired(outputs: NodeOutputs) -> MappingState:
        return MappingState(
            source=outputs.get("table/snapshots", "stream_arn"),
            enabled=True,
            batch_size=SNAPSHOTS_BATCH,
            window=blueprint.settings.window.aggregator,
            tags=blueprint.mapping_tags,
            filters=_CHANGES_ONLY,
            bisect=True,
            tries=STREAM_TRIES,
            on_failure=blueprint.dead_letters_arn,
            starting_position="TRIM_HORIZON",
        )

    return blueprint.node(
        "mapping/aggregator",
        f"{blueprint.names.snapshots} -> {blueprint.names.aggregator}",
        desired,
        parts=(blueprint.names.aggregator, blueprint.place.table_arn(blueprint.names.snapshots)),
        needs=("function/aggregator", "table/snapshots", "table/totals", "queue/dead-letters"),
    )


def publisher_mapping(blueprint: Blueprint) -> Node[MappingState]:
    """Return the mapping of the totals' stream to the publisher.

    The publisher itself gives up a day that it cannot publish, after fewer tries. These are for what it cannot
    tell of, such as its own death. A batch stays whole: its newest version is what all of its tries write.
    """

    def desired(outputs: NodeOutputs) -> MappingState:
        return MappingState(
            source=outputs.get("table/totals", "stream_arn"),
            enabled=True,
            batch_size=TOTALS_BATCH,
            window=blueprint.settings.window.publisher,
            tags=blueprint.mapping_tags,
            filters=(compact(_WRITES),),
            tries=PUBLISHER_TRIES,
            on_failure=blueprint.dead_letters_arn,
            starting_position="TRIM_HORIZON",
        )

    return blueprint.node(
        "mapping/publisher",
        f"{blueprint.names.totals} -> {blueprint.names.publisher}",
        desired,
        parts=(blueprint.names.publisher, blueprint.place.table_arn(blueprint.names.totals)),
        needs=("function/publisher", "table/totals", "table/counters", "queue/dead-letters"),
    )
