"""What others have in the account: what countagg must leave as it is, and what it may be told to use."""

from __future__ import annotations

import json
from typing import Any, Final

from countagg.core.names import OWNER_TAG
from tests.aws.inventory import inventory
from tests.aws.moto_gaps import ACCOUNT
from tests.aws.world import BUCKET, PLACE, REGION, World

THEIR_KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-others"
THEIR_BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/theirs"
THEIR_POLICY: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
OUR_BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/bounds"
ADDRESS: Final = "operator@example.com"
KEY_USERS: Final = ("s3.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com")


def key_policy(*services: str, actions: Any = ("kms:GenerateDataKey*", "kms:Decrypt"), **more: Any) -> str:
    """Return a key's policy that lets the services use it."""
    statement = {
        "Sid": "Services",
        "Effect": "Allow",
        "Principal": {"Service": list(services)},
        "Action": list(actions),
        "Resource": "*",
        **more,
    }
    root = {
        "Sid": "Root",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [root, statement]})


def make_key(world: World, policy: str = key_policy(*KEY_USERS)) -> str:
    """Make a key and return its ARN."""
    return world.clients.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]


def choose_everything(world: World) -> World:
    """Make a key and a boundary, as an operator would, and let every stack use them and all other options."""
    world.clients.iam.create_policy(PolicyName="bounds", PolicyDocument=THEIR_POLICY)
    return world.choose(
        kms_key=make_key(world),
        permissions_boundary=OUR_BOUNDARY,
        role_path="/ops/",
        alarm_email=ADDRESS,
        stale_alarm="15m",
        dashboard=True,
        point_in_time_recovery=True,
        deletion_protection=True,
        bucket_versioning=True,
        tags={"team": "fleet"},
    )


def create_theirs(world: World, region: str = REGION) -> None:
    """Make a bucket that is not ours."""
    where: Any = {"LocationConstraint": region}
    client: Any = world.clients.s3
    if region != world.place.region:
        client = world.clients.session.client("s3", region_name=region)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)


def borrow(world: World) -> dict[str, Any]:
    """Make a bucket of others with notifications of every kind, and things of theirs; return all there is."""
    clients = world.clients
    create_theirs(world)
    clients.s3.put_object(Bucket=BUCKET, Key="counters/2026-11-20/values_i-1", Body=b"A 1\n")
    clients.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "owner", "Value": "them"}]})
    statement = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": PLACE.bucket_arn(BUCKET),
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    clients.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    topic = clients.sns.create_topic(Name="theirs")["TopicArn"]
    queue = clients.sqs.create_queue(QueueName="theirs")["QueueUrl"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=PLACE.queue_arn("theirs"))
    clients.sqs.tag_queue(QueueUrl=queue, Tags={OWNER_TAG: "another"})
    clients.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration=their_notifications()
    )
    clients.dynamodb.create_table(
        TableName="theirs",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    clients.logs.create_log_group(logGroupName="/aws/lambda/countagg-processor-2")
    clients.iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    clients.cloudwatch.put_metric_alarm(
        AlarmName="countagg-uploads-age-2",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    clients.cloudwatch.put_dashboard(DashboardName="countagg-us-east-1", DashboardBody='{"widgets": []}')
    return inventory(clients)


def their_notifications() -> Any:
    """Return notifications of every kind that S3 takes beside ours."""

    def rules(name: str, value: str) -> Any:
        return {"Key": {"FilterRules": [{"Name": name, "Value": value}]}}

    topic, queue, function = PLACE.topic_arn("theirs"), PLACE.queue_arn("theirs"), PLACE.function_arn("theirs")
    created, tagged = ["s3:ObjectCreated:*"], ["s3:ObjectTagging:*"]
    return {
        "TopicConfigurations": [
            {"Id": "t1", "TopicArn": topic, "Events": created, "Filter": rules("prefix", "photos/")},
            {"Id": "t2", "TopicArn": topic, "Events": tagged, "Filter": rules("prefix", "counters/")},
        ],
        "QueueConfigurations": [
            {"Id": "q", "QueueArn": queue, "Events": created, "Filter": rules("prefix", "logs/")},
        ],
        "LambdaFunctionConfigurations": [
            {"Id": "l", "LambdaFunctionArn": function, "Events": created, "Filter": rules("prefix", "mail/")},
        ],
        "EventBridgeConfiguration": {},
    }
