"""`--query`: what of a result's JSON is written, as a JMESPath expression says; the AWS CLI's own language.

Numbers stay exact, which the library's floats would not be: totals have up to 33 digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final, NoReturn

from countagg.core.errors import UsageError, shorten
from countagg.core.lazy_dataclass import dataclass

# Few results are queried.
if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

OPTION: Final = "--query"
_DIGITS: Final = 100
"""More than a sum of any numbers of a result has."""
_MEAN_DECIMALS: Final = Decimal("1e-9")
_Fraction: Final = type("float", (Decimal,), {"__doc__": "A decimal, by the name of what the library takes."})
_EXAMPLES: Final = "totals.COUNTER1 or hops[?healthy==`false`].hop; https://jmespath.org has the grammar"


@dataclass(frozen=True, slots=True)
class ResultQuery:
    """A JMESPath expression that can be evaluated.

    Attributes:
        as_text: whether the answer is written without quotes and braces, for a shell.
    """

    as_text: bool
    _parsed: ParsedResult

    @classmethod
    def parse(cls, expression: str, *, as_text: bool) -> ResultQuery:
        """Read an expression.

        Raises:
            UsageError: it is no JMESPath, or calls a function that there is none of.
        """
        from jmespath.exceptions import JMESPathError
        from jmespath.parser import Parser

        try:
            parsed = Parser().parse(expression)
            for node in _nodes(parsed.parsed):
                _check_call(node)
                if node["type"] == "literal":
                    node["value"] = _exact(node["value"])
        except RecursionError:
            _refuse("nested too deeply")
        except JMESPathError as error:
            _refuse(_told(error, expression))
        except ValueError:
            _refuse("a number in it is not one of JSON")
        return cls(as_text, parsed)

    def answer(self, document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """Return what the expression makes of a document.

        Raises:
            UsageError: a function in it does not take what the document holds.
        """
        from jmespath import Options
        from jmespath.exceptions import JMESPathTypeError
        from jmespath.functions import TYPES_MAP

        try:
            with localcontext(Context(prec=_DIGITS)):
                return _exact(self._parsed.search(_exact(document), Options(custom_functions=_functions())))
        except JMESPathTypeError as error:
            taken, actual = (
                re.sub(r"array-(\w+)", r"array of \1s", " or ".join(error.expected_types)),
                error.actual_type,
            )
            what = f"{error.function_name}() takes {taken}, and finds {TYPES_MAP.get(actual, actual)}"
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            what = f"it cannot be evaluated: {error}"
        raise UsageError(
            what,
            where=OPTION,
            hint="look at the whole document first, without --query; what the command did is done",
        )


def _exact(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return a document as JSON has it, with exact numbers."""
    import simplejson

    text = simplejson.dumps(value, use_decimal=True, allow_nan=False)
    return simplejson.loads(text, parse_float=_Fraction)


def _nodes(root: Any) -> Iterator[Any]:  # noqa: ANN401 - a node of the library's tree
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in node["children"] if isinstance(child, dict)]


def _check_call(node: Any) -> None:  # noqa: ANN401 - the same
    """Refuse what would fail whatever the document is; the library finds out when it comes to it.

    Raises:
        JMESPathError: there is no such function, it takes another number of values, or a slice has no steps.
    """
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions

    if node["type"] == "slice" and node["children"][2:] == [0]:
        raise JMESPathError("the step of a slice is 0")
    if node["type"] != "function_expression":
        return
    name, given = node["value"], len(node["children"])
    if name not in Functions.FUNCTION_TABLE:
        raise JMESPathError(f"there is no function {shorten(name)}")
    parameters = Functions.FUNCTION_TABLE[name]["signature"]
    open_ended = bool(parameters[-1].get("variadic"))
    if given < len(parameters) or (given > len(parameters) and not open_ended):
        takes = f"{len(parameters)}{' or more' if open_ended else ''}"
        values = "value" if takes == "1" else "values"
        raise JMESPathError(f"{name}() takes {takes} {values} and is given {given}")


def _told(error: Exception, expression: str) -> str:
    """Return in a few words what is wrong with an expression; the library tells it over several lines."""
    from jmespath.exceptions import IncompleteExpressionError, LexerError, ParseError

    if isinstance(error, IncompleteExpressionError):
        return "its end is missing"
    if not isinstance(error, ParseError):
        return str(error)
    at = int(error.lex_position)
    if isinstance(error, LexerError) and str(error.message).startswith("Unclosed"):
        return f"what begins at character {at + 1} has no end"
    return f"{expression[at : at + 1]!r} is not expected, at character {at + 1}"


def _refuse(why: str) -> NoReturn:
    raise UsageError(f"this is not JMESPath: {why}", where=OPTION, hint=_EXAMPLES) from None


def _functions() -> Any:  # noqa: ANN401 - of a class that is made below
    """Return the functions of JMESPath, for exact numbers."""
    import simplejson
    from jmespath.functions import Functions, signature

    class ExactFunctions(Functions):  # type: ignore[misc]  # the library is not annotated
        def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:  # noqa: ANN401 - any JSON
            found = super().call_function(function_name, resolved_args)
            return _Fraction(found) if isinstance(found, Decimal) else found

        @signature({"types": ["array-number"]})  # type: ignore[untyped-decorator]  # the same
        def _func_avg(self, numbers: list[Any]) -> Any:  # noqa: ANN401 - any JSON
            return (Decimal(sum(numbers)) / len(numbers)).quantize(_MEAN_DECIMALS).normalize() if numbers else None

        @signature({"types": []})  # type: ignore[untyped-decorator]  # the same
        def _func_to_string(self, value: Any) -> str:  # noqa: ANN401 - the same
            return value if isinstance(value, str) else simplejson.dumps(value, use_decimal=True)

        @signature({"types": []})  # type: ignore[untyped-decorator]  # the same
        def _func_to_number(self, value: Any) -> Any:  # noqa: ANN401 - the same
            if not isinstance(value, str):
                return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
            try:
                number = simplejson.loads(value, parse_float=_Fraction, parse_constant=lambda _: None)
            except ValueError:
                return None
            return self._func_to_number(number) if not isinstance(number, str) else None

        @signature({"types": []})  # type: ignore[untyped-decorator]  # the same
        def _func_type(self, value: Any) -> str:  # noqa: ANN401 - the same
            return "number" if isinstance(value, Decimal) else str(super()._func_type(value))

    return ExactFunctions()
