"""What a message tells to do next works as it stands: its commands are about the same stack in the same place."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine


def session_of(*, stack: str = "countagg", local: bool = False, profile: str | None = None) -> Session:
    options = replace(DEFAULTS, stack=stack, local=local, profile=profile)
    return Session(options, Preferences({}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`countagg status`", "`countagg --local --stack other status`"),
        (
            "see `countagg status` or `countagg plan`",
            "see `countagg --local --stack other status` or `countagg --local --stack other plan`",
        ),
        ("`countagg local status`", "`countagg local status`"),
        ("`countagg --stack third plan`", "`countagg --stack third plan`"),
        ("`aws sso login`, `countagg`", "`aws sso login`, `countagg`"),
        ("see `aws s3 ls`", 'see `eval "$(countagg local env)"; aws s3 ls`'),
        ("`aws configure list-profiles`", "`aws configure list-profiles`"),
        ("countagg status, without marks", "countagg status, without marks"),
        ("", ""),
    ],
)
def test_commands_in_a_text_get_stack_and_place(text: str, expected: str) -> None:
    session = session_of(stack="other", local=True)

    assert session.in_place(text) == expected
    assert session.in_place(expected) == expected


def test_commands_of_the_aws_cli_in_a_text_get_profile_and_endpoint() -> None:
    options = replace(DEFAULTS, profile="ops", region="eu-west-1", endpoint_url="http://127.0.0.1:4566")
    session = Session(options, Preferences({}))

    found = session.in_place("sign in with `aws login` or `aws sso login`; see `aws s3 ls s3://b/`")

    assert found == (
        "sign in with `aws --profile ops login` or `aws --profile ops sso login`; "
        "see `aws --profile ops --region eu-west-1 --endpoint-url http://127.0.0.1:4566 s3 ls s3://b/`"
    )
    assert session.in_place(found) == found


def test_what_a_shell_would_take_apart_is_quoted() -> None:
    found = session_of(profile="my profile").in_place("`countagg plan`")

    assert shlex.split(found.strip("`")) == ["countagg", "--profile", "my profile", "plan"]


@pytest.mark.parametrize("stack", ["other", "third"])
@pytest.mark.parametrize("way", ["before", "after", "variable"])
@pytest.mark.usefixtures("account")
def test_an_error_names_commands_for_the_stack_it_is_about(
    way: str, stack: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "variable":
        monkeypatch.setenv("COUNTAGG_STACK", stack)
        ran = countagg("status")
    else:
        said = ("--stack", stack)
        ran = countagg(*said, "status") if way == "before" else countagg("status", *said)

    assert ran.code == 5
    assert ran.err.endswith(f"check --stack, --region and --profile, or run `countagg --stack {stack} setup`\n")


def test_a_hint_on_the_usual_stack_stays_short(account: None, countagg: CommandLine) -> None:  # noqa: ARG001
    assert countagg("status").err.endswith("or run `countagg setup`\n")
