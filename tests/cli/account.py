"""An account on moto, with what moto leaves out put in, and a stack in it."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda.models import LambdaBackend, LambdaFunction

from countagg.cli.main import main
from countagg.core.days import Expiry
from countagg.core.ledger import Image, encode_ledger, rebuild
from countagg.core.partitions import Layout
from countagg.core.published import CONTENT_TYPE, published_metadata, render_published
from countagg.core.sequencer import normalise_sequencer
from countagg.core.snapshot import pack_counters
from countagg.core.values import parse_value
from countagg.data.day_records import DayRecord

BUCKET: Final = "counters-of-somebody"
ACCOUNT: Final = "123456789012"
VERSION: Final = 7
"""Of every ledger that is written here."""
BEGUN: Final = "00674760B0"
"""How the sequencers begin that are written here: with a time, as S3's do."""
TALLY: Final = re.compile(r"\d+ created, \d+ updated, \d+ kept, \d+ deleted in \d+ s")
"""The last line of what setup and teardown tell."""


@contextmanager
def moto_account(folder: Path) -> Iterator[None]:
    """Enter an account that holds one bucket; `folder` stands in for the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        _complete_moto(patch)
        patch.chdir(folder)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_PROFILE", raising=False)
        with mock_aws(config={"lambda": {"use_docker": False}}):
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            yield


def _complete_moto(patch: pytest.MonkeyPatch) -> None:
    configuration = LambdaFunction.get_configuration

    def with_logging(function: LambdaFunction, **options: Any) -> dict[str, Any]:
        group = f"/aws/lambda/{function.function_name}"
        logging = {"LogFormat": "JSON", "LogGroup": group, "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
        return {**configuration(function, **options), "LoggingConfig": logging}

    def consumed_by_nobody(*_: Any, **__: Any) -> bool:
        return True

    # moto forgets the logging settings, and would look for Docker to run what a queue or a stream starts.
    patch.setattr(LambdaFunction, "get_configuration", with_logging)
    patch.setattr(LambdaBackend, "send_sqs_batch", consumed_by_nobody)
    patch.setattr(LambdaBackend, "send_dynamodb_items", consumed_by_nobody)


def set_up(*options: str) -> None:
    """Set a stack up on the bucket."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(["setup", "--bucket", BUCKET, "--yes", *options])
    assert code == 0, out.getvalue() + err.getvalue()


def write_day(
    day: str, files: Mapping[str, Mapping[str, str]], stack: str = "countagg", layout: Layout | None = None
) -> None:
    """Write what the functions would have written for these files: snapshots and ledgers."""
    dynamodb, spread = boto3.client("dynamodb"), layout or Layout()
    dynamodb.put_item(TableName=f"{stack}-snapshots", Item=DayRecord(spread, _expiry(day)).to_item(day))
    images: dict[str, dict[str, Image]] = {partition: {} for partition in spread.partitions(day)}
    for number, (instance, texts) in enumerate(files.items(), start=1):
        shares = spread.split({name: parse_value(value) for name, value in texts.items()})
        for partition, share in zip(spread.partitions_of(day, instance), shares, strict=True):
            image = Image(normalise_sequencer(f"{BEGUN}{number:08X}"), pack_counters(share))
            images[partition][instance] = image
            dynamodb.put_item(TableName=f"{stack}-snapshots", Item=_snapshot_item(day, partition, instance, image))
    for partition, of_partition in images.items():
        dynamodb.put_item(
            TableName=f"{stack}-totals",
            Item={
                "Date": {"S": partition},
                "Version": {"N": str(VERSION)},
                "UpdatedAt": {"S": updated_at(day)},
                "ExpiresAt": {"N": str(_expiry(day).totals)},
                "Document": {"B": encode_ledger(rebuild(of_partition.items()))},
            },
        )


def _snapshot_item(day: str, partition: str, instance: str, image: Image) -> dict[str, Any]:
    etag, uploaded_at = _written(day, instance)
    return {
        "Date": {"S": partition},
        "Instance": {"S": instance},
        "Sequencer": {"S": image.sequencer},
        "Counters": {"B": image.packed},
        "ETag": {"S": etag},
        "Key": {"S": f"counters/{day}/values_{instance}"},
        "UploadedAt": {"S": uploaded_at},
        "ExpiresAt": {"N": str(_expiry(day).snapshots)},
    }


def _written(day: str, instance: str) -> tuple[str, str]:
    """Return a file's ETag, and when it was written; some other ones if it is not there."""
    try:
        found = boto3.client("s3").head_object(Bucket=BUCKET, Key=f"counters/{day}/values_{instance}")
    except ClientError:
        return f"etag-{instance}", f"{day}T10:00:00Z"
    return found["ETag"].strip('"'), found["LastModified"].isoformat(timespec="seconds")


def updated_at(day: str) -> str:
    """Return when the ledgers of `write_day` changed."""
    return f"{day}T10:00:01Z"


def _expiry(day: str) -> Expiry:
    return Expiry.chosen(day, 35, 400)


def publish_day(day: str, totals: Mapping[str, str]) -> None:
    """Write what the publisher would have written for the ledger of `write_day`."""
    for name, value in totals.items():
        put_counter(day, name, value)
    boto3.client("s3").put_object(
        Bucket=BUCKET,
        Key=f"totals/{day}",
        Body=render_published({name: parse_value(value) for name, value in totals.items()}, VERSION),
        Metadata=published_metadata("countagg", VERSION, updated_at(day)),
        ContentType=CONTENT_TYPE,
    )


def put_counter(day: str, name: str, value: str, stack: str = "countagg") -> None:
    """Write an item of the counters table."""
    item: Any = {
        "Counter": {"S": name},
        "Date": {"S": day},
        "Value": {"N": value},
        "Version": {"N": str(VERSION)},
        "ExpiresAt": {"N": str(_expiry(day).totals)},
    }
    boto3.client("dynamodb").put_item(TableName=f"{stack}-counters", Item=item)


def empty_bucket() -> None:
    """Delete every object of the bucket."""
    s3 = boto3.client("s3")
    for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
