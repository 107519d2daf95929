"""The embedded engine of a test run, and a stack on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from countagg.core.names import Names
from countagg.data.limits import LimitsTable
from countagg.local import EngineRecord, LocalEngine
from tests.embedded.world import CommandLine, DeployedStack, engine_clients


@pytest.fixture(scope="session")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="session")
def engine(command_line: CommandLine) -> Iterator[EngineRecord]:
    manager = LocalEngine(command_line.state_home / "countagg" / "local")
    yield manager.start(enforce_policies=True)
    manager.stop()


@pytest.fixture(scope="session")
def stack(engine: EngineRecord, command_line: CommandLine) -> DeployedStack:
    """Return a stack that is set up once for all tests; each works on days of its own."""
    # Far enough back for a day a test.
    command_line(
        "setup", "--bucket", "counters-shared", "--create-bucket", "--retention", "snapshots=400", "--yes"
    )
    return DeployedStack("countagg", "counters-shared", command_line, engine_clients(engine))


@pytest.fixture
def without_limits(stack: DeployedStack) -> Iterator[None]:
    """Leave the stack without limits, as it was found."""
    yield
    limits = LimitsTable(stack.clients, Names(stack.name).counters)
    for each in limits.read():
        limits.delete(each.counter)
