"""The end of a process: quick, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


def test_an_answer_comes_from_a_process_of_its_own_without_a_terminal() -> None:
    code = """
def answer():
    sys.stderr.write('troubles')
    assert sys.stdin.read() == ''
    try:
        open('/dev/tty')
    except OSError as error:
        sys.stdout.write(f'{os.getpid() == os.getsid(0)} {error.errno == errno.ENXIO}' + ' more' * 100_000)
written = process.answer_in_time(answer, 300)
print(written[:9], len(written), process.answer_in_time(lambda: print(os.getpid()), 300) != os.getpid())
"""
    assert ended(f"import errno, os\n{code}") == (0, "b'True True' 500009 True\n", "")


@pytest.mark.parametrize("failure", ["ValueError('wrong')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_who_fails_has_no_answer(failure: str) -> None:
    code = f"""
def answer():
    print('half', flush=True)
    raise {failure}
print(process.answer_in_time(answer, 300))
"""
    assert ended(code) == (0, "None\n", "")


def test_who_takes_too_long_is_ended_with_all_that_it_started() -> None:
    code = """
import os, select, subprocess
reading, writing = os.pipe()
def answer():
    os.write(writing, b'begun')
    print('half', flush=True)
    subprocess.run(('sleep', '600'), pass_fds=(writing,))
taken = process.answer_in_time(answer, float(os.environ['SECONDS']))
os.close(writing)
print(taken, os.read(reading, 9), end=' ')
# The pipe's end comes when nobody is left that may write.
print(select.select([reading], [], [], 60)[0] == [reading])
"""
    # As long as it takes to begin.
    for seconds in ("0.5", "5", "50", "250"):
        ran = ended(f"import os; os.environ['SECONDS'] = '{seconds}'\n{code}")
        if "begun" in ran[1]:
            break
    assert ran == (0, "None b'begun' True\n", "")
