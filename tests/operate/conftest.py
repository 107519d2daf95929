"""An account on moto for the use cases, with clients that are recorded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from countagg.aws.session import Caller, Clients
from countagg.aws.waiting import Patience
from countagg.operate.stack.deployment import Deployment
from tests.aws.world import ENVIRONMENT, PLACE, Calls, account, make_clients

CALLER = Caller("arn:aws:iam::123456789012:root", PLACE, "https://e")


@pytest.fixture(scope="package")
def recorded() -> tuple[Clients, Calls]:
    """Give clients that all tests share, because making them takes longer than most tests."""
    calls = Calls()
    return make_clients(calls), calls


@pytest.fixture
def calls(recorded: tuple[Clients, Calls], monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Give what the clients did, in an empty account."""
    for name, value in ENVIRONMENT.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    recorded[1].reset()
    with account():
        yield recorded[1]


@pytest.fixture
def clients(recorded: tuple[Clients, Calls], calls: Calls) -> Clients:
    """Give the clients."""
    assert calls is recorded[1]
    return recorded[0]


def refuse_to_wait(what: str) -> None:
    pytest.fail(f"waited for {what}")


@pytest.fixture
def deployment(clients: Clients) -> Deployment:
    """Give a deployment that must not have to wait."""
    return Deployment(clients, CALLER, Patience(refuse_to_wait))
