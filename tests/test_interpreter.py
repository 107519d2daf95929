"""No process of ours imports what lies in the working directory."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import countagg
from countagg.interpreter import isolated
from tests.cli.running import process_environment
from tests.hostile_folder import HostileFolder

PACKAGE: Final = Path(countagg.__file__).parent
HOME: Final = "countagg/interpreter.py"
STARTS_PROCESSES: Final = {
    # Its command is from `isolated`.
    "countagg/local/launch.py": {"subprocess"},
    # Another of itself, which reads no module anew from anywhere else.
    "countagg/cli/terminal/process.py": {"os.fork"},
}
"""What starts a process at all, and by what."""
_MODULES: Final = {"subprocess", "multiprocessing", "runpy", "pty"}
_FUNCTIONS: Final = {"ProcessPoolExecutor", "create_subprocess_exec", "create_subprocess_shell"}
_OF_OS: Final = ("exec", "spawn", "posix_spawn", "system", "popen", "fork", "startfile")


def names_of(node: ast.AST) -> Iterator[str]:
    """Yield what an expression or an import names, such as `sys.executable`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield f"{node.value.id}.{node.attr}"
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def starts_of(source: str) -> set[str]:
    """Return those names in a module that start a process, or name the interpreter."""
    names = {name for node in ast.walk(ast.parse(source)) for name in names_of(node)}
    return {
        name
        for name in names
        if name == "sys.executable"
        or name.split(".")[0] in _MODULES
        or name.split(".")[-1] in _FUNCTIONS
        or (name.startswith("os.") and name.removeprefix("os.").startswith(_OF_OS))
    }


def test_only_one_module_names_the_interpreter_and_few_start_processes() -> None:
    found = {
        f"countagg/{path.relative_to(PACKAGE).as_posix()}": starts_of(path.read_text())
        for path in PACKAGE.rglob("*.py")
    }

    assert found.pop(HOME) == {"sys.executable"}
    by = {
        name: {start if start.startswith("os.") else start.split(".")[0] for start in starts}
        for name, starts in found.items()
        if starts
    }
    assert by == STARTS_PROCESSES


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nrun(sys.executable)",
        "from sys import executable",
        "import subprocess",
        "from subprocess import run",
        "import os\nos.execv('x', [])",
        "import os\nos.posix_spawn('x', [], {})",
        "from os import system",
        "import multiprocessing.pool",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
        "from concurrent.futures import ProcessPoolExecutor",
    ],
)
def test_every_way_to_start_a_process_is_found(source: str) -> None:
    assert starts_of(source)


@pytest.mark.parametrize("module", ["countagg", "json.tool"])
def test_a_module_in_the_working_directory_is_not_imported(module: str, tmp_path: Path) -> None:
    folder = HostileFolder(tmp_path / "hostile", tmp_path / "marker")

    subprocess.run(isolated(module, "--help"), cwd=folder.path, check=False, capture_output=True, env={})

    assert folder.ran() == []


def test_the_module_imports_nothing_there_but_a_countagg_that_lies_there(tmp_path: Path) -> None:
    folder = HostileFolder(tmp_path / "hostile", tmp_path / "marker")
    run = (sys.executable, "-m", "countagg", "permissions", "print", "--help")
    subprocess.run(run, cwd=folder.path, check=False, capture_output=True, env=process_environment())
    assert folder.ran() == ["countagg"], "it is Python that finds the module"
    (tmp_path / "marker").unlink()
    shutil.rmtree(folder.path / "countagg")
    (folder.path / "countagg.py").unlink()

    ran = subprocess.run(
        run, cwd=folder.path, check=False, capture_output=True, text=True, env=process_environment()
    )

    assert (ran.returncode, folder.ran()) == (0, []), ran.stderr
