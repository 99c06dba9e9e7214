"""The lock of a lab, held by real processes."""

import subprocess
import sys
from pathlib import Path

from lab import lock

HOLD = """
import sys
from pathlib import Path
from lab import lock
with lock.hold(Path(sys.argv[1]), lambda: print("waiting", flush=True)):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_second_waits_and_says_so_until_the_first_is_done(tmp_path: Path) -> None:
    file = tmp_path / "lab.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        told = []

        def let_go() -> None:
            told.append("waiting")
            assert other.stdin is not None
            other.stdin.write("\n")
            other.stdin.flush()

        with lock.hold(file, let_go):
            assert told == ["waiting"]


def test_lock_whose_file_was_removed_with_the_lab_is_taken_anew(tmp_path: Path) -> None:
    file = tmp_path / "lab.lock"
    with lock.hold(file, lambda: None):
        file.unlink()
        # Another process would now lock a new file; so must we, not wait for the old one.
        with lock.hold(file, lambda: None):
            assert file.exists()
