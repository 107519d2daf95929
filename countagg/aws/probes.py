"""What only a self-test asks AWS: calls counted, a statement whose condition fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients
from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.data.counters import VALUE, update_statement

if TYPE_CHECKING:
    from botocore.model import OperationModel

_READING: Final = ("BatchGet", "Describe", "Get", "Head", "List", "Query")
"""How operations begin that change nothing."""


class CallMeter:
    """Counts the calls of clients. It must be made before any of them.

    Args:
        clients: whose calls.
        most: how many are made at most while `limited`.
    """

    def __init__(self, clients: Clients, most: int) -> None:
        self._most = most
        self.limited = True
        self.calls: Counter[str] = Counter()
        clients.session.events.register("before-call", self._count)

    def _count(self, model: OperationModel, **_: object) -> None:
        if self.limited and self.total >= self._most:
            raise CountaggError(f"the ceiling of {self._most:,} calls is reached")
        self.calls[model.name] += 1

    @property
    def total(self) -> int:
        """How many calls there were."""
        return self.calls.total()

    @contextmanager
    def mutations(self) -> Iterator[list[str]]:
        """Yield a list that has, at the end of the block, the operations in it that may have changed something."""
        before, changing = self.calls.copy(), list[str]()
        yield changing
        changing += sorted(name for name in self.calls - before if not name.startswith(_READING))


@dataclass(frozen=True, slots=True)
class StatementAnswer:
    """What AWS answers to a statement whose condition fails, where the old item is asked for.

    Attributes:
        code: of the error; None if there was none.
        item_in_error: whether the item is in the error, where the model of the API has it.
        item_beside_error: whether it is in the response instead.
    """

    code: str | None
    item_in_error: bool
    item_beside_error: bool


def fail_statement(clients: Clients, table: str, counter: str, day: str) -> StatementAnswer:
    """Ask to update a counter's item on a condition that never holds: no version is below 0."""
    zero = {"N": "0"}
    with aws_errors(f"statement on {table}"):
        answer = clients.dynamodb.batch_execute_statement(
            Statements=[
                {
                    "Statement": update_statement(table, VALUE),
                    "Parameters": [zero, {"S": counter}, {"S": day}, zero],
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            ]
        )
    response: Any = answer["Responses"][0]
    error = response.get("Error", {})
    return StatementAnswer(error.get("Code"), "Item" in error, "Item" in response)
