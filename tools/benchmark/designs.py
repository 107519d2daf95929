"""The designs that are compared: ours, the article's layout, and that layout with the article's own advice.

Each is set up on the same engine with the same tools, and reads its totals as a consumer would.
"""

from __future__ import annotations

import io
import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countagg.aws.pipeline import Pipeline
from countagg.aws.session import Clients
from countagg.aws.waiting import Patience
from countagg.core.names import Names
from countagg.core.object_keys import build_object_key
from countagg.core.values import SCALE
from countagg.operate.cost.fleet_sizes import ArticleSizes, size_article, size_fleet
from countagg.operate.cost.write_units import (
    Rhythm,
    article_write_units_per_file,
    write_units_per_file,
)
from countagg.operate.stack.deployment import Deployment, apply
from countagg.provision.bundle import build_bundle
from countagg.provision.choices import Chosen
from tools.benchmark.filling import size_article_filling, size_filling
from tools.benchmark.instances import SignedUploads
from tools.benchmark.write_units import Written, written_to

BUCKET = "counters-benchmark"
PREFIX = "counters/"
_HERE = Path(__file__).parent
_RECORDER = (_HERE / "recorder.py").read_bytes()
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@dataclass(frozen=True)
class Case:
    """Which files of a fleet are uploaded.

    Attributes:
        title: what they are.
        changed: share of them that differ from those before.
        changed_counters: share of their counters that differ.
        begins: whether they are the first of their day.
    """

    title: str
    changed: float = 1.0
    changed_counters: float = 1.0
    begins: bool = False


@dataclass
class Design(ABC):
    """A pipeline from files to totals.

    Attributes:
        clients: of the engine.
        records: file into which the functions' recorder writes.
    """

    clients: Clients
    records: Path

    title = ""
    # A queue takes whatever comes.
    at_once = 100
    """Files that are on their way at the same time, at most."""

    @abstractmethod
    def set_up(self) -> None:
        """Make everything that it needs."""

    @abstractmethod
    def totals(self, day: str, counters: Collection[str]) -> Mapping[str, int]:
        """Return the totals of those counters that have one, in units of 10^-9."""

    def modelled(self, ids: Sequence[str], counters: int, rhythm: Rhythm, case: Case) -> float | None:  # noqa: ARG002
        """Return write units a file by the model of `countagg cost`.

        Args:
            ids: of the instances, each with one file.
            counters: in each file.
            rhythm: how many changed files a write of the sums, and a publication, stood for.
            case: which files they are.
        """
        return None

    @abstractmethod
    def written(self) -> Mapping[str, Written]:
        """Return what was written, by table."""

    def sign(self, day: str, files: Mapping[str, bytes]) -> SignedUploads:
        """Return uploads of a day's files, by instance."""
        addresses = {instance: f"{BUCKET}/{build_object_key(PREFIX, day, instance)}" for instance in files}
        return SignedUploads.sign(self.clients, addresses, files)


class Ours(Design):
    """countagg, as `setup` makes it."""

    title = "countagg"
    publishes = True

    def set_up(self) -> None:
        deployment = Deployment(self.clients, self.clients.caller(), Patience(lambda _: None))
        list(apply(deployment.plan(Chosen("countagg", BUCKET, create_bucket=True)), lambda *_: None))
        names = Names("countagg")
        code = _with_recorder(build_bundle().content)
        for function in (names.processor, names.aggregator, names.publisher):
            self._record(function, code)
        self._pipeline = Pipeline.deployed(self.clients, "countagg")
        if not self.publishes:
            self._pause(names.publisher)

    def _pause(self, function: str) -> None:
        (mapping,) = self.clients.lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        self.clients.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def _record(self, function: str, code: bytes) -> None:
        found = self.clients.lambda_.get_function_configuration(FunctionName=function)
        environment = found["Environment"]["Variables"]
        self.clients.lambda_.update_function_code(FunctionName=function, ZipFile=code)
        self.clients.lambda_.update_function_configuration(
            FunctionName=function,
            Handler="recorder.handler",
            Environment={"Variables": {**environment, **_recording(found["Handler"], self.records)}},
        )

    def totals(self, day: str, counters: Collection[str]) -> Mapping[str, int]:
        sums = self._pipeline.totals(day).ledger.sums
        return {name: sums[name] for name in counters if name in sums}

    def written(self) -> Mapping[str, Written]:
        names = Names("countagg")
        return {
            names.snapshots: written_to(self.clients, names.snapshots),
            names.totals: written_to(self.clients, names.totals),
        }

    def modelled(self, ids: Sequence[str], counters: int, rhythm: Rhythm, case: Case) -> float:
        sizes = size_filling(ids, counters) if case.begins else size_fleet(len(ids), counters, ids=ids)
        return write_units_per_file(sizes, rhythm, counters, case.changed, case.changed_counters)


