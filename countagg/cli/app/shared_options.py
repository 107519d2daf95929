"""Options that commands of several rooms take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from countagg.cli.app import completion
from countagg.core.days import DAYS_SAID, resolve_day
from countagg.core.errors import UsageError

DIFFERENT: Final = 7
"""The exit code of a command that found totals other than the files say."""


def _check_day(context: typer.Context, parameter: typer.CallbackParam, text: str | None) -> str | None:
    """Refuse what is no day before anything is asked of AWS, by the name of its option.

    Raises:
        UsageError: it is none.
    """
    if text is not None and not context.resilient_parsing:
        try:
            resolve_day(text, datetime.now(UTC))
        except UsageError as error:
            raise UsageError(error.what, where=parameter.opts[0], hint=error.hint) from error
    return text


def day_option(name: str, told: str, *, default: bool | str = True) -> Any:  # noqa: ANN401 - as typer has it
    """Return an option that takes a day.

    Args:
        name: of the option.
        told: its help.
        default: what the help says of it, instead of what the function says.
    """
    return typer.Option(name, help=told, autocompletion=completion.days, callback=_check_day, show_default=default)


_DATE: Final = day_option("--date", f"{DAYS_SAID}.")
DateOption = Annotated[str, _DATE]
AnyDateOption = Annotated[str | None, _DATE]
MAX_COST: Final = 1.0
"""USD that a command may cost, if the operator says nothing else."""
MaxCostOption = Annotated[float, typer.Option(min=0, metavar="USD", help="Refuse what may cost more.")]
SettleOption = Annotated[
    float, typer.Option(min=0, help="Seconds after which what is still on its way counts as wrong.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
ExpectAccountOption = Annotated[
    str | None, typer.Option("--expect-account", help="Refuse to work on another account.")
]
