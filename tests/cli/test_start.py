"""The start of the program, before anything of it is loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from countagg.cli.start import INTERRUPTED_TOLD
from tests.cli.running import process_environment

INTERRUPTED_WHILE_LOADING: Final = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "countagg.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from countagg.cli.start import start
start()
"""


def test_ctrl_c_before_the_commands_are_loaded_is_told_as_any_other() -> None:
    ran = subprocess.run(
        (sys.executable, "-c", INTERRUPTED_WHILE_LOADING),
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", INTERRUPTED_TOLD)
