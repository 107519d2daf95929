from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProfileNotFound
from moto import mock_aws

from countagg.aws.session import MAX_CONNECTIONS, Clients, ConnectionOptions
from countagg.core.errors import ConnectionProblem
from tests.aws.moto_gaps import ACCOUNT
from tests.aws.world import REGION

ENGINE = ConnectionOptions(region=REGION, endpoint_url="http://127.0.0.1:4566", credentials=("key", "secret"))
SERVICES = ("sts", "s3", "sns", "sqs", "dynamodb", "lambda_", "iam", "logs")


def sent_by(client: Any, operation: str = "get_caller_identity") -> Any:
    """Return the request that a call would send."""

    class Sent(Exception):
        def __init__(self, request: Any) -> None:
            super().__init__()
            self.request = request

    def stop(request: Any, **_: object) -> None:
        raise Sent(request)

    client.meta.events.register_first("before-send", stop)
    with pytest.raises(Sent) as caught:
        getattr(client, operation)()
    return caught.value.request


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a user whose whole environment points somewhere else."""
    config = tmp_path / "config"
    config.write_text(
        "[default]\nregion = us-gov-west-1\nendpoint_url = http://elsewhere.invalid\n"
        "[profile work]\nregion = us-west-2\nendpoint_url = http://elsewhere.invalid\n"
    )
    credentials = tmp_path / "credentials"
    credentials.write_text(
        "[default]\naws_access_key_id = theirs\naws_secret_access_key = theirs\n"
        "[work]\naws_access_key_id = work\naws_secret_access_key = work\n"
    )
    for name, value in {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL": "http://elsewhere.invalid",
        "AWS_ENDPOINT_URL_S3": "http://elsewhere.invalid",
        "AWS_ENDPOINT_URL_STS": "http://elsewhere.invalid",
        "AWS_ACCESS_KEY_ID": "theirs",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_SESSION_TOKEN": "theirs",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "HTTP_PROXY": "http://proxy.invalid:1",
        "http_proxy": "http://proxy.invalid:1",
        "ALL_PROXY": "http://proxy.invalid:1",
    }.items():
        monkeypatch.setenv(name, value)


# The embedded engine


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("service", SERVICES)
def test_clients_of_the_engine_see_nothing_of_the_user_s_configuration(service: str) -> None:
    client = getattr(Clients(ENGINE), service)
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.region_name == REGION


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("service", "operation"), [("sts", "get_caller_identity"), ("s3", "list_buckets")])
def test_calls_to_the_engine_go_there_with_its_credentials_and_without_a_proxy(
    service: str, operation: str
) -> None:
    clients = Clients(ENGINE)
    client = getattr(clients, service)
    request = sent_by(client, operation)
    assert request.url.startswith("http://127.0.0.1:4566/")
    assert "Credential=key/" in str(request.headers["Authorization"])
    assert "X-Amz-Security-Token" not in request.headers
    assert client._endpoint.http_session._proxy_config._proxies == {}  # noqa: SLF001 - nothing else tells


@pytest.mark.usefixtures("configured")
def test_the_session_of_the_engine_has_no_profiles() -> None:
    session = Clients(ENGINE).session
    assert session.core.available_profiles == []
    assert session.region_name == REGION


@pytest.mark.usefixtures("configured")
def test_the_user_s_session_sees_all_of_it() -> None:
    clients = Clients(ConnectionOptions())
    assert clients.session.core.profile == "work"
    assert clients.sts.meta.endpoint_url == "http://elsewhere.invalid"
    assert clients.s3.meta.endpoint_url == "http://elsewhere.invalid"


def test_the_user_s_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")
    client: Any = Clients(ConnectionOptions(region=REGION)).sts
    assert client._endpoint.http_session._proxy_config._proxies["https"] == "http://proxy.invalid:1"  # noqa: SLF001 - the same


# The user's


@pytest.mark.usefixtures("configured")
def test_what_is_said_goes_before_what_is_configured() -> None:
    clients = Clients(ConnectionOptions(profile="default", region="eu-west-1", endpoint_url="http://said.invalid"))
    assert clients.session.core.profile == "default"
    assert clients.s3.meta.endpoint_url == "http://said.invalid"
    assert clients.s3.meta.region_name == "eu-west-1"


def test_a_profile_that_does_not_exist_is_a_connection_problem() -> None:
    with pytest.raises(ConnectionProblem, match="nowhere") as caught:
        Clients(ConnectionOptions(profile="nowhere"))
    assert isinstance(caught.value.__cause__, ProfileNotFound)


def test_clients_are_made_once_and_retry_as_we_say() -> None:
    clients = Clients(ConnectionOptions(region=REGION))
    for service in SERVICES:
        client = getattr(clients, service)
        assert client is getattr(clients, service)
        config = client.meta.config
        assert config.retries["mode"] == "standard"
        assert 3 < config.retries["total_max_attempts"] < 10
        assert config.max_pool_connections == MAX_CONNECTIONS
        assert "countagg" in config.user_agent
        assert (config.connect_timeout, config.read_timeout) == (3, 10)


def test_small_uploads_do_not_ask_whether_to_go_on() -> None:
    sent: list[Any] = []

    class Sent(Exception):
        """Ends the call before it goes out."""

    def keep(request: Any, **_: object) -> None:
        sent.append(request.headers)
        raise Sent

    s3 = Clients(ConnectionOptions(region=REGION)).s3
    s3.meta.events.register("before-send.s3", keep)
    with pytest.raises(Sent):
        s3.put_object(Bucket="b", Key="k", Body=b"A 1\n")
    assert "Expect" not in sent[0]


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(ENGINE)


# Who acts, where


def test_without_a_region_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConnectionProblem, match="no region") as caught:
        Clients(ConnectionOptions()).caller()
    assert "--region" in caught.value.hint


def test_the_region_is_found_as_the_aws_command_line_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Clients(ConnectionOptions()).region() == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Clients(ConnectionOptions()).region() == "eu-west-2"
    assert Clients(ConnectionOptions(region="eu-west-3")).region() == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "")
    assert Clients(ConnectionOptions()).region() == "eu-west-1"


@pytest.mark.parametrize(
    ("options", "tls", "embedded"),
    [
        (ConnectionOptions(region=REGION), True, False),
        (ConnectionOptions(region=REGION, credentials=("a", "b")), True, True),
    ],
)
def test_the_caller(options: ConnectionOptions, *, tls: bool, embedded: bool) -> None:
    with mock_aws():
        caller = Clients(options).caller()
    assert caller.place.account == ACCOUNT
    assert caller.place.region == REGION
    assert caller.place.partition == "aws"
    assert (caller.place.tls, caller.place.embedded) == (tls, embedded)
    assert caller.principal.startswith("arn:aws:")
    assert caller.endpoint == f"https://sts.{REGION}.amazonaws.com"


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")])
def test_the_partition_is_that_of_the_principal(partition: str, region: str) -> None:
    with mock_aws():
        caller = Clients(ConnectionOptions(region=region)).caller()
    assert caller.place.partition == partition


class Answering:
    """An STS client at an address of its own: moto knows only AWS's."""

    def __init__(self, endpoint: str) -> None:
        self.meta = self
        self.endpoint_url = endpoint

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.mark.parametrize(("scheme", "tls"), [("http", False), ("https", True)])
def test_tls_is_what_the_endpoint_says(scheme: str, *, tls: bool) -> None:
    url = f"{scheme}://127.0.0.1:4566"
    clients = Clients(ConnectionOptions(region=REGION, endpoint_url=url))
    clients.__dict__["sts"] = Answering(url)
    caller = clients.caller()
    assert caller.place.tls is tls
    assert caller.place.embedded is False
    assert caller.endpoint == url
