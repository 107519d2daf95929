"""The user's AWS configuration as sessions: read as the AWS command line reads it, or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from getpass import GetPassWarning, getpass
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.errors import aws_errors
from countagg.core.errors import ConnectionProblem

if TYPE_CHECKING:
    from ssl import SSLContext

    from botocore.credentials import Credentials
    from botocore.hooks import BaseEventHooks
    from botocore.session import Session

_AWS_FILES: Final = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}


def ask_secretly(prompt: str, ask: Callable[[str], str] = getpass) -> str:
    """Ask on the terminal, without showing what is typed.

    Args:
        prompt: botocore's, which names the MFA device.
        ask: reads a line; warns or raises EOFError where there is no terminal.

    Raises:
        ConnectionProblem: there is no terminal, or nothing was typed.
    """
    with warnings.catch_warnings():
        # It warns before it falls back to the standard input, which may be anything.
        warnings.simplefilter("error", GetPassWarning)
        try:
            answer = ask(prompt)
        except (GetPassWarning, EOFError) as error:
            raise ConnectionProblem(
                f"there is no terminal to ask on: {prompt.strip().rstrip(':')}",
                where="mfa_serial of the profile",
                hint="run it on a terminal, or sign in beforehand and hand on AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
            ) from error
    if not answer.strip():
        raise ConnectionProblem("no MFA code was typed", where="mfa_serial of the profile", hint="run it again")
    return answer.strip()


class AwsSession:
    """What countagg asks of a session of botocore.

    A session of boto3 would answer the same, and would bring what makes resources and what transfers large files:
    0.07 s of CPU of the 0.4 s that a query takes.

    Args:
        core: it reads the configuration, and makes the clients.
        proxies: of its clients; None for those that the environment names, by what a client calls.
    """

    def __init__(self, core: Session, proxies: Mapping[str, str] | None = None) -> None:
        self.core = core
        self.proxies = proxies
        self._tls: SSLContext | None = None

    @property
    def events(self) -> BaseEventHooks:
        """What its clients tell of their calls."""
        emitter: BaseEventHooks = self.core.get_component("event_emitter")
        return emitter

    @property
    def region_name(self) -> str | None:
        """The region; None if there is none."""
        region: str | None = self.core.get_config_variable("region")
        return region

    def client(self, service: str, **settings: Any) -> Any:  # noqa: ANN401 - of that service
        """Make a client, with settings as botocore's `create_client` takes them."""
        from countagg.aws.tls import new_context, use_context  # noqa: PLC0415 - slow, and no help needs it

        client = self.core.create_client(service, **settings)
        self._tls = self._tls or new_context()
        use_context(client, self._tls)
        return client

    def get_credentials(self) -> Credentials | None:
        """Return the credentials; None if there are none."""
        return self.core.get_credentials()

    def get_partition_for_region(self, region: str) -> str:
        """Return the partition that a region is in.

        Raises:
            UnknownRegionError: in none.
        """
        return self.core.get_partition_for_region(region)


def configured_session(
    profile: str | None, region: str | None, ask: Callable[[str], str] = ask_secretly
) -> AwsSession:
    """Return a session of the user's AWS configuration.

    Args:
        profile: of the shared configuration; None for the default.
        region: None for the configured one.
        ask: called with a prompt for the code of an MFA device, where a profile wants one.

    Raises:
        ConnectionProblem: the configuration cannot be read, or has no such profile.
    """
    from urllib.request import getproxies  # noqa: PLC0415 - slow, and no help needs it

    from countagg.aws.service_models import new_session  # noqa: PLC0415 - the same

    # The AWS command line takes AWS_REGION before all but --region; botocore knows AWS_DEFAULT_REGION alone.
    region = region or os.environ.get("AWS_REGION") or None
    core = new_session()
    with aws_errors("AWS configuration"):
        _check_readable()
        for name, value in {"profile": profile, "region": region}.items():
            if value is not None:
                core.set_config_variable(name, value)
        # botocore's own question waits for ever, or reads what was meant for a command, where nobody is asked.
        taker_of_roles: Any = core.get_component("credential_provider").get_provider("assume-role")
        taker_of_roles._prompter = ask  # noqa: SLF001 - botocore lets nobody hand it in
        # Where the environment names none, each client would go through all its variables to find that out.
        return AwsSession(core, None if getproxies() else {})


def _check_readable() -> None:
    """Refuse files of the AWS configuration that botocore would pass over without a word.

    Raises:
        ConnectionProblem: a file is there, and cannot be read.
    """
    for variable, usual in _AWS_FILES.items():
        # Not by pathlib, which raises in a home that may not be entered.
        path = os.path.expanduser(os.environ.get(variable) or usual)  # noqa: PTH111 - the same
        is_folder = os.path.isdir(path)  # noqa: PTH112 - the same
        if is_folder or (os.path.exists(path) and not os.access(path, os.R_OK)):  # noqa: PTH110 - the same
            what = "is a folder" if is_folder else "may not be read"
            hint = f"mend it, or name another by {variable}"
            raise ConnectionProblem(f"the AWS configuration file {what}", where=path, hint=hint)


def isolated_session(credentials: tuple[str, str], region: str | None) -> AwsSession:
    """Return a session that sees nothing of the user's AWS configuration: no profile, no file, no variable."""
    from countagg.aws.service_models import new_session  # noqa: PLC0415 - slow, and no help needs it

    key, secret = credentials
    nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    bare = new_session({"profile": (None, None, None, None), **nothing})
    bare.set_credentials(key, secret)
    if region is not None:
        bare.set_config_variable("region", region)
    # No proxy stands between us and an engine on this machine.
    return AwsSession(bare, {})
