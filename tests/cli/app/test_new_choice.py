"""A new choice of a stack is one entry in the table: what says, shows, checks and remembers it follows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.cli.running import process_environment

ROOT: Final = Path(__file__).parents[3]
ENTRY: Final = """\
    colour: Annotated[
        str | None, Text("Colour of it.", _SAFETY, pattern="red|blue", rule="red or blue", is_removable=True)
    ] = None
"""
USE: Final = """
import os
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path

from countagg.cli.main import main
from countagg.provision.choices import remember
from tests.cli.choice_ways import remembering, settings_of

red = remembering(colour="red")
print(settings_of().colour)
print(settings_of("--colour", "red").colour)
print(settings_of(deployed=red).colour)
print(settings_of("--colour", "none", deployed=red).colour)
os.environ["COUNTAGG_COLOUR"] = "blue"
print(settings_of(deployed=red).colour)
del os.environ["COUNTAGG_COLOUR"]
Path("countagg.toml").write_text('colour = "blue"')
print(settings_of(deployed=red).colour, remember(settings_of()))
for text in ('colour = "green"', "colour = 1"):
    Path("countagg.toml").write_text(text)
    with suppress(SystemExit), redirect_stderr(StringIO()) as complaint:
        settings_of()
    print(*complaint.getvalue().splitlines())
main(["plan", "--help"])
"""


def test_an_entry_in_the_table_makes_a_choice(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "countagg", tmp_path / "countagg")
    table = tmp_path / "countagg" / "provision" / "settings.py"
    before, here, after = table.read_text().partition("    kms_key: Annotated[")
    table.write_text(before + ENTRY + here + after)
    environment = {**process_environment(), "PYTHONPATH": f"{tmp_path}:{ROOT}", "COLUMNS": "120"}

    ran = subprocess.run(
        (sys.executable, "-c", USE), env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert ran.stderr == ""
    said, shown = ran.stdout.splitlines()[:8], ran.stdout.splitlines()[8:]
    assert said == [
        "None",
        "red",
        "red",
        "None",
        "blue",
        'blue {"colour":"blue"}',
        "countagg: colour in countagg.toml: 'green' cannot be used   try: give red or blue",
        'countagg: countagg.toml: colour must be text in quotes   try: such as colour = "text"',
    ]
    assert any("--colour" in line and "Colour of it." in line for line in shown)
