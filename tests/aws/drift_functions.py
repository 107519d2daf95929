"""Changes by hand to log groups, roles, functions, event source mappings, alarms and the dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.aws.by_hand import (
    LOGS,
    ROLES,
    change_alarm,
    change_dashboard,
    change_function,
    change_mapping,
    failed,
    replace_stream,
)
from tests.aws.drift import Drift
from tests.aws.drift_storage import MAPPED_ANEW
from tests.aws.others import THEIR_BOUNDARY, THEIR_POLICY
from tests.aws.world import PLACE, World, make_zip

# Log groups

GROUP = LOGS["logs/processor"]

LOG_GROUPS = (
    Drift(
        "logs/processor",
        "retention",
        lambda w: w.clients.logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7),
        ("PutRetentionPolicy",),
        "shorter",
    ),
    Drift(
        "logs/processor",
        "retention",
        lambda w: w.clients.logs.delete_retention_policy(logGroupName=GROUP),
        ("PutRetentionPolicy",),
        "none",
    ),
)

# Roles

ROLE = ROLES["role/publisher"]
ANYBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


def put_policy(name: str) -> Any:
    return lambda world: world.clients.iam.put_role_policy(
        RoleName=ROLE, PolicyName=name, PolicyDocument=THEIR_POLICY
    )


def attach(world: World) -> None:
    iam = world.clients.iam
    known = {each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]}
    if THEIR_BOUNDARY not in known:
        iam.create_policy(PolicyName="theirs", PolicyDocument=THEIR_POLICY)
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=THEIR_BOUNDARY)


def bound(world: World) -> None:
    world.clients.iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=THEIR_BOUNDARY)


ROLES_PLAIN = (
    Drift(
        "role/publisher",
        "trust",
        lambda w: w.clients.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=ANYBODY),
        ("UpdateAssumeRolePolicy",),
    ),
    Drift("role/publisher", "policies", put_policy("countagg"), ("PutRolePolicy",), "widened"),
    Drift("role/publisher", "policies", put_policy("more"), ("DeleteRolePolicy",), "added"),
    Drift(
        "role/publisher",
        "policies",
        lambda w: w.clients.iam.delete_role_policy(RoleName=ROLE, PolicyName="countagg"),
        ("PutRolePolicy",),
        "removed",
    ),
    Drift("role/publisher", "attached", attach, ("DetachRolePolicy",)),
    Drift("role/publisher", "permissions_boundary", bound, ("DeleteRolePermissionsBoundary",)),
)
ROLES_WITH_OPTIONS = (
    Drift("role/publisher", "permissions_boundary", bound, ("PutRolePermissionsBoundary",), "another"),
    Drift(
        "role/publisher",
        "permissions_boundary",
        lambda w: w.clients.iam.delete_role_permissions_boundary(RoleName=ROLE),
        ("PutRolePermissionsBoundary",),
        "removed",
    ),
)

# Functions

FUNCTION = "function/processor"
PUT_CONFIGURATION = ("UpdateFunctionConfiguration",)
PUT_CODE = ("UpdateFunctionCode",)


def configuration(**settings: Any) -> Any:
    return lambda world: change_function(world, FUNCTION, **settings)


def logging(**changed: str) -> Any:
    kept = {
        "LogFormat": "JSON",
        "LogGroup": LOGS["logs/processor"],
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
    }
    return configuration(LoggingConfig={**kept, **changed})


def more_variables(world: World) -> None:
    told = world.clients.lambda_.get_function_configuration(FunctionName="countagg-processor")
    variables = {**told["Environment"]["Variables"], "THEIRS": "1"}
    change_function(world, FUNCTION, Environment={"Variables": variables})


def code(content: str, architecture: str) -> Any:
    return lambda world: world.clients.lambda_.update_function_code(
        FunctionName="countagg-processor", ZipFile=make_zip(content).content, Architectures=[architecture]
    )


OTHER_ROLE = PLACE.role_arn(f"countagg-publisher-{PLACE.region}")
UPDATE_FAILED = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such subnet"}

FUNCTIONS = (
    Drift(FUNCTION, "role", configuration(Role=OTHER_ROLE), PUT_CONFIGURATION),
    Drift(FUNCTION, "handler", configuration(Handler="x.y"), PUT_CONFIGURATION),
    Drift(FUNCTION, "runtime", configuration(Runtime="python3.12"), PUT_CONFIGURATION),
    Drift(FUNCTION, "architecture", code("", "x86_64"), PUT_CODE),
    Drift(FUNCTION, "memory", configuration(MemorySize=1024), PUT_CONFIGURATION),
    Drift(FUNCTION, "timeout", configuration(Timeout=3), PUT_CONFIGURATION),
    Drift(
        FUNCTION, "environment", configuration(Environment={"Variables": {"A": "1"}}), PUT_CONFIGURATION, "other"
    ),
    Drift(FUNCTION, "environment", more_variables, PUT_CONFIGURATION, "more"),
    Drift(FUNCTION, "log_group", logging(LogGroup="/theirs"), PUT_CONFIGURATION),
    Drift(FUNCTION, "log_format", logging(LogFormat="Text"), PUT_CONFIGURATION),
    Drift(FUNCTION, "log_level", logging(ApplicationLogLevel="FATAL"), PUT_CONFIGURATION),
    Drift(FUNCTION, "system_log_level", logging(SystemLogLevel="WARN"), PUT_CONFIGURATION),
    Drift(FUNCTION, "code", code("theirs", "arm64"), PUT_CODE),
    Drift(
        FUNCTION,
        "failure",
        lambda w: failed(w, FUNCTION, "no such key"),
        (*PUT_CODE, *PUT_CONFIGURATION),
        "to start",
    ),
    Drift(
        FUNCTION,
        "failure",
        lambda w: failed(w, FUNCTION, "", **UPDATE_FAILED),
        (*PUT_CODE, *PUT_CONFIGURATION),
        "of its last update",
    ),
)

# Event source mappings

PUT_MAPPING = ("UpdateEventSourceMapping",)
QUEUE, STREAM, PUBLISHER = "mapping/processor", "mapping/aggregator", "mapping/publisher"


def settings(node: str, **changed: Any) -> Any:
    return lambda world: change_mapping(world, node, **changed)


def pattern(text: str) -> Any:
    return {"Filters": [{"Pattern": text}]}


MAPPINGS = (
    Drift(STREAM, "source", lambda w: replace_stream(w, "table/snapshots"), MAPPED_ANEW, "stream made anew"),
    Drift(QUEUE, "enabled", settings(QUEUE, Enabled=False), PUT_MAPPING),
    Drift(STREAM, "enabled", settings(STREAM, Enabled=False), PUT_MAPPING),
    Drift(QUEUE, "batch_size", settings(QUEUE, BatchSize=5), PUT_MAPPING),
    Drift(STREAM, "batch_size", settings(STREAM, BatchSize=5), PUT_MAPPING),
    Drift(QUEUE, "window", settings(QUEUE, MaximumBatchingWindowInSeconds=9), PUT_MAPPING),
    Drift(STREAM, "window", settings(STREAM, MaximumBatchingWindowInSeconds=9), PUT_MAPPING),
    Drift(
        QUEUE,
        "max_concurrency",
        settings(QUEUE, ScalingConfig={"MaximumConcurrency": 1_000}),
        PUT_MAPPING,
        "other",
    ),
    Drift(QUEUE, "max_concurrency", settings(QUEUE, ScalingConfig={}), PUT_MAPPING, "none"),
    Drift(QUEUE, "partial_answers", settings(QUEUE, FunctionResponseTypes=[]), PUT_MAPPING, "off"),
    Drift(
        STREAM,
        "partial_answers",
        settings(STREAM, FunctionResponseTypes=["ReportBatchItemFailures"]),
        PUT_MAPPING,
        "on",
    ),
    Drift(QUEUE, "filters", settings(QUEUE, FilterCriteria=pattern('{"body":["x"]}')), PUT_MAPPING, "added"),
    Drift(STREAM, "filters", settings(STREAM, FilterCriteria={"Filters": []}), PUT_MAPPING, "removed"),
    Drift(
        STREAM,
        "filters",
        settings(STREAM, FilterCriteria=pattern('{"eventName":["REMOVE"]}')),
        PUT_MAPPING,
        "other",
    ),
    Drift(STREAM, "bisect", settings(STREAM, BisectBatchOnFunctionError=False), PUT_MAPPING),
    Drift(STREAM, "tries", settings(STREAM, MaximumRetryAttempts=3), PUT_MAPPING),
    Drift(PUBLISHER, "tries", settings(PUBLISHER, MaximumRetryAttempts=-1), PUT_MAPPING, "for ever"),
    Drift(STREAM, "record_age", settings(STREAM, MaximumRecordAgeInSeconds=60), PUT_MAPPING),
    Drift(STREAM, "parallel", settings(STREAM, ParallelizationFactor=3), PUT_MAPPING),
    Drift(
        STREAM,
        "on_failure",
        settings(STREAM, DestinationConfig={"OnFailure": {"Destination": PLACE.queue_arn("countagg-uploads")}}),
        PUT_MAPPING,
        "elsewhere",
    ),
    Drift(
        STREAM,
        "on_failure",
        settings(STREAM, DestinationConfig={"OnFailure": {"Destination": ""}}),
        PUT_MAPPING,
        "nowhere",
    ),
)

# Alarms

ALARM = "alarm/aggregator-iterator-age"
PUT_ALARM = ("PutMetricAlarm",)
THEIR_TOPIC = PLACE.topic_arn("theirs")
OUR_TOPIC = PLACE.topic_arn("countagg-alerts")


def alarm(**changed: Any) -> Any:
    return lambda world: change_alarm(world, ALARM, **changed)


ALARMS = (
    Drift(ALARM, "description", alarm(AlarmDescription="Do not mind"), PUT_ALARM, "other"),
    Drift(ALARM, "description", alarm(AlarmDescription=None), PUT_ALARM, "none"),
    Drift(ALARM, "namespace", alarm(Namespace="Theirs"), PUT_ALARM),
    Drift(ALARM, "metric", alarm(MetricName="Duration"), PUT_ALARM),
    Drift(ALARM, "dimensions", alarm(Dimensions=[{"Name": "FunctionName", "Value": "x"}]), PUT_ALARM, "other"),
    Drift(ALARM, "dimensions", alarm(Dimensions=[]), PUT_ALARM, "none"),
    Drift(ALARM, "statistic", alarm(Statistic="Minimum"), PUT_ALARM),
    Drift(ALARM, "threshold", alarm(Threshold=1e9), PUT_ALARM),
    Drift(ALARM, "period", alarm(Period=3600), PUT_ALARM),
    Drift(ALARM, "periods", alarm(EvaluationPeriods=5, DatapointsToAlarm=5), PUT_ALARM),
    Drift(ALARM, "comparison", alarm(ComparisonOperator="LessThanThreshold"), PUT_ALARM),
    Drift(ALARM, "missing_data", alarm(TreatMissingData="breaching"), PUT_ALARM, "breaching"),
    Drift(ALARM, "missing_data", alarm(TreatMissingData=None), PUT_ALARM, "as usual"),
    Drift(ALARM, "enabled", alarm(ActionsEnabled=False), PUT_ALARM),
    Drift(ALARM, "actions", alarm(AlarmActions=[], OKActions=[]), PUT_ALARM, "none"),
    Drift(ALARM, "actions", alarm(AlarmActions=[THEIR_TOPIC]), PUT_ALARM, "to others"),
    Drift(ALARM, "actions", alarm(AlarmActions=[OUR_TOPIC, THEIR_TOPIC]), PUT_ALARM, "to others too"),
    Drift(ALARM, "actions", alarm(AlarmActions=[]), PUT_ALARM, "of its end only"),
    Drift(ALARM, "actions", alarm(OKActions=[]), PUT_ALARM, "of its beginning only"),
)

# The dashboard

PUT_DASHBOARD = ("PutDashboard",)


def dashboard(change: Callable[[Any], object]) -> Any:
    return lambda world: change_dashboard(world, change)


DASHBOARD = (
    Drift(
        "dashboard",
        "body",
        dashboard(lambda body: body["widgets"][-1]["properties"].update(title="Mine")),
        PUT_DASHBOARD,
        "title",
    ),
    Drift("dashboard", "body", dashboard(lambda body: body["widgets"].pop()), PUT_DASHBOARD, "widget removed"),
    # Its tag still says whose it is.
    Drift("dashboard", "body", dashboard(lambda body: body["widgets"].pop(0)), PUT_DASHBOARD, "note removed"),
    Drift("dashboard", "body", dashboard(lambda body: body.clear()), PUT_DASHBOARD, "emptied"),
)

PLAIN = (*LOG_GROUPS, *ROLES_PLAIN, *FUNCTIONS, *MAPPINGS, *ALARMS)
WITH_OPTIONS = (*ROLES_WITH_OPTIONS, *DASHBOARD)
