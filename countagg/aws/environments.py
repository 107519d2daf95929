"""What a deployed stack's functions say of it in their environments, which is where its settings are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from countagg.aws.errors import aws_errors, suppress_missing
from countagg.core.names import Names
from countagg.core.settings import FunctionSettings

if TYPE_CHECKING:
    from countagg.aws.session import Clients


def read_environment(clients: Clients, stack: str) -> dict[str, str]:
    """Read the environment of a stack's functions, which all have the same; empty if there is none of them.

    What one of them lacks, another tells: a hand may have emptied one, a killed setup or teardown left only some.
    """
    names = Names(stack)
    variables: dict[str, str] = {}
    for function in (names.publisher, names.aggregator, names.processor):
        variables |= _environment_of(clients, function) or {}
    return variables


def _environment_of(clients: Clients, function: str) -> dict[str, str] | None:
    with aws_errors("settings of the stack"), suppress_missing():
        answer = clients.lambda_.get_function_configuration(FunctionName=function)
        return answer.get("Environment", {}).get("Variables", {})
    return None


def read_settings(clients: Clients, stack: str) -> FunctionSettings | None:
    """Read a stack's settings back from its processor; None if there is no such function."""
    environment = _environment_of(clients, Names(stack).processor)
    return None if environment is None else FunctionSettings.from_environment(environment)
