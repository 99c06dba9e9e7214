"""The probe is one program of the standard library, and every wait for it ends.

A small program stands for ssh; what frames do is tried in the lab.
"""

import ast
import base64
import itertools
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.operations.isolation import probe, session
from infra.operations.isolation.session import PROGRAM, Sessions, open_session
from infra.operations.management_path import ManagementPath, NoAnswerError

HOST = ("werkendam", "db01")
PYTHON = """exec python3 -uc 'import json, sys
exec(compile(json.loads(sys.stdin.readline()), "probe", "exec"))'"""
Listen = Callable[[], probe.Presence]


@pytest.fixture
def path(tmp_path: Path) -> Callable[[str], ManagementPath]:
    """Return what makes a management path whose ssh is a shell program."""
    numbers = itertools.count()

    def make(program: str) -> ManagementPath:
        ssh = tmp_path / f"ssh-{next(numbers)}"
        ssh.write_text(f"#!/bin/sh\n{program}\n")
        ssh.chmod(0o700)
        return ManagementPath(
            folder=tmp_path, ssh=ssh, ssh_config=tmp_path / "ssh_config", agent_socket=""
        )

    return make


def test_probe_needs_nothing_but_the_standard_library() -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(PROGRAM.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module or ""
        for node in ast.walk(ast.parse(PROGRAM.read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_program_and_orders_go_by_standard_input(path: Callable[[str], ManagementPath]) -> None:
    with open_session(path(PYTHON), HOST) as opened:
        with pytest.raises(NoAnswerError, match="werkendam/db01: cannot dance: no such order"):
            opened.order("dance")
        assert opened.order("ask", questions=[]) == {"replies": {}}


def test_answer_that_is_not_due_is_told_and_not_waited_for() -> None:
    undue: dict[str, socket.socket] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service, ExitStack() as opened:
        service.settimeout(30)
        service.bind(("127.0.0.1", 0))
        asked = ["udp", *service.getsockname(), base64.b64encode(b"?").decode(), False]
        order = {"questions": [["answered", *asked], ["unanswered", *asked]]}
        assert probe.ask(order, undue) == {"replies": {}}
        for connection in undue.values():
            opened.enter_context(connection)
        began = time.monotonic()
        assert probe.read_undue(undue) == {}
        _, who = service.recvfrom(16)
        service.sendto(b"told", who)
        assert probe.read_undue(undue) == {"answered": base64.b64encode(b"told").decode()}
        assert time.monotonic() - began < probe.REPLY_S / 4, "waited"


def test_lost_host_is_named_with_the_words_of_ssh(path: Callable[[str], ManagementPath]) -> None:
    with (
        open_session(path("echo Connection refused >&2; exit 255"), HOST) as opened,
        pytest.raises(NoAnswerError, match="werkendam/db01: lost while asked to report: Conn"),
    ):
        opened.order("report")


def test_silence_ends_at_the_deadline(
    path: Callable[[str], ManagementPath], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "ANSWER_S", 0.2)
    monkeypatch.setattr(session, "END_S", 0.2)
    with (
        open_session(path("exec sleep 60"), HOST) as opened,
        pytest.raises(NoAnswerError, match=r"no answer to `report` within 0\.2 s"),
    ):
        opened.order("report")


def test_host_that_is_lost_is_told_and_the_others_go_on(
    path: Callable[[str], ManagementPath],
) -> None:
    with (
        open_session(path("exit 255"), HOST) as lost,
        open_session(path(PYTHON), ("werkendam", "app01")) as other,
    ):
        sessions = Sessions([lost, other])
        for _ in range(2):
            answers = sessions.each(lambda one: one.order("ask", questions=[]))
            assert answers == {other.host: {"replies": {}}}
        assert sessions.each(lambda one: one.order("tell_time"), only=[HOST]) == {}
        assert list(sessions.lost) == [HOST]
        assert sessions.lost[HOST].startswith("werkendam/db01: lost while asked to ask")


def test_mac_that_systemd_would_give_back_meanwhile_is_not_changed() -> None:
    guard = object.__new__(probe.Guard)
    guard.device, guard.own = probe.LOOPBACK, probe.read_mac(probe.LOOPBACK)
    now = time.monotonic()
    guard.ends = now + probe.RESERVE_S
    order = {"at": now, "until": now + 0.1, "mac": "02:00:00:00:00:01"}
    told = probe.change_mac(order, guard)
    assert told["had"] == told["has"] == guard.own == "00:00:00:00:00:00"
    assert told["taken"] == told["restored"]


@pytest.fixture
def listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listen]:
    """Return what lets one more run listen on a host; all have ended afterwards."""
    monkeypatch.setattr(probe, "LOCKED", str(tmp_path))
    with ExitStack() as opened:

        def begin() -> probe.Presence:
            presence = probe.Presence()
            opened.callback(os.close, presence.lock)
            return presence

        yield begin


def test_host_on_which_another_run_listens_is_not_seized(listen: Listen) -> None:
    one, other = listen(), listen()
    assert not one.seize()
    assert not other.seize()
    assert not one.is_alone


def test_host_is_seized_by_who_listens_alone_and_by_one_run_after_the_other(
    listen: Listen,
) -> None:
    one = listen()
    assert one.seize()
    one.share()
    assert not listen().seize()
    assert one.is_alone


def test_run_that_begins_waits_until_the_host_hears_again(listen: Listen) -> None:
    deaf = listen()
    assert deaf.seize()
    with ThreadPoolExecutor() as runs:
        beginning = runs.submit(listen)
        with pytest.raises(TimeoutError):
            beginning.result(0.2)
        deaf.share()
        assert not beginning.result(30).seize()
