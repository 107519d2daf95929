"""Mistakes in what the user has configured: each ends with 3, and says where, what and what next."""

from __future__ import annotations

import getpass
import inspect
import json
import os
import re
import ssl
from pathlib import Path
from typing import Final

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, SSLError

from countagg.aws.configuration import ask_secretly, configured_session
from countagg.aws.errors import aws_errors
from countagg.aws.failures import translate_failure
from countagg.aws.session import Clients, ConnectionOptions
from countagg.core.errors import ConnectionProblem, CountaggError

ROLE: Final = "role_arn = arn:aws:iam::123456789012:role/r\n"
USER: Final = "[profile user]\naws_access_key_id = a\naws_secret_access_key = b\n"
OLD: Final = {
    "Version": 1,
    "AccessKeyId": "a",
    "SecretAccessKey": "b",
    "SessionToken": "c",
    "Expiration": "2020-01-01T00:00:00Z",
}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a user whose AWS configuration is the file that is returned, and nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return tmp_path / "config"


def problem(endpoint: str | None = None) -> CountaggError:
    """Return what comes of the question who acts."""
    with pytest.raises(CountaggError) as caught, aws_errors("sign-in"):
        Clients(ConnectionOptions(endpoint_url=endpoint)).caller()
    error = caught.value
    assert (type(error), error.exit_code) == (ConnectionProblem, 3)
    assert error.where
    assert error.hint
    assert "\n" not in error.what
    return error


def program(folder: Path, text: str) -> str:
    """Return the line of a profile whose program writes a text."""
    (folder / "said").write_text(text)
    return f"[default]\ncredential_process = cat {folder / 'said'}\n"


# Credentials


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("/nowhere/program --now", "No such file or directory: /nowhere/program"),
        ("/", "Permission denied: /"),
        ("false", "it failed and does not say why"),
        ("'sh -c", "No closing quotation"),
    ],
)
def test_a_program_for_credentials_that_cannot_be_run(config: Path, command: str, what: str) -> None:
    config.write_text(f"[default]\ncredential_process = {command}\n")
    error = problem()
    assert what in error.what
    assert "credential_process" in error.hint


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("hello", "it is not JSON"),
        ("", "it is not JSON"),
        ("[]", "it has another form"),
        ('{"Version": 7}', "Unsupported version"),
        ('{"Version": 1}', "Missing required key"),
        (json.dumps(OLD | {"Expiration": "never"}), "never"),
        (json.dumps(OLD), "still expired"),
    ],
)
def test_a_program_for_credentials_that_says_something_else(
    config: Path, tmp_path: Path, said: str, what: str
) -> None:
    config.write_text(program(tmp_path, said))
    error = problem()
    assert what in error.what
    assert "credential_process" in error.hint


SSO: Final = "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
SSO_START: Final = "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n"
LOOP: Final = f"[profile b]\n{ROLE}source_profile = c\n[profile c]\n{ROLE}source_profile = b\n"
ROLE_OF_DEFAULT: Final = f"[default]\n{ROLE}"


@pytest.mark.parametrize(
    ("profiles", "what", "hint"),
    [
        (f"{ROLE_OF_DEFAULT}source_profile = b\n{LOOP}", "Infinite loop", "source_profile"),
        (ROLE_OF_DEFAULT, "missing: source_profile or credential_source", "add what is missing"),
        (f"{ROLE_OF_DEFAULT}source_profile = nobody\n", "does not exist", "--profile"),
        (f"{ROLE_OF_DEFAULT}credential_source = Moon\n", '"Moon"', "--profile"),
        (f"{ROLE_OF_DEFAULT}credential_source = Environment\n", "No credentials found", "role"),
        (f"{ROLE_OF_DEFAULT}source_profile = user\ncredential_source = Moon\n{USER}", "both", "--profile"),
        (f"{ROLE_OF_DEFAULT}web_identity_token_file = /nowhere/token\n", "/nowhere/token", "web_identity_token"),
        (SSO, "sso-session", "--profile"),
        (SSO + SSO_START, "SSO Token", "aws sso login"),
        ("[default]\naws_access_key_id = a\n", "missing: aws_secret_access_key", "add what is missing"),
        ("[default]\nservices = none\n" + USER, "services", "--profile"),
        ("[default]\ndefaults_mode = wild\n", "wild", "--profile"),
        ("[default\n", "Unable to parse", "AWS_CONFIG_FILE"),
        ("garbage\n", "Unable to parse", "AWS_CONFIG_FILE"),
    ],
)
def test_a_profile_that_cannot_work(config: Path, profiles: str, what: str, hint: str) -> None:
    config.write_text(profiles)
    error = problem()
    assert what in error.what
    assert hint in error.hint


