"""Reads whether a deployed function can still decrypt its environment; see `provision.grants`."""

from __future__ import annotations

from countagg.aws.errors import aws_errors, suppress_missing
from countagg.aws.session import Clients
from countagg.provision.grants import RoleIdentity, is_grant_lost


def grant_problem(clients: Clients, function: str) -> str | None:
    """Return why a function cannot decrypt its environment; None if it can, or if there is no such function.

    Raises:
        AccessDenied: without `lambda:GetFunctionConfiguration`, or `iam:GetRole` on its role.
    """
    configuration, role = None, None
    with aws_errors(f"role of {function}"), suppress_missing():
        configuration = clients.lambda_.get_function_configuration(FunctionName=function)
        name = configuration["Role"].rpartition("/")[2]
        role = clients.iam.get_role(RoleName=name)["Role"]
    if configuration is None:
        return None
    if role is None:
        return f"its role {name} does not exist"
    identity = RoleIdentity(role["RoleId"], role["CreateDate"].isoformat())
    if is_grant_lost(
        configuration.get("Environment", {}).get("Variables", {}), configuration.get("LastModified", ""), identity
    ):
        return f"its role {name} was deleted and made again: KMS denies it the function's environment"
    return None
