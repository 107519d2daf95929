"""The engine's process: ministack behind the gate, on 127.0.0.1. Started by `LocalEngine` alone.

Its environment is `engine_environment`. ministack's own entry point serves it without the gate.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import resource
from collections.abc import Callable, Mapping
from typing import Any, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import sts

from countagg.local.gate import OWN_HOST, Gate
from countagg.local.mappings import poll_streams_apart


def secrets_of_engine(own_key: str, own_secret: str) -> Callable[[str], str | None]:
    """Return what tells the secret of an access key: the run's own, and those that were made in the engine.

    ministack takes `test`, an account's id and nothing at all for root; here they are no keys.
    """

    def secret_of(key: str) -> str | None:
        if key == own_key:
            return own_secret
        if iam_evaluator.is_root_access_key(key):
            return None
        credential = iam_evaluator.resolve_credential(key, iam_evaluator.find_iam_access_key_account(key))
        secret = getattr(credential, "secret_access_key", None)
        return secret if isinstance(secret, str) else None

    return secret_of


def give_functions_secrets(own_key: str, own_secret: str) -> None:
    """Have functions sign with keys that nobody can work out; ministack derives theirs from the functions' names.

    With policies enforced they are of a session of the function's role, and the run's own otherwise.
    """

    def credentials(config: Mapping[str, Any]) -> dict[str, str]:
        if not ministack.AUTH:
            return _variables(own_key, own_secret, "")
        function, role = str(config["FunctionArn"]), str(config.get("Role", ""))

        def derived(purpose: str) -> str:
            return hmac.new(
                own_secret.encode(), f"{purpose} {function} {role}".encode(), hashlib.sha256
            ).hexdigest()

        key, secret, token = f"ASIA{derived('key')[:16].upper()}", derived("secret"), derived("token")
        account, name = function.split(":")[4], str(config["FunctionName"])[:64]
        role_name = role.rpartition("/")[2]
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            "UserId": f"{role_name}:{name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        }
        sts.register_session(key, session)
        return _variables(key, secret, token)

    lambda_runtime.execution_credentials = credentials


def _variables(key: str, secret: str, token: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def _serve() -> None:
    own_key, own_secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    # Before the first request, which imports the module that takes this by name.
    give_functions_secrets(own_key, own_secret)
    poll_streams_apart()

    # A burst of connections takes more files than the usual limit.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    config = Config()
    config.bind = [f"{OWN_HOST}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.loglevel = os.environ["LOG_LEVEL"]
    gate = Gate(ministack.app, secrets_of_engine(own_key, own_secret))
    asyncio.run(serve(cast("Any", gate), config))


if __name__ == "__main__":
    _serve()
