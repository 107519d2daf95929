from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from countagg.core.errors import UsageError
from countagg.local import EngineRecord, client_environment, export_lines, variables_to_clear
from countagg.local.environment import engine_environment
from countagg.local.state import AccessKey

RECORD = EngineRecord(
    pid=4711,
    port=4567,
    created=1.0,
    version="1.5.33",
    enforce_policies=True,
    started_at="2026-11-20T17:58:56+00:00",
    access_key=AccessKey("LOCAL0123456789ABCDEF", "of-this-run"),
)
USERS = {
    "PATH": os.defpath,
    "HOME": "/home/operator",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "https://elsewhere.example",
    "AWS_ENDPOINT_URL_S3": "https://s3.example",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_CONFIG_FILE": "/home/operator/.aws/config",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/real",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "http_proxy": "http://proxy.example:3128",
    "NO_PROXY": "intranet.example",
    "PYTHONPATH": "/home/operator/lib",
    "COUNTAGG_STACK": "real",
    "LC_ALL": "C.UTF-8",
}


def environment_after(shell: str, lines: list[str], users: dict[str, str]) -> dict[str, str]:
    """Let a shell evaluate the lines, and return the environment of a program that it starts then."""
    program = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    evaluate = 'eval "$LINES"' if shell == "sh" else "eval $LINES"
    done = subprocess.run(
        (shutil.which(shell) or shell, "-c", f"{evaluate}; {program}"),
        env={**users, "LINES": "\n".join(lines)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    seen: dict[str, str] = json.loads(done.stdout)
    return seen


def test_the_engine_gets_nothing_of_the_users_settings() -> None:
    environment = engine_environment(
        Path("/d"), port=4567, access_key=RECORD.access_key, enforce_policies=True, inherited=USERS
    )
    leaked = {name for name, value in environment.items() if USERS.get(name) == value}
    assert leaked == {"PATH", "LC_ALL"}
    assert not any("PROXY" in name.upper() for name in environment)
    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }


def test_the_engine_writes_below_its_data_folder_only() -> None:
    environment = engine_environment(
        Path("/d"), port=4567, access_key=RECORD.access_key, enforce_policies=True, inherited=USERS
    )
    for name in ("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert environment[name].startswith("/d/")


def test_the_engine_keeps_away_from_the_network_and_from_docker() -> None:
    environment = engine_environment(
        Path("/d"), port=4567, access_key=RECORD.access_key, enforce_policies=True, inherited=USERS
    )
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["GATEWAY_PORT"] == "4567"
    assert environment["IOT_MTLS_ENABLED"] == "0"
    assert environment["DOCKER_HOST"].startswith("unix:///d/")


@pytest.mark.parametrize(("enforce", "expected"), [(True, "true"), (False, "false")])
def test_policies_are_enforced_as_asked(enforce: bool, expected: str) -> None:  # noqa: FBT001 - parametrised
    environment = engine_environment(
        Path("/d"), port=4567, access_key=RECORD.access_key, enforce_policies=enforce, inherited={}
    )
    assert environment["AUTH"] == expected


def test_the_engine_finds_packages_of_the_users_site_although_its_home_is_another() -> None:
    environment = engine_environment(
        Path("/d"), port=4567, access_key=RECORD.access_key, enforce_policies=True, inherited={}
    )
    if site.ENABLE_USER_SITE:
        assert environment["PYTHONUSERBASE"] == site.getuserbase()
    else:
        assert environment["PYTHONNOUSERSITE"] == "1"


def test_a_shell_that_evaluates_the_lines_talks_to_the_engine_and_to_nothing_else() -> None:
    seen = environment_after("sh", export_lines(RECORD, "sh", USERS), USERS)
    assert {name: seen[name] for name in seen if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4567",
        "AWS_ACCESS_KEY_ID": "LOCAL0123456789ABCDEF",
        "AWS_SECRET_ACCESS_KEY": "of-this-run",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    assert seen["NO_PROXY"] == seen["no_proxy"] == "intranet.example,127.0.0.1"
    assert seen["HTTPS_PROXY"] == USERS["HTTPS_PROXY"]


def test_the_lines_are_fine_where_nothing_was_set_and_unset_variables_are_errors() -> None:
    seen = environment_after("sh", ["set -eu", *export_lines(RECORD, "sh", {})], {"PATH": os.defpath})
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_evaluates_its_lines_too() -> None:
    seen = environment_after("fish", export_lines(RECORD, "fish", USERS), USERS)
    assert "AWS_PROFILE" not in seen
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"


@pytest.mark.parametrize("hosts", ["a b;echo $HOME", "it's", 'say "hi"', "back\\slash", "`id`"])
def test_values_are_quoted_for_the_shell(hosts: str) -> None:
    users = {"PATH": os.defpath, "NO_PROXY": hosts}
    assert environment_after("sh", export_lines(RECORD, "sh", users), users)["NO_PROXY"] == f"{hosts},127.0.0.1"


def test_values_are_quoted_for_fish() -> None:
    lines = export_lines(RECORD, "fish", {"NO_PROXY": "it's\\"})
    assert r"set --global --export NO_PROXY 'it\'s\\,127.0.0.1';" in lines


def test_names_that_no_shell_could_unset_are_left_alone() -> None:
    assert variables_to_clear({"AWS_ENDPOINT_URL_$(id)": "x"}) == variables_to_clear({})


def test_another_shell_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(UsageError, match="'tcsh'") as caught:
        export_lines(RECORD, "tcsh", {})
    assert "bash" in caught.value.hint
    assert "fish" in caught.value.hint


@pytest.mark.parametrize("hosts", ["*", "127.0.0.1", "a.example, 127.0.0.1"])
def test_a_list_that_exempts_the_engine_already_stays_as_it_is(hosts: str) -> None:
    assert client_environment(RECORD, {"no_proxy": hosts})["NO_PROXY"] == hosts


def test_boto3_takes_the_engine_whatever_the_user_has_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[default]\nregion = eu-west-1\nignore_configured_endpoint_urls = true\n"
        "[profile production]\nregion = eu-west-2\n"
    )
    for name, value in {**USERS, "AWS_CONFIG_FILE": str(config)}.items():
        monkeypatch.setenv(name, value)
    for name in variables_to_clear():
        monkeypatch.delenv(name, raising=False)
    for name, value in client_environment(RECORD).items():
        monkeypatch.setenv(name, value)
    session = boto3.Session()
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == RECORD.access_key.id
    assert credentials.token is None
    clients = (session.client("s3"), session.client("dynamodb"))
    assert {client.meta.endpoint_url for client in clients} == {"http://127.0.0.1:4567"}
    assert {client.meta.region_name for client in clients} == {"us-east-1"}
