"""AWS clients of the functions: made once per execution environment, with time-outs inside the function's own."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from countagg.core.lazy_dataclass import dataclass
from countagg.functions.sdk import require_known

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

CONFIG: Final = Config(
    # Set here because the defaults differ between the boto3 of a laptop and that of the runtime
    # (docs/aws-facts.md#boto3). At worst 3 x (1 s + 3 s) and 3 s of back-off: one call ends within 15 s.
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=1,
    read_timeout=3,
    # AWS checks the parameters too; here it would take a tenth of the functions' time. Those that the SDK does not
    # know it drops: see `countagg.functions.sdk`.
    parameter_validation=False,
)

SLOWEST_CALL_MILLISECONDS: Final = 15_000


@dataclass(frozen=True, slots=True)
class FunctionClients:
    """The clients of an execution environment (`countagg.data.calls.Clients`)."""

    s3: S3Client
    sqs: SQSClient
    dynamodb: DynamoDBClient

    def sending(self, _size: int) -> Self:
        """Return these clients: within AWS no line is slow."""
        return self

    def errors(self, _where: str) -> AbstractContextManager[None]:
        """Let errors rise as they are: the invocation is retried."""
        return nullcontext()

    def message_of(self, error: ClientError) -> str:
        """Return the text of an answer, empty if it has none."""
        return error.response["Error"].get("Message") or ""


def make_clients(session: boto3.Session | None = None) -> FunctionClients:
    """Make clients with the execution role's credentials.

    Args:
        session: to make them with; None for a new one.

    Raises:
        SdkTooOld: the SDK does not know a parameter that the functions rely on.
    """
    chosen = session or boto3.Session()
    clients = FunctionClients(
        s3=chosen.client("s3", config=CONFIG),
        sqs=chosen.client("sqs", config=CONFIG),
        dynamodb=chosen.client("dynamodb", config=CONFIG),
    )
    require_known(clients.s3)
    require_known(clients.dynamodb)
    return clients


def make_sns_client() -> SNSClient:
    """Make a client of SNS, which the publisher alone needs."""
    return boto3.Session().client("sns", config=CONFIG)
