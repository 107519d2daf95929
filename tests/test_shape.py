"""Functions and modules stay short enough to be read at once, and a name means one thing."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1] / "countagg"
LONGEST_FUNCTION: Final = 45
LONGEST_MODULE: Final = 320


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE.parent)), path.read_text(encoding="utf-8")


def too_long(name: str, source: str) -> Iterator[str]:
    """Yield the module, and its functions, that are too long."""
    if len(source.splitlines()) > LONGEST_MODULE:
        yield name
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{name} {node.name}"


def test_no_function_and_no_module_is_too_long() -> None:
    assert [each for name, source in sources() for each in too_long(name, source)] == []


def class_names() -> Counter[str]:
    trees = (ast.parse(source) for _, source in sources())
    return Counter(
        node.name.lstrip("_") for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )


def test_a_name_of_a_class_means_one_thing() -> None:
    assert [name for name, times in class_names().items() if times > 1] == []


def test_what_is_too_long_is_found() -> None:
    function = "def f() -> None:\n" + "    pass\n" * (LONGEST_FUNCTION - 1)

    assert list(too_long("m", function)) == []
    assert list(too_long("m", f"{function}    pass\n")) == ["m f"]
    assert list(too_long("m", "\n" * (LONGEST_MODULE + 1))) == ["m"]