class OursUnpublished(Ours):
    """The same up to the totals, where the article's layout ends: nothing is published."""

    title = "totals only"
    publishes = False


class Article(Design):
    """The article's layout: an item a counter with a map of its instances' values; SNS calls the function."""

    title = "article"
    improved = ""
    # A function a file: a hundred at once are a hundred processes, which the machine does not have the memory for.
    at_once = 8

    def set_up(self) -> None:
        self.clients.s3.create_bucket(Bucket=BUCKET)
        for table in ("state", "sums"):
            self._create_table(table)
        role = self.clients.iam.create_role(RoleName="article", AssumeRolePolicyDocument=_TRUST)["Role"]["Arn"]
        self.clients.iam.put_role_policy(RoleName="article", PolicyName="all", PolicyDocument=_everything())
        process = self._create_function("process", role)
        self._create_function("aggregate", role)
        topic = self.clients.sns.create_topic(Name="uploads")["TopicArn"]
        # The engine asks for no permission of the topic to invoke it.
        self.clients.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=process)
        stream = self.clients.dynamodb.describe_table(TableName="state")["Table"]["LatestStreamArn"]
        self.clients.lambda_.create_event_source_mapping(
            EventSourceArn=stream, FunctionName="aggregate", BatchSize=100, StartingPosition="TRIM_HORIZON"
        )
        self.clients.s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
            },
        )

    def _create_table(self, name: str) -> None:
        self.clients.dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "Counter", "KeyType": "HASH"},
                {"AttributeName": "Date", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "Counter", "AttributeType": "S"},
                {"AttributeName": "Date", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    def _create_function(self, name: str, role: str) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.write(_HERE / "article" / f"{name}.py", f"{name}.py")
        variables = {"STATE_TABLE": "state", "TOTALS_TABLE": "sums", "IMPROVED": self.improved}
        return self.clients.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="recorder.handler",
            Code={"ZipFile": _with_recorder(archive.getvalue())},
            Timeout=900,
            MemorySize=256,
            Environment={"Variables": {**variables, **_recording(f"{name}.handler", self.records)}},
        )["FunctionArn"]

    def totals(self, day: str, counters: Collection[str]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        names = list(counters)
        while names:
            asked, names = names[:100], names[100:]
            keys: list[Any] = [{"Counter": {"S": name}, "Date": {"S": day}} for name in asked]
            answer = self.clients.dynamodb.batch_get_item(
                RequestItems={"sums": {"Keys": keys, "ConsistentRead": True}}
            )
            for item in answer["Responses"]["sums"]:
                found[item["Counter"]["S"]] = int(item["Value"]["N"]) * SCALE
        return found

    def written(self) -> Mapping[str, Written]:
        return {name: written_to(self.clients, name) for name in ("state", "sums")}

    def modelled(self, ids: Sequence[str], counters: int, rhythm: Rhythm, case: Case) -> float | None:  # noqa: ARG002
        sizes = size_article_filling if case.begins else _size_article
        return article_write_units_per_file(sizes(ids, counters), counters, case.changed * case.changed_counters)


class ImprovedArticle(Article):
    """The same with the article's own advice: batched reads, and one update for each changed value."""

    title = "improved"
    improved = "1"

    def modelled(self, ids: Sequence[str], counters: int, rhythm: Rhythm, case: Case) -> None:
        """Return nothing: the model knows the article's layout as it is."""


DESIGNS: Mapping[str, type[Design]] = {
    "ours": Ours,
    "unpublished": OursUnpublished,
    "article": Article,
    "improved": ImprovedArticle,
}


def _size_article(ids: Sequence[str], counters: int) -> ArticleSizes:
    return size_article(len(ids), counters, ids=ids)


def _recording(handler: str, records: Path) -> dict[str, str]:
    return {"BENCHMARK_HANDLER": handler, "BENCHMARK_RECORDS": str(records)}


def _with_recorder(code: bytes) -> bytes:
    buffer = io.BytesIO(code)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo("recorder.py"), _RECORDER)
    return buffer.getvalue()


def _everything() -> str:
    actions: Sequence[str] = ("s3:*", "dynamodb:*", "logs:*")
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    )
