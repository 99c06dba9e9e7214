"""Following Pulumi's engine, with a script that tells events in its place: the wiring only."""

import json
import sys
from pathlib import Path

import pytest

from infra.operations import engine
from infra.operations.engine import Diagnostic, EngineLog, SilenceError

URN = "urn:pulumi:lab::tenant::vsphere:index/folder:Folder::storing-folder"
EVENTS = [
    {"preludeEvent": {"config": {"vsphere:vsphereServer": "vcenter.example"}}},
    {"resourcePreEvent": {"metadata": {"urn": URN, "op": "create"}}},
    {"resourcePreEvent": {"metadata": {"urn": f"{URN}-2", "op": "same"}}},
    {"diagnosticEvent": {"severity": "error", "message": "it is broken\n", "urn": URN}},
    {"diagnosticEvent": {"severity": "debug", "message": "nothing new"}},
    {"diagnosticEvent": {"severity": "error", "message": "update failed\n"}},
]


def tell(tmp_path: Path, afterwards: str) -> list[str]:
    """Give a command that tells the events as Pulumi would, and then does something else."""
    text = "".join(f"{json.dumps(event)}\n" for event in EVENTS)
    script = tmp_path / "pulumi.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "assert os.environ['PULUMI_DEBUG_COMMANDS'] == 'true'\n"
        f"open(sys.argv[sys.argv.index('--event-log') + 1], 'w').write({text!r})\n{afterwards}\n"
    )
    return [sys.executable, str(script)]


def test_what_was_told_is_kept(tmp_path: Path) -> None:
    log = EngineLog()
    code = log.run(tell(tmp_path, "sys.exit(7)"), folder=tmp_path, environment={})
    assert code == 7
    assert log.config == {"vsphere:vsphereServer": "vcenter.example"}
    assert log.errors == [
        Diagnostic(resource="storing-folder", message="it is broken"),
        Diagnostic(resource=None, message="update failed"),
    ]
    assert log.running == {"storing-folder": "create"}


@pytest.mark.parametrize(
    "habit",
    ["", "signal.signal(signal.SIGINT, signal.SIG_IGN)"],
    ids=["that obeys", "that does not obey"],
)
def test_silent_engine_is_ended(
    habit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENCE_S", 1)
    ends = tuple((number, 1 if habit else 30) for number, _ in engine._ENDS)
    monkeypatch.setattr(engine, "_ENDS", ends)
    log = EngineLog()
    command = tell(tmp_path, f"{habit}\nwhile True: time.sleep(1)")
    with pytest.raises(SilenceError):
        log.run(command, folder=tmp_path, environment={})
    assert log.running == {"storing-folder": "create"}


def test_interrupted_engine_finishes_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal interrupts Pulumi, too; ours must not come on top: it would let go at once."""

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(EngineLog, "_follow", interrupt)
    mark = tmp_path / "finished"
    command = tell(tmp_path, f"open({str(mark)!r}, 'w').write('well')")
    with pytest.raises(KeyboardInterrupt):
        EngineLog().run(command, folder=tmp_path, environment={})
    assert mark.read_text() == "well"
