"""What is short can be read at once, a name means one thing, and a fake is what it stands for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LONGEST_FUNCTION: Final = 45
LONGEST_MODULE: Final = 320


def sources(folder: str = "countagg") -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


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


def disguised(source: str) -> Iterator[str]:
    """Yield the types that values are cast to."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name("cast"), args=[ast.Constant(str(name)), *_]):
                yield name


def test_a_fake_of_a_class_of_ours_is_a_subclass_of_it() -> None:
    ours = set(class_names())
    casts = [
        (name, to) for folder in ("tests", "tools") for name, source in sources(folder) for to in disguised(source)
    ]

    assert casts
    assert [each for each in casts if each[1] in ours] == []


def test_what_is_too_long_is_found() -> None:
    function = "def f() -> None:\n" + "    pass\n" * (LONGEST_FUNCTION - 1)

    assert list(too_long("m", function)) == []
    assert list(too_long("m", f"{function}    pass\n")) == ["m f"]
    assert list(too_long("m", "\n" * (LONGEST_MODULE + 1))) == ["m"]
