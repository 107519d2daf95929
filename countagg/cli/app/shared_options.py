"""Options that commands of several rooms take."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from countagg.cli.app import completion
from countagg.core.days import DAYS_SAID

DIFFERENT: Final = 7
"""The exit code of a command that found totals other than the files say."""

_DATE: Final = typer.Option("--date", help=f"{DAYS_SAID}.", autocompletion=completion.days)
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
