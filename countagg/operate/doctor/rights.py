"""Which permissions a principal lacks for which command, by the catalogue of `provision.calls`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from countagg.aws.simulation import policy_source, probe, simulate
from countagg.core.errors import AccessDenied, ConnectionProblem, CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.doctor.checks import Check, listed, not_checked, passed, problem
from countagg.operate.parallel import in_parallel
from countagg.provision.calls import CALLS
from countagg.provision.permissions import (
    COMMANDS_OF,
    OF_OWN_BUCKET,
    Audience,
    action_name,
    not_granted,
)
from countagg.provision.place import Place
from countagg.provision.resource_arns import resource_arns
from countagg.provision.settings import StackSettings
from countagg.provision.targets import On

if TYPE_CHECKING:
    from countagg.aws.session import Clients

Right = tuple[str, str]
"""An action and the ARN, or the pattern of ARNs, that it is done to."""

IN_BUCKET: Final = frozenset({On.BUCKET, On.COUNTER_FILES, On.PUBLISHED_FILES}) | OF_OWN_BUCKET
_AT_ONCE: Final = 4
"""Questions at a time: IAM answers few a second."""
_SHOWN: Final = 3
_FEWEST_RIGHTS_FIRST: Final = (
    Audience.READER,
    Audience.OPERATOR,
    Audience.TEARDOWN,
    Audience.DEPLOYER,
    Audience.SELFTEST,
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What is known of a principal's permissions.

    Attributes:
        verdicts: whether it has each right; one that is not there could not be found out.
        way: how they were found out, for people.
        everything: whether it is the account's root, which may do all.
    """

    verdicts: Mapping[Right, bool]
    way: str
    everything: bool = False


def rights_of(command: str, settings: StackSettings, place: Place) -> frozenset[Right]:
    """Return what a command needs. Without a bucket of ours, or any, nothing of what is done to one."""
    left_out = not_granted(settings) | (IN_BUCKET if not settings.bucket else frozenset())
    return frozenset(
        (action_name(action, place), arn)
        for on, actions in CALLS[command].items()
        if on not in left_out
        for arn in resource_arns(on, settings, place)
        for action in actions
    )


def find_rights(
    clients: Clients,
    principal: str,
    needed: frozenset[Right],
    context: Mapping[str, str],
    on_step: Callable[[int, int], None],
) -> Rights:
    """Find out what a principal may do: by IAM's simulator, or by harmless reads where that is not to be had.

    Args:
        clients: of the principal.
        principal: its ARN.
        needed: what it should have.
        context: values of condition keys for the simulator.
        on_step: told how many of how many questions are answered.

    Raises:
        ConnectionProblem: the endpoint does not answer.
    """
    if principal.endswith(":root"):
        return Rights({}, "the account's root may do everything", everything=True)
    source = policy_source(clients, principal)
    if source is None:
        why = "the policies of such a principal cannot be simulated"
    else:
        try:
            return Rights(_simulated(clients, source, needed, context, on_step), "simulated by IAM")
        except ConnectionProblem:
            raise
        except AccessDenied:
            why = "it may not simulate policies (iam:SimulatePrincipalPolicy)"
        except CountaggError as error:
            why = f"IAM could not simulate its policies ({error.what})"
    return Rights(_probed(clients, needed, on_step), f"writes are not tried, because {why}")


def _simulated(
    clients: Clients,
    source: str,
    needed: frozenset[Right],
    context: Mapping[str, str],
    on_step: Callable[[int, int], None],
) -> dict[Right, bool]:
    actions_on: dict[str, list[str]] = defaultdict(list)
    for action, arn in sorted(needed):
        actions_on[arn].append(action)

    def ask(arn: str) -> dict[str, bool]:
        return simulate(clients, source, actions_on[arn], arn, context)

    # The first alone: where the simulator is not to be had, it is not asked again and again.
    first, *others = actions_on
    answers = {first: ask(first)}
    for number, (arn, allowed) in enumerate(in_parallel(ask, others, _AT_ONCE), start=2):
        answers[arn] = allowed
        on_step(number, len(actions_on))
    return {(action, arn): allowed for arn, found in answers.items() for action, allowed in found.items()}


def _probed(clients: Clients, needed: frozenset[Right], on_step: Callable[[int, int], None]) -> dict[Right, bool]:
    def ask(right: Right) -> bool | None:
        return probe(clients, *right)

    verdicts: dict[Right, bool] = {}
    for number, (right, allowed) in enumerate(in_parallel(ask, sorted(needed), _AT_ONCE), start=1):
        on_step(number, len(needed))
        if allowed is not None:
            verdicts[right] = allowed
    return verdicts


def judge_rights(command: str, needed: frozenset[Right], rights: Rights) -> Check:
    """Tell what a command lacks."""
    name = f"permissions: {command}"
    if rights.everything:
        return passed(name, "everything")
    missing = sorted(right for right in needed if rights.verdicts.get(right) is False)
    unknown = sorted({action for action, arn in needed if (action, arn) not in rights.verdicts})
    if missing:
        role = next(role for role in _FEWEST_RIGHTS_FIRST if command in COMMANDS_OF[role])
        fix = f"`countagg permissions print --role {role}` prints a policy that has what is missing"
        return problem(name, f"refused: {listed([f'{action} on {arn}' for action, arn in missing], _SHOWN)}", fix)
    total = len({action for action, _ in needed})
    if unknown:
        tried = f"{total - len(unknown)} of {total} actions tried, all allowed"
        return not_checked(name, f"{tried}; not tried: {listed(unknown, _SHOWN)}")
    return passed(name, f"all of {total} actions" if total > 1 else "its only action")
