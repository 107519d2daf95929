"""Reads whether a deployed function can still decrypt its environment; see `provision.grants`."""

from __future__ import annotations

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.aws.waiting import MISSING
from countagg.provision.grants import RoleIdentity, is_grant_lost


def grant_problem(clients: Clients, function: str) -> str | None:
    """Return why a function cannot decrypt its environment; None if it can, or if there is no such function.

    Raises:
        AccessDenied: without `lambda:GetFunctionConfiguration`, or `iam:GetRole` on its role.
    """
    with aws_errors(f"role of {function}"):
        try:
            found = clients.lambda_.get_function_configuration(FunctionName=function)
        except ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise
        name = found["Role"].rpartition("/")[2]
        try:
            role = clients.iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if code_of(error) in MISSING:
                return f"its role {name} does not exist"
            raise
    identity = RoleIdentity(role["RoleId"], role["CreateDate"].isoformat())
    if is_grant_lost(found.get("Environment", {}).get("Variables", {}), found.get("LastModified", ""), identity):
        return f"its role {name} was deleted and made again: KMS denies it the function's environment"
    return None
