"""A further port of a flow opens as its first one does, to every rule that looks for an opening."""

import re
from pathlib import Path

from infra.record import load
from tests.unit.record.good_record import lay_out


def test_rules_find_what_a_further_port_opens(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    record = folder / "tenant.yaml"
    moved, count = re.subn(
        r"    port: (\d+)\n",
        lambda found: f"    port: {int(found[1]) + 20000}\n    further_ports: [{found[1]}]\n",
        record.read_text(),
    )
    assert count > 5
    record.write_text(moved)
    assert all(len(flow.ports) == 2 for flow in load(folder).flows.values())
