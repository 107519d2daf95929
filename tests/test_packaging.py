"""The wheel and the sdist: what is in them, and that an installed wheel has all that it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from importlib.metadata import entry_points, requires
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from countagg import __version__
from countagg.cli.app.subjects import SUBJECTS

pytestmark = pytest.mark.exhaustive

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INFO: Final = f"countagg-{__version__}.dist-info"
BESIDE: Final = {"policies", "sample_data"}
"""Folders that stand beside the package in a checkout, and inside it in a wheel."""


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build a wheel or an sdist of a folder; the backend needs no network."""
    subprocess.run(
        (sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)),
        cwd=source,
        capture_output=True,
        check=True,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sdist = build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))
    assert sdist.name == f"countagg-{__version__}.tar.gz"
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"countagg-{__version__}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a folder of its own, beside the libraries that are there already."""
    folder = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--target", str(folder))
    subprocess.run((sys.executable, "-m", "pip", "install", *options, str(wheel)), capture_output=True, check=True)
    return folder


def files_of(folder: str) -> set[str]:
    """Return the files of a folder of the checkout, by their names from its root."""
    found = (each for each in (ROOT / folder).rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return {each.relative_to(ROOT).as_posix() for each in found}


def metadata_of(wheel: Path) -> Metadata:
    with zipfile.ZipFile(wheel) as archive:
        return Metadata.from_email(archive.read(f"{INFO}/METADATA"))


def run(code: str, *, path: Path, cwd: Path) -> str:
    """Run code in a folder where nothing of ours lies, with the countagg of another."""
    variables = {**os.environ, "PYTHONPATH": str(path), "XDG_CONFIG_HOME": str(cwd)}
    ran = subprocess.run(
        (sys.executable, "-c", code), cwd=cwd, env=variables, capture_output=True, text=True, check=True
    )
    return ran.stdout


def document(*arguments: str, path: Path, cwd: Path) -> Mapping[str, Any]:
    code = f"from countagg.cli.main import main\nassert main({[*arguments, '--output', 'json']!r}) == 0"
    parsed: Mapping[str, Any] = json.loads(run(code, path=path, cwd=cwd))
    return parsed


def test_the_engine_comes_with_the_boto3_of_the_botocore_that_it_pins() -> None:
    # pip looks for that release by release, downloads each, and there is one a day.
    ours = {each.name: each.specifier for each in map(Requirement, PROJECT["optional-dependencies"]["local"])}
    engine = {each.name: each.specifier for each in map(Requirement, requires("ministack") or [])}
    assert str(ours["ministack"]).startswith("==")
    assert ours["boto3"] == engine["botocore"]


def test_the_wheel_holds_the_package_and_what_it_reads_and_nothing_else(wheel: Path) -> None:
    beside = {f"countagg/{name}" for folder in BESIDE for name in files_of(folder)}
    beside |= {f"countagg/docs/{subject}.md" for subject in SUBJECTS}
    about = {f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert len(names) == len(set(names))
    assert set(names) == files_of("countagg") | beside | about
    kinds = {Path(name).suffix for name in files_of("countagg")}
    assert kinds == {".css", ".py", ".toml", ".typed"}


def test_the_sdist_makes_the_same_wheel_and_brings_tests_and_pictures(
    wheel: Path, unpacked_sdist: Path, tmp_path: Path
) -> None:
    again = build("wheel", unpacked_sdist, tmp_path)

    assert again.read_bytes() == wheel.read_bytes()
    top = {each.name for each in unpacked_sdist.iterdir()}
    files = {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "PKG-INFO",
        ".gitignore",
    }
    assert top == {"countagg", "tests", "tools", "docs", *BESIDE, *files}
    for folder in ("tests", "tools", "docs"):
        found = (each for each in (unpacked_sdist / folder).rglob("*") if each.is_file())
        assert {each.relative_to(unpacked_sdist).as_posix() for each in found} == files_of(folder)


def test_the_metadata_is_valid_and_says_what_the_project_says(wheel: Path) -> None:
    found = metadata_of(wheel)

    assert (found.name, str(found.version), found.summary) == ("countagg", __version__, PROJECT["description"])
    assert (found.license_expression, found.license_files) == ("MIT", ["LICENSE"])
    assert (found.description, found.description_content_type) == (
        (ROOT / "README.md").read_text(),
        "text/markdown",
    )
    assert found.provides_extra == ["chart", "dev", "local", "prometheus"]
    assert found.requires_python == SpecifierSet(">=3.11")
    needed = {each.name for each in found.requires_dist or () if each.marker is None}
    assert len(needed) == len(PROJECT["dependencies"])


def test_there_is_one_source_of_the_version(wheel: Path) -> None:
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    assert wheel.name == f"countagg-{__version__}-py3-none-any.whl"
    others = [
        name
        for name in files_of("countagg") - {"countagg/__init__.py"}
        if f'"{__version__}"' in (ROOT / name).read_text()
    ]
    assert others == []


def test_the_wheel_installs_one_program(wheel: Path, installed: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(f"{INFO}/entry_points.txt").decode().split("\n")

    assert [line for line in lines if line] == ["[console_scripts]", "countagg = countagg.cli.start:start"]
    assert (installed / "bin" / "countagg").is_file()
    (program,) = entry_points(group="console_scripts", name="countagg")
    assert callable(program.load())


def test_an_installed_wheel_works_from_any_folder(installed: Path, tmp_path: Path) -> None:
    code = (
        "import countagg, sys\n"
        "from countagg.provision.packaged import packaged_folder\n"
        f"print(countagg.__file__, *(packaged_folder(name) for name in {sorted(BESIDE)!r}))"
    )
    package = installed / "countagg"

    found = run(code, path=installed, cwd=tmp_path).split()

    assert found == [str(package / name) for name in ("__init__.py", "policies", "sample_data")]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_an_installed_wheel_has_the_documents(subject: str, installed: Path) -> None:
    assert (installed / f"countagg/docs/{subject}.md").read_bytes() == (ROOT / f"docs/{subject}.md").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ["bundle"],
        ["cost"],
        ["permissions", "print", "--role", "deployer", "--account", "123456789012", "--region", "us-east-1"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_installed_wheel_says_the_same_as_the_checkout(
    arguments: list[str], installed: Path, tmp_path: Path
) -> None:
    options = ["--bucket", "some-bucket"] if arguments[0] == "permissions" else []

    assert document(*arguments, *options, path=installed, cwd=tmp_path) == document(
        *arguments, *options, path=ROOT, cwd=tmp_path
    )


def is_at_hand(interpreter: str) -> bool:
    """Tell whether an interpreter runs here; a shim of pyenv may stand for one that does not."""
    return (
        shutil.which(interpreter) is not None
        and not subprocess.run((interpreter, "--version"), capture_output=True, check=False).returncode
    )


@pytest.mark.parametrize("interpreter", ["python3.11", "python3.12", "python3.13"])
def test_the_code_is_for_every_python_at_hand(interpreter: str, installed: Path, tmp_path: Path) -> None:
    if not is_at_hand(interpreter):
        pytest.skip(f"there is no {interpreter} here")
    # The core needs no library; those beside it are built for the Python that runs the tests.
    modules = sorted(f"countagg.core.{each.stem}" for each in (installed / "countagg/core").glob("[a-z]*.py"))
    calls = (
        ("-X", "dev", "-W", "error", "-c", f"import {', '.join(modules)}"),
        ("-W", "error", "-m", "compileall", "-q", "-f", str(installed / "countagg")),
    )
    for call in calls:
        ran = subprocess.run(
            (interpreter, *call),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
