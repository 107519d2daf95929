"""A plan that is carried out later, or elsewhere: what was shown, and nothing if anything has moved since.

Its document is that of `plan`, and beside it what has to be the same again: stack, account and region, countagg
and the functions' zip, and the choices that the plan was made with.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from countagg.core.errors import ConnectionProblem, PlanOutdated, UsageError, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.stack.deployment import Plan
from countagg.operate.stack.plan_document import change_documents, plan_document
from countagg.operate.stack.plan_movements import PlannedStep, find_moved
from countagg.provision.choices import Chosen
from countagg.provision.differences import FieldChange
from countagg.provision.place import Place
from countagg.provision.reconcile import Action, Change
from countagg.provision.settings import CHOICES
from countagg.redaction import redact

SCHEMA: Final = 1
_MADE_WITH: Final = "made_with"
_NO_PLAN: Final = "name a file that `countagg plan --save` wrote"
PLAN_ANEW: Final = "look at a new plan: `countagg plan --save FILE`; nothing was touched"


@dataclass(frozen=True, slots=True)
class MadeWith:
    """What a plan was made with.

    Attributes:
        countagg: its version.
        zip: hash of the functions' zip, as Lambda tells it.
        choices: all that was said about the stack, by name.
        choices_without_options: what variables and settings files said of it.
    """

    countagg: str
    zip: str
    choices: Mapping[str, Any]
    choices_without_options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan out of a file.

    Attributes:
        stack: its name.
        account: 12 digits.
        region: such as `eu-central-1`.
        steps: in their order.
        made_with: what it was made with.
    """

    stack: str
    account: str
    region: str
    steps: tuple[PlannedStep, ...]
    made_with: MadeWith

    @property
    def chosen(self) -> Chosen:
        """The choices that it was made with."""
        return Chosen(self.stack, **self.made_with.choices)

    def require_place(self, stack: str, place: Place) -> None:
        """Refuse to carry it out on another stack or in another place.

        Raises:
            UsageError: it is of another stack.
            ConnectionProblem: it is of another account or region.
        """
        if stack != self.stack:
            raise UsageError(
                f"the plan is for the stack {shorten(self.stack)}, not for {stack!r}",
                where="--plan",
                hint=f"give --stack {shlex.quote(self.stack)}",
            )
        for what, planned, here, option in (
            ("account", self.account, place.account, "--profile"),
            ("region", self.region, place.region, "--region"),
        ):
            if planned != here:
                raise ConnectionProblem(
                    f"the plan is for the {what} {shorten(planned)}, and this is {here}",
                    where="--plan",
                    hint=f"check {option}; nothing was touched",
                )

    def require_zip(self, zip_hash: str) -> None:
        """Refuse to carry it out with other functions.

        Raises:
            PlanOutdated: they are others.
        """
        if self.made_with.zip != zip_hash:
            what = "the functions' zip is another one: here are other libraries than where the plan was made"
            raise PlanOutdated(what, where="--plan", hint=PLAN_ANEW)

    def require_choices(self, said: Callable[[str], Any], origin: Callable[[str], str]) -> None:
        """Refuse to carry it out where somebody has chosen otherwise since.

        Args:
            said: returns what variables and settings files say of a choice now, None for nothing.
            origin: returns who says it.

        Raises:
            PlanOutdated: it names who says what.
        """
        made = self.made_with
        for name in CHOICES:
            now, planned = said(name), made.choices.get(name)
            if now not in (None, {}, planned, made.choices_without_options.get(name)):
                what = f"it says {name} = {now!r} now, and the plan was made with {planned!r}"
                raise PlanOutdated(what, where=origin(name), hint=PLAN_ANEW)

    def require_unmoved(self, changes: Sequence[Change]) -> None:
        """Refuse to carry it out where a resource is neither as it was then nor as the plan would leave it.

        So a run that was killed goes on, and one after it has nothing to do.

        Args:
            changes: that would bring about now what was planned.

        Raises:
            PlanOutdated: it says what has moved.
        """
        moved = list(find_moved(self.steps, _steps(_as_written(change_documents(changes)))))
        if moved:
            (resource, told), others = moved[0], len(moved) - 1
            more = f" (and {others} more that moved)" if others else ""
            raise PlanOutdated(f"{told}{more}", where=resource, hint=PLAN_ANEW)


def saved_document(planned: Plan, place: Place, made_with: MadeWith) -> str:
    """Return the text of a file for `read_saved`.

    Raises:
        ValueError: the plan is not one of a setup.
    """
    if planned.settings is None:
        raise ValueError(planned)
    document = {
        "schema": SCHEMA,
        "stack": planned.settings.stack,
        "account": place.account,
        "region": place.region,
        **plan_document(planned.changes),
        _MADE_WITH: {
            "countagg": made_with.countagg,
            "zip": made_with.zip,
            "choices": {**made_with.choices, "bucket": planned.settings.bucket},
            "choices_without_options": made_with.choices_without_options,
        },
    }
    return redact(json.dumps(document, indent=2)) + "\n"


def read_saved(content: bytes, where: str, countagg: str) -> SavedPlan:
    """Read a saved plan.

    Args:
        content: of the file.
        where: the file.
        countagg: version of this countagg: others may know other choices.

    Raises:
        UsageError: it is no plan, damaged, or one of another form.
        PlanOutdated: another countagg made it.
    """
    try:
        document = json.loads(content)
        schema = document["schema"]
        if schema == SCHEMA:
            made_by = _text(document[_MADE_WITH]["countagg"])
            if made_by == countagg:
                return _parsed(document, where)
            what = f"countagg {shorten(made_by)} made the plan, and this is countagg {countagg}"
            raise PlanOutdated(what, where=where, hint=PLAN_ANEW)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError("it is not a saved plan, or it is damaged", where=where, hint=_NO_PLAN) from error
    hint = "use the countagg that saved it, or plan anew"
    raise UsageError(
        f"it is of schema {shorten(schema)}, and this countagg knows {SCHEMA}", where=where, hint=hint
    )


def _parsed(document: Mapping[str, Any], where: str) -> SavedPlan:
    made = document[_MADE_WITH]
    choices, beneath = (
        {name: _choice(name, said, where) for name, said in made[key].items()}
        for key in ("choices", "choices_without_options")
    )
    return SavedPlan(
        stack=_text(document["stack"]),
        account=_text(document["account"]),
        region=_text(document["region"]),
        steps=_steps(document["changes"]),
        made_with=MadeWith(_text(made["countagg"]), _text(made["zip"]), choices, beneath),
    )


def _steps(changes: Sequence[Mapping[str, Any]]) -> tuple[PlannedStep, ...]:
    return tuple(
        PlannedStep(
            _text(change["resource"]),
            Action(change["action"]),
            _text(change["name"]),
            tuple(FieldChange(_text(each["name"]), each["current"], each["desired"]) for each in change["fields"]),
        )
        for change in changes
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _choice(name: str, said: object, where: str) -> Any:  # noqa: ANN401 - of the choice's type
    if not CHOICES[name].is_form(said):
        raise TypeError(said)
    return CHOICES[name].read(said, where)


def _as_written(changes: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - any JSON
    """Return change documents as they come out of a file."""
    return json.loads(redact(json.dumps(changes)))
