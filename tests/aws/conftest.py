"""Fixtures of the tests on moto: fake credentials, no network, an account."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from countagg.aws.session import Clients
from tests.aws.world import ENVIRONMENT, Calls, NetworkReached, World, account, make_clients


@pytest.fixture(autouse=True)
def _no_credentials_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)

    def refuse(*arguments: object, **_: object) -> None:
        raise NetworkReached(arguments)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def recorded() -> tuple[Clients, Calls]:
    """Give clients that all tests share, because making them takes longer than most tests."""
    calls = Calls()
    return make_clients(calls), calls


@pytest.fixture
def world(recorded: tuple[Clients, Calls]) -> Iterator[World]:
    """Give an empty account."""
    clients, calls = recorded
    calls.reset()
    with account():
        yield World(clients, calls)


@pytest.fixture
def deployed(world: World, request: pytest.FixtureRequest) -> World:
    """Give an account with a stack in it, or with those parts of it that the test's module names in PARTS."""
    world.focus(*getattr(request.module, "PARTS", ()))
    world.set_up()
    return world
