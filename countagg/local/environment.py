"""Environments: the one the engine runs in, and the one that points AWS clients at it.

Both exist to keep the two worlds apart. Nothing of the user's AWS settings reaches the engine and the functions it
runs, and nothing that is pointed at the engine falls back to the user's real account.
"""

from __future__ import annotations

import os
import re
import shlex
import site
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from countagg.core.errors import UsageError
from countagg.local.mappings import WINDOWS
from countagg.local.state import AccessKey, EngineRecord

REGION: Final = "us-east-1"

# LD_LIBRARY_PATH: Pythons with a shared library of their own (conda, hosted CI runners) do not start without it.
_PASSED_ON: Final = frozenset({"PATH", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", WINDOWS})

# AWS_ENDPOINT_URL_<SERVICE> goes before AWS_ENDPOINT_URL; see variables_to_clear.
_SERVICE_ENDPOINT: Final = re.compile(r"AWS_ENDPOINT_URL_[A-Z0-9_]+")
_CLEARED: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)

_SH_FAMILY: Final = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})


def engine_environment(
    data: Path, *, port: int, access_key: AccessKey, enforce_policies: bool, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of the engine; its functions inherit it.

    Args:
        data: the engine's data folder, see `StateFolder.fresh_data`.
        port: where it shall listen on 127.0.0.1.
        access_key: of its owner.
        enforce_policies: whether IAM policies are enforced.
        inherited: the environment of this process, of which only a few harmless variables are taken.
    """
    passed_on = {name: value for name, value in inherited.items() if name in _PASSED_ON or name.startswith("LC_")}
    return {
        **passed_on,
        **_places(data),
        **_where_python_packages_are(),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ACCESS_KEY_ID": access_key.id,
        "AWS_SECRET_ACCESS_KEY": access_key.secret,
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "AUTH": "true" if enforce_policies else "false",
        # At INFO it writes several lines an event, which takes a sixth of its time.
        "LOG_LEVEL": "WARNING",
        # On by default, and bound to every interface whatever BIND_HOST says.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # With Docker in reach it removes containers of other ministacks at its start and its end.
        "DOCKER_HOST": f"unix://{data / 'no-docker.sock'}",
        "AWS_EC2_METADATA_DISABLED": "true",
        # As in AWS Lambda.
        "TZ": "UTC",
    }


def client_environment(record: EngineRecord, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that point AWS clients (SDKs, `aws`, countagg) at the engine.

    They are complete only together with the removal of `variables_to_clear`.

    Args:
        record: the engine.
        environ: the caller's environment; its list of hosts without proxy is kept and extended.
    """
    without_proxy = _without_proxy(environ)
    return {
        "AWS_ENDPOINT_URL": record.endpoint_url,
        "AWS_ACCESS_KEY_ID": record.access_key.id,
        "AWS_SECRET_ACCESS_KEY": record.access_key.secret,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Set to true, here or in a profile, it would send calls to AWS itself.
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        # No profile is left to ask for by name either.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": without_proxy,
        "no_proxy": without_proxy,
    }


def variables_to_clear(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the names of variables that must be unset, because they lead clients past the engine."""
    endpoints = sorted(name for name in environ if _SERVICE_ENDPOINT.fullmatch(name))
    return (*_CLEARED, *endpoints)


def export_lines(record: EngineRecord, shell: str = "sh", environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the commands for `eval "$(countagg local env)"`.

    Args:
        record: the engine.
        shell: `sh` or one of its family (ash, bash, dash, ksh, zsh), or `fish`.
        environ: the caller's environment.

    Raises:
        UsageError: another shell.
    """
    cleared = variables_to_clear(environ)
    exported = client_environment(record, environ).items()
    if shell in _SH_FAMILY:
        return [f"unset {' '.join(cleared)}", *(f"export {name}={shlex.quote(v)}" for name, v in exported)]
    if shell == "fish":
        return [
            f"set --erase {' '.join(cleared)};",
            *(f"set --global --export {name} {_fish_quote(value)};" for name, value in exported),
        ]
    raise UsageError(
        f"{shell!r} is not a shell that countagg can write for",
        where="--shell, SHELL",
        hint=f"use one of {', '.join(sorted(_SH_FAMILY | {'fish'}))}",
    )


def _places(data: Path) -> dict[str, str]:
    return {
        "HOME": str(data / "home"),
        "TMPDIR": str(data / "tmp"),
        "STATE_DIR": str(data / "state"),
        "S3_DATA_DIR": str(data / "s3"),
        "AWS_CONFIG_FILE": str(data / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(data / "no-aws-credentials"),
    }


def _where_python_packages_are() -> dict[str, str]:
    # Packages of `pip install --user` are found through HOME, which is another one for the engine.
    if site.ENABLE_USER_SITE:
        return {"PYTHONUSERBASE": site.getuserbase()}
    return {"PYTHONNOUSERSITE": "1"}


def _without_proxy(environ: Mapping[str, str]) -> str:
    # Where both spellings are set, clients read the small one.
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in listed.split(",") if host.strip()]
    if "*" in hosts or "127.0.0.1" in hosts:
        return listed
    return ",".join([*hosts, "127.0.0.1"])


def _fish_quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
