"""Processes as the kernel shows them: found by a mark in their environment, ended for certain.

A mark in the environment survives what a file of process ids does not: a crash, a lost tmpfs, a
process id used again. It must not know what the processes do.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path


def find_marked(variable: str) -> dict[str, int]:
    """Return the processes that carry an environment variable: its value -> process id.

    Only processes in the machine's own process namespace: what a guest writes into the
    environment of its processes counts for nothing. Of several with one value (a process and what
    it forked), the first to start.
    """
    own = Path("/proc/self/ns/pid").readlink()
    found: dict[str, int] = {}
    for pid in sorted(_all_pids(), key=lambda pid: (start_time(pid), pid)):
        value = environment(pid).get(variable)
        if value is None or value in found:
            continue
        try:
            is_own = Path(f"/proc/{pid}/ns/pid").readlink() == own
        except OSError:
            continue
        if is_own:
            found[value] = pid
    return found


def environment(pid: int) -> dict[str, str]:
    """Return the environment a process started with; empty when it has ended or is a zombie."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in raw.decode(errors="replace").split("\0") if entry)
    return {key: value for key, _, value in pairs}


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks after boot; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    # The name in parentheses may hold spaces; the fields behind it do not. proc(5): field 22.
    return int(text.rpartition(")")[2].split()[19])


def inner_pids(pid: int) -> tuple[int, ...]:
    """Return a process's ids, outermost process namespace first; empty when it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    for line in text.splitlines():
        if line.startswith("NSpid:"):
            return tuple(int(part) for part in line.split()[1:])
    return ()


def is_zombie(pid: int) -> bool:
    """Say whether a process has ended and only waits to be collected (or is gone)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] in {"Z", "X"}


def end(pid: int, *, grace_s: float) -> None:
    """End a process: SIGTERM, and SIGKILL when it is still there after `grace_s` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for signal_number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10.0)):
            try:
                signal.pidfd_send_signal(handle, signal_number)
            except ProcessLookupError:
                return
            if wait_for_exit(handle, patience_s):
                return
    finally:
        os.close(handle)


def wait_for_exit(handle: int, timeout_s: float) -> bool:
    """Wait until the process behind a pidfd has ended; say whether it has."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    return bool(poller.poll(max(0.0, timeout_s) * 1000))


def until(deadline_s: float, *, pause_s: float = 0.05) -> Iterator[None]:
    """Yield again and again, with a pause between, until `deadline_s` seconds have passed.

    The caller leaves the loop when what it waits for has come; when the loop ends by itself, the
    deadline has passed. Yields at least once.
    """
    end_at = time.monotonic() + deadline_s
    while True:
        yield
        if time.monotonic() + pause_s > end_at:
            return
        time.sleep(pause_s)


def _all_pids() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)
