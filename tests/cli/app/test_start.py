"""What is loaded before a command runs: little, so that help and completion are quick."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from tests.cli.running import process_environment

TYPER: Final = "import typer.main, typer.core, typer.rich_utils"
"""Loads what typer loads for any help."""
SLOW: Final = {"boto3", "botocore.client", "botocore.session", "plotille"}
"""What no help needs."""
OURS: Final = {"countagg.aws", "countagg.local", "countagg.operate", "countagg.provision.choices"}
"""What the list of the commands does not need either."""


def modules(code: str) -> set[str]:
    """Return the modules that are loaded when the code has run."""
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    ran = subprocess.run(
        (sys.executable, "-c", script), env=process_environment(), capture_output=True, text=True, check=True
    )
    return set(ran.stderr.split())


def run(*arguments: str) -> str:
    return f"from countagg.cli.main import main\nassert main({list(arguments)!r}) == 0"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_list_of_commands_loads_no_command_and_little_but_typer(arguments: list[str]) -> None:
    loaded = modules(run(*arguments)) - modules(TYPER)

    assert not {name for name in loaded if name.endswith(("_command", "_commands", "_view"))}
    assert (
        not {name.partition(".")[0] for name in loaded}
        - set(sys.stdlib_module_names)
        - {"countagg", "rich", "typer"}
    )
    assert not loaded & (SLOW | OURS)


@pytest.mark.parametrize(
    "command", ["setup", "query", "status", "doctor", "loadtest", "selftest", "logs", "limits set"]
)
def test_the_help_of_a_command_loads_nothing_that_is_slow(command: str) -> None:
    assert not modules(run(*command.split(), "--help")) & SLOW


def test_what_plans_loads_nothing_that_reads_days() -> None:
    loaded = modules("import countagg.operate.stack.deployment, countagg.cli.stack.plan_view")

    assert not loaded & {"countagg.aws.pipeline", "countagg.core.ledger", "countagg.data.ledgers", "simplejson"}


def test_a_command_is_loaded_without_the_others() -> None:
    loaded = modules(run("query", "--help"))

    assert {name for name in loaded if name.endswith(("_command", "_commands"))} == {
        "countagg.cli.totals.query_command"
    }
