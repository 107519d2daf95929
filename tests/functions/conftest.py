"""Fixtures of the functions' tests: no network, not even this machine, and a world on moto."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from moto import mock_aws

from countagg.functions import aggregator, processor, publisher
from tests.functions.world import NetworkReached, World, make_world


@pytest.fixture(autouse=True)
def _no_network_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and look-up: moto answers within the process."""

    def refuse(*arguments: object, **_: object) -> None:
        raise NetworkReached(arguments)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose settings are in the environment, and execution environments that have just begun."""
    for name, value in world.settings.to_environment().items():
        monkeypatch.setenv(name, value)
    made_once = (processor._processor, aggregator._aggregator, publisher._publisher)  # noqa: SLF001 - to begin anew
    for made in made_once:
        made.cache_clear()
    yield world
    for made in made_once:
        made.cache_clear()


@pytest.fixture
def world() -> Iterator[World]:
    """Tables, bucket and queue of one stack, empty."""
    with mock_aws():
        yield make_world()
