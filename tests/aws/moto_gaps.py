"""What moto 5.2 does not know of AWS, made up for through botocore's events."""

from __future__ import annotations

from typing import Any, Final

import boto3
from moto.awslambda_simple.models import lambda_simple_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from countagg.aws.configuration import AwsSession

ACCOUNT: Final = "123456789012"


class MotoGaps:
    """Fills the gaps for all clients of a session.

    - A function's LoggingConfig: moto forgets it. It is kept with the function and put into the answers.
    - Architectures in UpdateFunctionCode: moto ignores them.
    - Tags in CreateBucket: moto forgets them. They are put by a client of our own, within the same call.
    - EventBridge in a bucket's notifications: moto keeps it, and does not tell.
    - SetQueueAttributes without a policy: moto then drops the queue's policy. It is added to the call.
    - A table's stream that was switched off: moto refuses to switch it on again, because it keeps its label.
    - A table's encryption: moto only takes it when the table is created.
    - Tags of dashboards: moto knows none.
    """

    def __init__(self, session: AwsSession) -> None:
        self._region = str(session.region_name)
        unrecorded = boto3.Session(
            aws_access_key_id="a", aws_secret_access_key="b", region_name=session.region_name
        )
        self._s3, self._sqs = unrecorded.client("s3"), unrecorded.client("sqs")
        register = session.events.register_first
        for operation in ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode"):
            session.events.register(f"before-parameter-build.lambda.{operation}", self._note_function)
            register(f"after-call.lambda.{operation}", self._keep_function)
        register("after-call.lambda.GetFunction", self._tell_logging)
        session.events.register("before-parameter-build.s3.CreateBucket", self._note_tags)
        register("after-call.s3.CreateBucket", self._put_tags)
        session.events.register("before-parameter-build.s3.GetBucketNotificationConfiguration", self._note_bucket)
        register("after-call.s3.GetBucketNotificationConfiguration", self._tell_event_bridge)
        session.events.register("before-parameter-build.sqs.SetQueueAttributes", self._keep_policy)
        session.events.register("before-parameter-build.dynamodb.UpdateTable", self._note_table)
        register("after-call.dynamodb.UpdateTable", self._keep_table)
        session.events.register("before-parameter-build.cloudwatch.PutDashboard", self._note_dashboard)
        register("after-call.cloudwatch.PutDashboard", self._keep_dashboard_tags)
        session.events.register("before-parameter-build.cloudwatch.DeleteDashboards", self._forget_dashboard_tags)
        session.events.register("before-parameter-build.cloudwatch.TagResource", self._note_parameters)
        register("after-call.cloudwatch.TagResource", self._tag_dashboard)

    def _note_function(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["theirs"] = params

    def _keep_function(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        if "FunctionArn" not in parsed:
            return
        theirs = context["theirs"]
        function: Any = self._function(theirs["FunctionName"])
        if "LoggingConfig" in theirs:
            function.kept_logging = theirs["LoggingConfig"]
        if "Architectures" in theirs:
            function.architectures = theirs["Architectures"]

    def _tell_logging(self, parsed: dict[str, Any], **_: object) -> None:
        if "Configuration" in parsed:
            kept = getattr(self._function(parsed["Configuration"]["FunctionName"]), "kept_logging", None)
            if kept is not None:
                parsed["Configuration"]["LoggingConfig"] = kept

    def _function(self, name: str) -> object:
        return lambda_simple_backends[ACCOUNT][self._region].get_function(name)

    def _note_tags(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["theirs"] = (params["Bucket"], params.get("CreateBucketConfiguration", {}).get("Tags"))

    def _put_tags(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        name, tags = context["theirs"]
        if tags and "Error" not in parsed:
            self._s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})

    def _note_bucket(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["theirs"] = params["Bucket"]

    def _tell_event_bridge(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        bucket = s3_backends[ACCOUNT]["aws"].buckets.get(context["theirs"])
        found = bucket.notification_configuration if bucket else None
        if found is not None and found.event_bridge is not None:
            parsed["EventBridgeConfiguration"] = {}

    def _keep_policy(self, params: dict[str, Any], **_: object) -> None:
        found = self._sqs.get_queue_attributes(QueueUrl=params["QueueUrl"], AttributeNames=["Policy"])
        params["Attributes"] = {**found.get("Attributes", {}), **params["Attributes"]}

    def _note_table(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["theirs"] = params

    def _keep_table(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        theirs = context["theirs"]
        if "Error" in parsed:
            return
        table = dynamodb_backends[ACCOUNT][self._region].get_table(theirs["TableName"])
        if theirs.get("StreamSpecification", {}).get("StreamEnabled") is False:
            table.latest_stream_label = None
        if "SSESpecification" in theirs:
            table.sse_specification = theirs["SSESpecification"]

    @property
    def _cloudwatch(self) -> Any:
        return cloudwatch_backends[ACCOUNT][self._region]

    def _note_parameters(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["theirs"] = params

    def _note_dashboard(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        name = params["DashboardName"]
        # On one that exists the tags are ignored.
        context["theirs"] = (name, [] if name in self._cloudwatch.dashboards else params.get("Tags", []))

    def _keep_dashboard_tags(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        name, tags = context["theirs"]
        if tags and "Error" not in parsed:
            self._cloudwatch.tagger.tag_resource(self._cloudwatch.dashboards[name].arn, tags)

    def _forget_dashboard_tags(self, params: dict[str, Any], **_: object) -> None:
        for name in params["DashboardNames"]:
            if name in self._cloudwatch.dashboards:
                self._cloudwatch.tagger.delete_all_tags_for_resource(self._cloudwatch.dashboards[name].arn)

    def _tag_dashboard(
        self, http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: object
    ) -> None:
        arn, tags = context["theirs"]["ResourceARN"], context["theirs"]["Tags"]
        if arn in {each.arn for each in self._cloudwatch.dashboards.values()}:
            self._cloudwatch.tagger.tag_resource(arn, tags)
            # moto denied it.
            http_response.status_code = 200
            parsed.pop("Error", None)
