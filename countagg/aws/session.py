"""Sessions and clients: credentials, region and endpoint as the AWS command line finds them."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, UnknownRegionError

from countagg import __version__
from countagg.aws.configuration import AwsSession, configured_session, isolated_session
from countagg.aws.errors import aws_errors, message_of
from countagg.aws.failures import no_region
from countagg.aws.guards import keep_off_plain_http, refuse_page, remember_secrets, without_expect
from countagg.aws.time_outs import USUAL, TimeOuts, time_outs_of
from countagg.core.errors import ConnectionProblem
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.place import Place

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

MAX_CONNECTIONS: Final = 32
_FEW_ATTEMPTS: Final = 2
_ONE_AT_A_TIME: Final = threading.Lock()
"""A session makes no two clients at once; workers come to need one at the same moment."""


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to reach AWS.

    Attributes:
        profile: of the shared configuration; None for the default.
        region: None for the configured one.
        endpoint_url: one address for every service; None for AWS's own or what the environment names.
        credentials: access key and secret key to use instead of the configured ones; for the embedded engine.
    """

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts: the principal's ARN, and where."""

    principal: str
    place: Place
    endpoint: str


def _client_of(service: str) -> cached_property[Any]:
    """Return a property of `Clients`: a client, made when it is first used."""
    return cached_property(lambda clients: clients._client(service))  # noqa: SLF001 - of the class below


class Clients:
    """Clients of all services, made when first used.

    Args:
        options: how to reach AWS.
    """

    _time_outs = USUAL

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._senders: dict[TimeOuts, Clients] = {}
        self.session = (
            isolated_session(options.credentials, options.region)
            if options.credentials
            else configured_session(options.profile, options.region)
        )
        self.session.events.register("before-parse", refuse_page)
        self.session.events.register("before-send", remember_secrets)
        if options.credentials is None:
            self.session.events.register("before-send", keep_off_plain_http)

    def sending(self, size: int) -> Clients:
        """Return clients that give a slow line time for a request of so many bytes; mostly these."""
        time_outs = time_outs_of(size)
        if time_outs == self._time_outs:
            return self
        return self._senders.setdefault(time_outs, _Senders(self._options, self.session, time_outs))

    def impatient(self) -> Clients:
        """Return clients that soon give a call up, for who tries again later anyway."""
        time_outs = replace(self._time_outs, attempts=_FEW_ATTEMPTS)
        return self._senders.setdefault(time_outs, _Senders(self._options, self.session, time_outs))

    def errors(self, where: str) -> AbstractContextManager[None]:
        """Translate the errors of calls in the block (`aws_errors`)."""
        return aws_errors(where)

    def message_of(self, error: ClientError) -> str:
        """Return the text of an answer, without secrets; empty if it has none."""
        return message_of(error)

    def _client(self, service: str, *, signed: bool = True) -> Any:  # noqa: ANN401 - of that service
        from botocore import UNSIGNED  # noqa: PLC0415 - slow, and no help needs it
        from botocore import __version__ as botocore_version  # noqa: PLC0415 - the same
        from botocore.config import Config  # noqa: PLC0415 - the same

        # Credentials and addresses are read when a client is made.
        with _ONE_AT_A_TIME, aws_errors("AWS configuration"):
            return self.session.client(
                service,
                endpoint_url=self._options.endpoint_url,
                config=Config(
                    signature_version=None if signed else UNSIGNED,
                    retries={"mode": "standard", "total_max_attempts": self._time_outs.attempts},
                    connect_timeout=self._time_outs.connect,
                    read_timeout=self._time_outs.read,
                    max_pool_connections=MAX_CONNECTIONS,
                    # Given whole: botocore's own is put together anew for each call, 0.04 s of CPU of a plan.
                    user_agent=f"countagg/{__version__} Botocore/{botocore_version}",
                    proxies=self.session.proxies,
                ),
            )

    sts: cached_property[STSClient] = _client_of("sts")
    sns: cached_property[SNSClient] = _client_of("sns")
    sqs: cached_property[SQSClient] = _client_of("sqs")
    dynamodb: cached_property[DynamoDBClient] = _client_of("dynamodb")
    # DynamoDB's streams are a service of their own.
    dynamodb_streams: cached_property[DynamoDBStreamsClient] = _client_of("dynamodbstreams")
    lambda_: cached_property[LambdaClient] = _client_of("lambda")
    iam: cached_property[IAMClient] = _client_of("iam")
    logs: cached_property[CloudWatchLogsClient] = _client_of("logs")
    cloudwatch: cached_property[CloudWatchClient] = _client_of("cloudwatch")
    kms: cached_property[KMSClient] = _client_of("kms")
    tagging: cached_property[ResourceGroupsTaggingAPIClient] = _client_of("resourcegroupstaggingapi")

    @cached_property
    def s3(self) -> S3Client:
        """Client of S3."""
        client: S3Client = self._client("s3")
        # For files of a few KB the question whether to go on costs more than the file.
        client.meta.events.register("before-sign.s3.PutObject", without_expect)
        return client

    @cached_property
    def anonymous_sts(self) -> STSClient:
        """Client of the same endpoint that signs nothing: what it is answered needs no credentials."""
        client: STSClient = self._client("sts", signed=False)
        return client

    def region(self) -> str:
        """Return the region.

        Raises:
            ConnectionProblem: there is none.
        """
        if not self.session.region_name:
            raise no_region()
        return self.session.region_name

    @property
    def is_embedded(self) -> bool:
        """Whether they are clients of the embedded engine."""
        return self._options.credentials is not None

    def caller(self) -> Caller:
        """Ask who acts, where.

        Raises:
            ConnectionProblem: there is no region.
        """
        region = self.region()
        answer = self.sts.get_caller_identity()
        endpoint = self.sts.meta.endpoint_url
        place = Place(
            account=answer["Account"],
            region=region,
            partition=answer["Arn"].split(":")[1],
            tls=endpoint.startswith("https:"),
            embedded=self.is_embedded,
            queue_endpoint=self.sqs.meta.endpoint_url.rstrip("/"),
        )
        return Caller(principal=answer["Arn"], place=place, endpoint=self._options.endpoint_url or endpoint)


class _Senders(Clients):
    """Clients of somebody else's session that wait longer."""

    def __init__(self, options: ConnectionOptions, session: AwsSession, time_outs: TimeOuts) -> None:
        self._options = options
        self._time_outs = time_outs
        self.session = session


def configured_place(clients: Clients, account: str) -> Place:
    """Return the place of an account in the configured region, without asking AWS.

    Raises:
        ConnectionProblem: there is no region, or it cannot be one.
    """
    region = clients.region()
    with aws_errors("--region"):
        try:
            partition = clients.session.get_partition_for_region(region)
        except UnknownRegionError as error:
            raise ConnectionProblem(
                f"{region!r} is not a region",
                where="--region",
                hint="check --region, AWS_REGION and the profile; a region is, for example, eu-central-1",
            ) from error
    return Place(account, region, partition, embedded=clients.is_embedded)
