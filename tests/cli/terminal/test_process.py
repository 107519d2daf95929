"""The end of a process: quick, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.running import process_environment

BEGIN = "import atexit, gc, sys, threading, time\nfrom countagg.cli.terminal import process\n"


def ended(code: str) -> tuple[int, str, str]:
    """Return how a process ends: its exit code, and what it wrote to stdout and stderr."""
    command = (sys.executable, "-c", f"{BEGIN}{code}")
    ran = subprocess.run(command, env=process_environment(), capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_what_is_buffered_is_written_and_the_exit_code_stays() -> None:
    code = "sys.stdout.write('result'); sys.stderr.write('remark'); process.end_process(7)"
    assert ended(code) == (7, "result", "remark")


def test_what_is_to_be_done_at_the_end_is_done() -> None:
    code = "atexit.register(lambda: print('cleaned up', flush=True)); process.end_process(0)"
    assert ended(code) == (0, "cleaned up\n", "")


def test_a_thread_is_waited_for_unless_it_is_a_daemon() -> None:
    thread = "threading.Thread(target=lambda: ({work}, print('done', flush=True)), daemon={daemon}).start()\n"
    end = "process.end_process(3)"
    assert ended(thread.format(work="time.sleep(0.1)", daemon=False) + end) == (3, "done\n", "")
    assert ended(thread.format(work="time.sleep(300)", daemon=True) + end) == (3, "", "")


def test_what_was_made_is_not_taken_apart() -> None:
    code = "class Made:\n    def __del__(self):\n        print('gone')\nmade = Made()\nprocess.end_process(0)"
    assert ended(code) == (0, "", "")


def test_a_command_makes_no_search_for_unreachable_objects_and_a_service_does() -> None:
    code = (
        "usual = gc.get_threshold()\nprocess.collect_late()\nlate = gc.get_threshold()\n"
        "process.collect_as_usual()\nprint(gc.get_threshold() == usual, late[0] > 100 * usual[0])"
    )
    assert ended(code) == (0, "True True\n", "")
