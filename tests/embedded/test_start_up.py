"""What a command of a script loads: no more than it needs, whatever the machine's speed."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from tests.embedded.world import DeployedStack

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

NEVER: Final = {"boto3", "s3transfer", "pydantic", "rich", "plotille"}
"""What takes long to load, and draws, parses or transfers what these commands do not."""
_CODE: Final = """
import sys
import botocore.client
made, create = [], botocore.client.ClientCreator.create_client
def noted(creator, service_name, *arguments, **settings):
    made.append(service_name)
    return create(creator, service_name, *arguments, **settings)
botocore.client.ClientCreator.create_client = noted
from countagg.cli.main import main
code = main(sys.argv[1:])
packages = {name.partition(".")[0] for name in sys.modules}
print(*sorted(made), "|", *sorted(packages), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def day(stack: DeployedStack) -> str:
    """Return a day with totals; without, a query looks for files on their way."""
    day = stack.new_day()
    stack.put(day, "i-1", "COUNTER1 1\n")
    stack.wait_for_totals(day, {"COUNTER1": 1.0})
    return day


@pytest.mark.parametrize(
    ("command", "clients"),
    [
        ("query --date DAY", "dynamodb lambda"),
        ("query --since 2d", "dynamodb lambda"),
        ("status", "cloudwatch dynamodb iam lambda s3 sns sqs"),
        ("plan", "cloudwatch dynamodb iam lambda logs s3 sns sqs sts"),
    ],
)
def test_json_takes_the_clients_that_are_used_and_nothing_that_draws(
    command: str, clients: str, stack: DeployedStack, day: str
) -> None:
    ran = subprocess.run(
        (sys.executable, "-c", _CODE, *command.replace("DAY", day).split(), "--output", "json", "--quiet"),
        env=stack.countagg.environment(),
        cwd=stack.countagg.state_home,
        capture_output=True,
        text=True,
        check=True,
    )

    made, _, packages = ran.stderr.partition(" | ")
    assert made == clients
    assert "botocore" in packages.split()
    assert not NEVER & set(packages.split())
