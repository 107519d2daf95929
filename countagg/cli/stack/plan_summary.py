"""A plan on one screen: what is asked about before setup and teardown. The plan itself has every field."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from countagg.cli.stack.plan_view import tally_line
from countagg.core.printable import printable
from countagg.operate.stack.plan_fields import leaves
from countagg.provision.reconcile import Action, Change

_KINDS: Final = {
    "logs": "log group",
    "mapping": "event source mapping",
    "email": "mail address",
    "notification": "bucket notification",
}
"""Where the kind of a resource's id is not the word for it."""
_MOST_NAMED: Final = 12
_WIDTH: Final = 80


def summary_lines(changes: Sequence[Change]) -> list[str]:
    """Return what would be done: by kind, what the roles may, and what is lost, in at most some twenty lines."""
    lines: list[str] = []
    for action, word in ((Action.CREATE, "create"), (Action.UPDATE, "update"), (Action.DELETE, "delete")):
        touched = [change for change in changes if change.action is action]
        if touched:
            lines += _folded(f"{word} {len(touched)}:", _named(touched, by_kind=action is not Action.UPDATE))
    for change in changes:
        if change.resource.startswith("role/") and (rights := list(_rights(change))):
            lines += _folded(f"{change.resource} may call", ", ".join(rights))
    losing = [change for change in changes if change.holds and change.action is not Action.KEEP]
    if losing:
        lines += _folded("deletes what cannot be brought back:", ", ".join(map(_loss, losing)))
    return [*map(printable, lines), f"plan: {tally_line(changes, done=False)}"]


def _named(changes: Sequence[Change], *, by_kind: bool) -> str:
    names = [change.resource for change in changes]
    if not by_kind and len(names) <= _MOST_NAMED:
        return ", ".join(names)
    kinds = Counter(name.partition("/")[0] for name in names)
    return ", ".join(f"{count} {_plural(_KINDS.get(kind, kind), count)}" for kind, count in kinds.items())


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}{'es' if word.endswith('s') else 's'}"


def _rights(change: Change) -> Iterator[str]:
    """Yield what a role may call from now on, by service."""
    by_service: defaultdict[str, set[str]] = defaultdict(set)
    if change.action is not Action.DELETE:
        for leaf in (leaf for field in change.fields for leaf in leaves(field)):
            for service, _, action in (each.partition(":") for each in _allowed(leaf.desired)):
                by_service[service].add(action)
    for service, actions in sorted(by_service.items()):
        yield f"{service} {' '.join(sorted(actions))}"


def _allowed(statement: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the actions that a statement of a role's policy allows."""
    if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow" or "Principal" in statement:
        return []
    actions = statement.get("Action", [])
    return [actions] if isinstance(actions, str) else list(actions)


def _loss(change: Change) -> str:
    return f"{change.resource} ({change.contents})" if change.contents else change.resource


def _folded(beginning: str, text: str) -> list[str]:
    return wrap(
        f"{beginning} {text}", _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
