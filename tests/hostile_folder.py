"""A folder in which somebody laid what programs may pick up from their working directory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MODULES: Final = (
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "countagg",
    "hypercorn",
    "json",
    "ministack",
    "platformdirs",
    "psutil",
    "rich",
    "simplejson",
    "sitecustomize",
    "subprocess",
    "typer",
    "usercustomize",
)
_CODE: Final = """
import os
with open({marker!r}, "a") as file:
    file.write({name!r} + "\\n")
os._exit(66)
"""
_COMMAND: Final = "/bin/sh -c 'echo credential_process >> {marker}; exit 66'"


class HostileFolder:
    """Fill a folder with modules and settings that leave a mark when they are used.

    Args:
        path: of the folder; is made.
        marker: file that the mark is left in.
    """

    def __init__(self, path: Path, marker: Path) -> None:
        path.mkdir()
        self.path = path
        self._marker = marker
        for name in MODULES:
            code = _CODE.format(marker=str(marker), name=name)
            (path / f"{name}.py").write_text(code)
            (path / name).mkdir()
            (path / name / "__init__.py").write_text(code)
            (path / name / "__main__.py").write_text(code)
        (path / "hostile.pth").write_text(f"import os; open({str(marker)!r}, 'a').write('pth')\n")
        (path / "countagg.toml").write_text('profile = "hostile"\n')
        process = _COMMAND.format(marker=marker)
        for name in ("config", "credentials", "boto.cfg", ".boto"):
            for folder in (path, path / ".aws"):
                folder.mkdir(exist_ok=True)
                (folder / name).write_text(f"[default]\ncredential_process = {process}\n")

    def ran(self) -> list[str]:
        """Return the names of what was used; none is well."""
        return self._marker.read_text().split() if self._marker.exists() else []
