"""What a function takes at most, in a process of its own: `python -m tests.functions.memory CASE`.

The real handler works with real clients of the SDK, whose requests are answered here and stored nowhere. Prints
the largest resident set in MB, as Lambda counts it: the interpreter, the SDK and the event included.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import boto3
from botocore.awsrequest import AWSResponse

from countagg.core.counter_file import DEFAULT_MAX_COUNTERS, MAX_FILE_BYTES, MAX_NAME_BYTES
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.published import published_metadata, render_published
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import pack_counters
from countagg.core.values import SCALE
from tests.gzipped import gzipped

PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""Of a batch (docs/aws-facts.md#event-source-mappings)."""
DAY: Final = date(2026, 11, 20)
SETTINGS: Final = FunctionSettings(
    "countagg", "b", "1" * 12, "counters/", "totals/", "https://q/1/d", 400, 400, "arn"
)
DAYS_PUBLISHED: Final = 8
"""Of a batch; the ledgers of its other days cannot be read. Environments hold fewer (`functions.outputs`)."""
LONG: Final = "n" * (MAX_NAME_BYTES - 7)

Answer = Callable[[str, Any], tuple[bytes, dict[str, str]]]
"""Answers a request: takes operation and parameters, returns body and headers."""


class _Context:
    """What Lambda says about an invocation; of its own, because the tests' own brings much along."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        """Return a time that is enough."""
        return 900_000


class _Raw(io.BytesIO):
    """A body as the SDK reads it."""

    def stream(self, amount: int = 65_536, **_: object) -> Iterator[bytes]:
        """Yield it piece by piece."""
        while part := self.read(amount):
            yield part


def answer_with(answer: Answer) -> None:
    """Have all requests of the process answered here."""
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    os.environ |= SETTINGS.to_environment()
    asked: list[Any] = []

    def see(params: Any, **_: object) -> None:
        asked[:] = [params]

    def send(request: Any, event_name: str, **_: object) -> AWSResponse:
        body, headers = answer(event_name.rpartition(".")[2], asked[0])
        return AWSResponse(request.url, 200, cast("Any", headers), _Raw(body))

    session = boto3.Session()
    session.events.register("provide-client-params", see)
    session.events.register("before-send", cast("Any", send))
    boto3.setup_default_session()
    boto3.Session = lambda: session  # type: ignore[assignment,misc]  # of all clients that are made


def counters(number: int, *, named: int = 0) -> dict[str, int]:
    """Return as many counters as a file may have, with the longest names that there are; some tell the number."""
    values = (each if each % 100 else each + number for each in range(DEFAULT_MAX_COUNTERS))
    return {f"{LONG}{named:02d}{each:05d}": value * SCALE for each, value in enumerate(values)}


def encoded(values: Mapping[str, int]) -> str:
    document = encode_ledger(Ledger(dict(values), dict.fromkeys(values, 1), {"i-1": "0" * 32}))
    return base64.b64encode(document).decode()


def totals_record(day: str, version: int, old: str | None, new: str) -> dict[str, Any]:
    image = {"Date": {"S": day}, "UpdatedAt": {"S": "2026-11-20T10:00:00+00:00"}}
    change: dict[str, Any] = {
        "Keys": {"Date": {"S": day}},
        "NewImage": {**image, "Version": {"N": str(version)}, "Document": {"B": new}},
        "SequenceNumber": str(version),
    }
    if old is not None:
        change["OldImage"] = {**image, "Version": {"N": str(version - 1)}, "Document": {"B": old}}
    return {"eventName": "MODIFY" if old else "INSERT", "dynamodb": change}


def snapshot_record(day: str, old: str, new: str, version: int) -> dict[str, Any]:
    keys = {"Date": {"S": day}, "Instance": {"S": "i-1"}}
    before, after = (f"{number:032X}" for number in (version, version + 1))
    return {
        "eventName": "MODIFY",
        "dynamodb": {
            "Keys": keys,
            "OldImage": {**keys, "Sequencer": {"S": before}, "Counters": {"B": old}},
            "NewImage": {**keys, "Sequencer": {"S": after}, "Counters": {"B": new}},
        },
    }


def batch_of(records: Iterator[dict[str, Any]]) -> bytes:
    """Return the largest batch that Lambda hands over, as it comes."""
    taken: list[str] = []
    size = 0
    for record in records:
        text = json.dumps(record)
        size += len(text) + 2
        if size > PAYLOAD_BYTES:
            break
        taken.append(text)
    return f'{{"Records": [{", ".join(taken)}]}}'.encode()


# The publisher


def versions_of_one_day(*, renamed: bool = False) -> Iterator[dict[str, Any]]:
    documents = [encoded(counters(number, named=number * renamed)) for number in range(5 if renamed else 25)]
    for version in range(1, len(documents)):
        yield totals_record(f"{DAY}", version, documents[version - 1], documents[version])


def a_version_of_many_days() -> Iterator[dict[str, Any]]:
    old, new = encoded(counters(1)), encoded(counters(2))
    for number in range(100):
        yield totals_record(f"{DAY + timedelta(days=number)}", 2, old, new)


def answer_publisher() -> Answer:
    """Return answers by which each day was published in an older version, and has a newer one than its records."""
    body = zlib.compress(render_published(counters(-1), 1))
    named = published_metadata(SETTINGS.stack, 1, "2026-11-20T09:00:00+00:00").items()
    metadata = {f"x-amz-meta-{key}": value for key, value in named}
    newest = {"Version": {"N": "1000"}, "UpdatedAt": {"S": "2026-11-20T10:00:01+00:00"}}
    readable, unreadable = (
        json.dumps({"Item": {**newest, "Document": {"B": document}}}).encode()
        for document in (encoded(counters(99)), "")
    )
    after_those = f"{DAY + timedelta(days=DAYS_PUBLISHED)}"
    pages = {begin: zlib.compress(page) for begin, page in _pages_of_items()}

    def answer(operation: str, params: Any) -> tuple[bytes, dict[str, str]]:
        if operation == "GetObject":
            content = zlib.decompress(body)
            return content, {"ETag": '"e"', "Content-Length": str(len(content)), **metadata}
        if operation == "PutObject":
            return b"", {"ETag": '"f"'}
        if operation == "BatchExecuteStatement":
            return json.dumps({"Responses": [{}] * len(params["Statements"])}).encode(), {}
        if operation == "GetItem":
            return readable if params["Key"]["Date"]["S"] < after_those else unreadable, {}
        if operation == "Query" and "#Version" in params["ExpressionAttributeNames"]:
            after = params.get("ExclusiveStartKey")
            return zlib.decompress(pages[int(after["Counter"]["S"]) if after else 0]), {}
        return b'{"Items": [], "Count": 0}', {}

    return answer


def _pages_of_items() -> Iterator[tuple[int, bytes]]:
    """Yield the counters' items in pages with their beginnings, each item older than the newest ledger."""
    stored = list(counters(-1).items())
    # DynamoDB reads 1 MB for a page.
    size = 2**20 // (len(LONG) + 100)
    for begin in range(0, len(stored), size):
        items = [
            {"Counter": {"S": name}, "Value": {"N": str(value // SCALE)}, "Version": {"N": "1"}}
            for name, value in stored[begin : begin + size]
        ]
        end = begin + size
        more = {"LastEvaluatedKey": {"Counter": {"S": str(end)}}} if end < len(stored) else {}
        yield begin, json.dumps({"Items": items, "Count": len(items), **more}).encode()


# The aggregator


def changes_of_one_ledger() -> Iterator[dict[str, Any]]:
    packed = [base64.b64encode(pack_counters(counters(number))).decode() for number in range(25)]
    for version in range(1, len(packed)):
        yield snapshot_record(f"{DAY}", packed[version - 1], packed[version], version)


def a_change_of_many_ledgers() -> Iterator[dict[str, Any]]:
    old, new = (base64.b64encode(pack_counters(counters(number))).decode() for number in (0, 1))
    for number in range(1_000):
        yield snapshot_record(f"{DAY + timedelta(days=number)}", old, new, 1)


def answer_aggregator() -> Answer:
    """Return answers by which each ledger includes the first version."""
    values = counters(0)
    ledger = Ledger(values, dict.fromkeys(values, 1), {"i-1": f"{1:032X}"})
    item = {
        "Version": {"N": "2"},
        "Document": {"B": base64.b64encode(encode_ledger(ledger)).decode()},
        "ExpiresAt": {"N": "1"},
    }
    stored = json.dumps({"Item": item}).encode()

    def answer(operation: str, params: Any) -> tuple[bytes, dict[str, str]]:
        is_ledger = operation == "GetItem" and params["TableName"] == "countagg-totals"
        return stored if is_ledger else b"{}", {}

    return answer


# The processor


def ten_files() -> Iterator[dict[str, Any]]:
    today = datetime.now(UTC).date()
    for number in range(10):
        entity = {"bucket": {"name": "b"}, "object": {"key": f"counters/{today}/values_i-{number}"}}
        entity["object"]["sequencer"] = "00674760B000000001"
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventTime": f"{today}T00:00:00.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": entity,
        }
        yield {"messageId": str(number), "body": json.dumps({"Records": [record]}), "eventSource": "aws:sqs"}


def answer_processor(make_content: Callable[[], bytes]) -> Callable[[], Answer]:
    """Return what makes answers by which each object has this content."""

    def make() -> Answer:
        content, modified = make_content(), "Fri, 20 Nov 2026 10:00:00 GMT"
        headers = {"ETag": '"e"', "Content-Length": str(len(content)), "Last-Modified": modified}
        answers = {"GetObject": (content, headers), "BatchGetItem": (b'{"Responses": {}}', {})}
        return lambda operation, _: answers.get(operation, (b"{}", {}))

    return make


def answer_processor_of_a_full_day() -> Answer:
    """Answer with a file that is compared with a snapshot of other names, and with the ledger of a full day."""
    file = answer_processor(long_names)()
    ledger = encoded({line.split()[0]: SCALE for line in long_names().decode().splitlines()})
    before = base64.b64encode(pack_counters(counters(1))).decode()
    snapshot = {"Sequencer": {"S": "0" * 32}, "Counters": {"B": before}}
    stored = json.dumps({"Item": {"Version": {"N": "1"}, "Document": {"B": ledger}}}).encode()

    def answer(operation: str, request: Any) -> tuple[bytes, dict[str, str]]:
        if operation == "BatchGetItem":
            [(table, asked)] = request["RequestItems"].items()
            return json.dumps({"Responses": {table: [key | snapshot for key in asked["Keys"]]}}).encode(), {}
        return (stored, {}) if operation == "GetItem" else file(operation, request)

    return answer


def long_names(wide: str = "") -> bytes:
    """Return a file of as many counters as it may have, one of whose names may end with a letter of four bytes."""
    ends = (wide if each == 1 else "" for each in range(DEFAULT_MAX_COUNTERS))
    lines = [f"{LONG[4:]}{number:05d}{end} 1" for number, end in enumerate(ends)]
    content = "\n".join(lines).encode() + b"\n"
    assert len(content) <= MAX_FILE_BYTES
    return content


def many_lines() -> bytes:
    return "".join(f"{each:06d} 1\n" for each in range(250_000)).encode()


def bomb() -> bytes:
    """Return a small file that would become 250 MB, made without holding them."""
    compressor, megabyte = zlib.compressobj(wbits=31), b"0" * 2**20
    return b"".join(compressor.compress(megabyte) for _ in range(250)) + compressor.flush()


def unusual_lines() -> bytes:
    return "".join(f"{each:06d} 1.5\n" for each in range(250_000)).encode()


Case = tuple[str, Callable[[], Iterator[dict[str, Any]]], Callable[[], Answer]]
CASES: Final[Mapping[str, Case]] = {
    "publisher, versions of one day": ("publisher", versions_of_one_day, answer_publisher),
    "publisher, new names in each version": (
        "publisher",
        lambda: versions_of_one_day(renamed=True),
        answer_publisher,
    ),
    "publisher, many days": ("publisher", a_version_of_many_days, answer_publisher),
    "aggregator, one ledger": ("aggregator", changes_of_one_ledger, answer_aggregator),
    "aggregator, many ledgers": ("aggregator", a_change_of_many_ledgers, answer_aggregator),
    "processor, long names": ("processor", ten_files, answer_processor(long_names)),
    "processor, full day": ("processor", ten_files, answer_processor_of_a_full_day),
    "processor, gzip'd": ("processor", ten_files, answer_processor(lambda: gzipped(long_names(), 0))),
    "processor, bombs": ("processor", ten_files, answer_processor(bomb)),
    "processor, one wide letter": ("processor", ten_files, answer_processor(lambda: long_names("\U0001f600"))),
    "processor, too many lines": ("processor", ten_files, answer_processor(many_lines)),
    "processor, too many unusual lines": ("processor", ten_files, answer_processor(unusual_lines)),
}


MADE: Final = "MADE"
"""Variable that says that the batch was made, in a process whose memory does not count, and comes from stdin."""


def peak_megabytes() -> float:
    """Return the largest resident set of the process so far.

    Not by `getrusage`, which counts in the process that this one was forked from.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1_024


def main(name: str) -> None:
    """Write the batch of a case, or hand it to the function and tell what that took."""
    function, records, answers = CASES[name]
    if MADE not in os.environ:
        sys.stdout.buffer.write(batch_of(records()))
        return
    payload = sys.stdin.buffer.read()
    answer_with(answers())
    handler = import_module(f"countagg.functions.{function}").handler
    handler(json.loads(payload), _Context())
    sys.stderr.write(f"\n{peak_megabytes()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
