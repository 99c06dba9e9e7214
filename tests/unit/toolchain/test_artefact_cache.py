"""The cache rule: complete or not there, built once.

Does not prove that any real artefact builds.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from toolchain.artefact import Artefact, Log
from toolchain.cache import Cache, default_root
from toolchain.error import ToolchainError

PATIENCE_S = 30.0


class Sample(Artefact):
    """Copies its one input with a shell script, and counts its builds in a file."""

    name = "sample"

    def __init__(self, room: Path, script: str = "true") -> None:
        self.source = room / "source"
        self.builds = room / "builds"
        self.script = script

    def inputs(self) -> Sequence[Path]:
        """Return the file that is copied."""
        return [self.source]

    def recipe(self) -> Sequence[str]:
        """Return a word that stays the same."""
        return ["recipe"]

    def build(self, destination: Path, log: Log) -> None:
        """Copy the input before and after the script."""
        with self.builds.open("a", encoding="utf-8") as builds:
            builds.write("build\n")
        (destination / "first").write_bytes(self.source.read_bytes())
        log.run(["/bin/sh", "-c", self.script], directory=destination)
        (destination / "second").write_bytes(self.source.read_bytes())

    def count_builds(self) -> int:
        """Return how often a build began."""
        return len(self.builds.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def room(tmp_path: Path) -> Path:
    room = tmp_path / "room"
    room.mkdir()
    (room / "source").write_text("content", encoding="utf-8")
    return room


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


StartBuilder = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_builder(tmp_path: Path, room: Path) -> Iterator[StartBuilder]:
    """Start this file as a program that builds the sample; end what a failed test left running."""
    os.mkfifo(room / "gate")
    with contextlib.ExitStack() as stack:

        def start() -> "subprocess.Popen[bytes]":
            argv = [sys.executable, __file__, str(tmp_path / "cache"), str(room), held_once(room)]
            builder = stack.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE))
            stack.callback(builder.kill)
            return builder

        yield start
        # Opened for both it never blocks, and lets go who waits there still.
        os.close(os.open(room / "gate", os.O_RDWR))


def held_once(room: Path) -> str:
    """Return a script that says it runs, then waits at a gate that stays open once opened."""
    return f"cd '{room}'; echo $$ > shell; mv shell running;test -e open || read -r line < gate"


def open_gate(room: Path) -> None:
    """Let the script that waits at the gate go on, and every later one pass."""
    (room / "open").touch()
    with (room / "gate").open("w", encoding="utf-8") as gate:
        gate.write("go\n")


def wait_until_it_waits(builder: "subprocess.Popen[bytes]") -> None:
    """Wait until a builder says that it waits for another, at most PATIENCE_S."""
    assert builder.stdout is not None
    readable, _, _ = select.select([builder.stdout], [], [], PATIENCE_S)
    assert readable, f"the second builder said nothing within {PATIENCE_S} s"
    assert b"waits for another build" in builder.stdout.readline()


def wait_for(path: Path) -> None:
    """Wait until a file exists, at most PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not made within {PATIENCE_S} s"
        time.sleep(0.01)


def test_built_artefact_is_not_built_again(cache: Cache, room: Path) -> None:
    artefact = Sample(room)
    assert cache.ensure(artefact) == cache.ensure(artefact) == cache.find(artefact)
    assert artefact.count_builds() == 1


def test_changed_content_is_built_beside_the_old(cache: Cache, room: Path) -> None:
    artefact = Sample(room)
    before = cache.ensure(artefact)
    artefact.source.write_text("other content", encoding="utf-8")
    assert cache.find(artefact) is None
    after = cache.ensure(artefact)
    assert (before / "second").read_text(encoding="utf-8") == "content"
    assert (after / "second").read_text(encoding="utf-8") == "other content"


def test_failed_build_leaves_nothing_and_shows_the_end_of_its_log(cache: Cache, room: Path) -> None:
    artefact = Sample(room, "echo the reason; exit 3")
    with pytest.raises(ToolchainError, match=r"sample: sh ended with status 3(.|\n)*the reason"):
        cache.ensure(artefact)
    assert cache.find(artefact) is None
    assert not list(cache.directory(artefact).parent.glob(".building-*"))


def test_build_that_changes_its_inputs_is_thrown_away(cache: Cache, room: Path) -> None:
    artefact = Sample(room, f"echo later > '{room}/source'")
    with pytest.raises(ToolchainError, match="changed during the build"):
        cache.ensure(artefact)
    assert cache.find(artefact) is None


def test_killed_build_is_built_anew_and_its_remains_are_removed(
    cache: Cache, room: Path, start_builder: StartBuilder
) -> None:
    first = start_builder()
    wait_for(room / "running")
    first.send_signal(signal.SIGKILL)
    first.wait(PATIENCE_S)
    artefact = Sample(room)
    remains = cache.directory(artefact).parent
    assert cache.find(artefact) is None
    assert len(list(remains.glob(".building-*"))) == 1
    # The shell that the killed build left behind still writes there, so it still holds the lock.
    second = start_builder()
    wait_until_it_waits(second)
    open_gate(room)
    assert second.wait(PATIENCE_S) == 0
    directory = cache.find(artefact)
    assert directory is not None
    assert (directory / "second").read_text(encoding="utf-8") == "content"
    assert not list(remains.glob(".building-*"))


def test_interrupted_build_ends_its_programs(room: Path, start_builder: StartBuilder) -> None:
    builder = start_builder()
    wait_for(room / "running")
    shell = int((room / "running").read_text(encoding="utf-8"))
    builder.send_signal(signal.SIGINT)
    builder.wait(PATIENCE_S)
    assert not Path(f"/proc/{shell}").exists()


def test_two_builders_at_once_build_once(
    cache: Cache, room: Path, start_builder: StartBuilder
) -> None:
    first = start_builder()
    wait_for(room / "running")
    second = start_builder()
    wait_until_it_waits(second)
    open_gate(room)
    assert [first.wait(PATIENCE_S), second.wait(PATIENCE_S)] == [0, 0]
    artefact = Sample(room)
    assert artefact.count_builds() == 1
    assert cache.find(artefact) is not None


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("/elsewhere", "/elsewhere/municipal-cloud"), ("relative", "/home/x/.cache/municipal-cloud")],
)
def test_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, configured: str, expected: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", configured)
    monkeypatch.setenv("HOME", "/home/x")
    assert default_root() == Path(expected)


def key_of(room: Path) -> str:
    artefact: Artefact = Sample(room)
    artefact.inputs = lambda: [room]  # type: ignore[method-assign]
    return artefact.key()


def test_key_follows_content_name_and_execute_permission(room: Path) -> None:
    keys = [key_of(room)]
    (room / "source").write_text("content2", encoding="utf-8")
    keys.append(key_of(room))
    (room / "source").rename(room / "renamed")
    keys.append(key_of(room))
    (room / "renamed").chmod(0o755)
    keys.append(key_of(room))
    assert len(set(keys)) == 4


def test_key_does_not_follow_tests_and_compiled_files(room: Path) -> None:
    before = key_of(room)
    (room / "source_test.go").write_text("package x", encoding="utf-8")
    (room / "__pycache__").mkdir()
    (room / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert key_of(room) == before


def test_missing_input_is_named(room: Path) -> None:
    (room / "source").unlink()
    with pytest.raises(ToolchainError, match=f"{room}/source: missing"):
        Sample(room).key()


if __name__ == "__main__":
    # A shell starts what it puts into the background deaf to Ctrl-C, and so are its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Cache(Path(sys.argv[1])).ensure(Sample(Path(sys.argv[2]), sys.argv[3]))
