"""Questions that only somebody at a terminal can answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from getpass import GetPassWarning, getpass

from countagg.core.errors import ConnectionProblem


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