def test_services_that_are_not_of_the_form_of_services(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[default]\nservices = s\n[services s]\nsts = x\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert "AWS_CONFIG_FILE" in problem().hint


@pytest.mark.parametrize("what", ["folder", "not utf-8"])
def test_a_configuration_that_cannot_be_read(config: Path, what: str) -> None:
    if what == "folder":
        config.mkdir()
    else:
        config.write_bytes(b"[default]\nregion = \xff\xfe\n")
    error = problem()
    assert str(config) in str(error)
    assert "AWS_CONFIG_FILE" in error.hint


def test_a_token_file_that_is_missing_is_named_also_where_a_variable_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")
    assert "/nowhere/token" in problem().what


def test_containers_hand_out_credentials_from_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.invalid/x")
    error = problem()
    assert "Unsupported host" in error.what
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in error.hint


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_credentials_with_a_line_end_are_not_quoted(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv(variable, "quite\nsecret")
    error = problem("http://127.0.0.1:1")
    assert "line end" in error.what
    assert "quite" not in f"{error} {error.hint} {error.detail}"
    assert variable in error.hint


# MFA


def test_an_mfa_code_is_asked_for_by_what_was_handed_in(config: Path) -> None:
    config.write_text(f"[default]\n{ROLE}source_profile = user\nmfa_serial = arn:aws:iam::1:mfa/u\n{USER}")
    asked: list[str] = []

    def nobody(prompt: str) -> str:
        asked.append(prompt)
        raise ConnectionProblem("nobody is there", where="here")

    session = configured_session(None, None, nobody)

    with pytest.raises(ConnectionProblem, match="nobody is there"), aws_errors("sign-in"):
        session.client("sts").get_caller_identity()
    assert asked == ["Enter MFA code for arn:aws:iam::1:mfa/u: "]


@pytest.mark.parametrize("failure", [EOFError(), getpass.GetPassWarning("Can not control echo on the terminal.")])
def test_without_a_terminal_there_is_no_mfa_code(failure: Exception) -> None:
    def ask(_prompt: str) -> str:
        raise failure

    with pytest.raises(ConnectionProblem, match="no terminal to ask on: Enter MFA code for d") as caught:
        ask_secretly("Enter MFA code for d: ", ask)
    assert caught.value.where == "mfa_serial of the profile"
    assert "AWS_SESSION_TOKEN" in caught.value.hint


def test_a_code_is_taken_without_blanks_and_has_to_be_there() -> None:
    assert ask_secretly("code: ", lambda _: " 123456\n") == "123456"
    with pytest.raises(ConnectionProblem, match="no MFA code was typed"):
        ask_secretly("code: ", lambda _: " ")


# Addresses and regions


@pytest.fixture
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


ADDRESSES: Final = (
    *(
        "localhost:4566",
        "http://localhost:99999",
        "http://localhost:abc",
        "http://loc al:1",
        "http://[::1",
        "nonsense",
    ),
    *("http://", "://x"),
)


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize(
    ("address", "variable"),
    [
        *((each, "AWS_ENDPOINT_URL") for each in ADDRESSES),
        (ADDRESSES[0], "AWS_ENDPOINT_URL_STS"),
        (ADDRESSES[1], ""),
    ],
)
def test_an_address_that_is_none(address: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable:
        monkeypatch.setenv(variable, address)
    error = problem(None if variable else address)
    assert "the address cannot be used" in error.what
    assert "--endpoint-url, AWS_ENDPOINT_URL" in error.hint


@pytest.mark.usefixtures("_keys")
@pytest.mark.parametrize("region", ["eu central 1", "eu-central-1\n", "eu_central_1", "-"])
def test_a_region_that_is_none(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    assert "--region" in problem().hint


# Certificates


@pytest.mark.parametrize("bundle", ["", "/nowhere/ca.pem"])
def test_tls_that_fails_names_the_certificates_and_a_proxy(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    error = translate_failure(SSLError(endpoint_url="https://e", error=ssl.SSLError("bad")), "w")
    assert type(error) is ConnectionProblem
    assert ("AWS_CA_BUNDLE is /nowhere/ca.pem" in error.what) is bool(bundle)
    assert "AWS_CA_BUNDLE" in error.hint
    assert "proxy" in error.hint


# All of botocore's

CONFIGURED = re.compile(
    r"Config|Credential|Token|SSO|Login|Profile|Region|Endpoint|Proxy|SSL|Auth|IMDS|Mode$|Dependency"
)
OF_CALLS: Final = {"WaiterConfigError"}


@pytest.mark.parametrize(
    "kind",
    [
        each
        for name, each in inspect.getmembers(botocore.exceptions, inspect.isclass)
        if issubclass(each, BotoCoreError) and CONFIGURED.search(name) and name not in OF_CALLS
    ],
)
def test_whatever_botocore_says_of_the_configuration_ends_with_3(kind: type[BotoCoreError]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, kind.fmt)
    error.kwargs = {}
    found = translate_failure(error, "somewhere")
    if not kind.__name__.startswith("UnsupportedS3"):
        assert (type(found), found.exit_code) == (ConnectionProblem, 3)
        assert "report" not in found.hint


# What is not theirs


def test_what_others_raise_within_botocore_is_left_to_them() -> None:
    clients = Clients(
        ConnectionOptions(region="eu-central-1", endpoint_url="http://127.0.0.1:1", credentials=("a", "b"))
    )

    def fail(**_: object) -> None:
        raise OSError("ours")

    clients.sts.meta.events.register("before-send", fail)
    with pytest.raises(OSError, match="ours"), aws_errors("w"):
        clients.sts.get_caller_identity()
    with pytest.raises(ValueError, match="invalid literal"), aws_errors("w"):
        int("x")
