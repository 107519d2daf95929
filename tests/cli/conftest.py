"""The command line in folders of its own, and one stack for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import botocore.handlers
import pytest

from countagg.aws.session import Clients, ConnectionOptions
from tests.aws.kept_accounts import once
from tests.aws.moto_gaps import MotoGaps
from tests.aws.world import Calls
from tests.cli.account import moto_account, set_up
from tests.cli.running import CommandLine


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no settings of the user's, and nothing of the terminal the tests run in, take part."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def countagg(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Run `countagg` with the given arguments."""
    return CommandLine(capsys)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Record the calls of every client that is made from now on, whoever makes it."""
    calls = Calls()
    handlers = [("before-call", calls.before), ("after-call", calls.after)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, *handlers])
    return calls


@pytest.fixture
def complete_account(account: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it must be there
    """Give an account that holds what moto forgets, for stacks with every option."""
    initialise = Clients.__init__

    def completed(clients: Clients, options: ConnectionOptions) -> None:
        initialise(clients, options)
        MotoGaps(clients.session)

    monkeypatch.setattr(Clients, "__init__", completed)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[None]:
    """Give an account with a bucket and nothing else."""
    with moto_account(tmp_path):
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give an account with the stack `countagg`, which the tests of a module share."""
    with moto_account(tmp_path_factory.mktemp("account")):
        once("stack of the command line", set_up)
        yield


@pytest.fixture
def paused_processor(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Let messages stay in the uploads queue."""
    client = boto3.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName="countagg-processor")["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@pytest.fixture
def signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the credentials away."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
