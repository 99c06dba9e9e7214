"""What the kernel's counters hold is told as nft tells it, in a network namespace of our own."""

import json
import subprocess
import sys

import pytest

RULES = """
table inet host_filter {{
    counter dropped_incoming {{ packets 4294967299 bytes 1 }}
    counter dropped_outgoing {{ }}
    quota ours {{ 25 mbytes }}
    {more}
}}
table ip other {{
    counter dropped_forward {{ packets 7 bytes 9 }}
}}
"""

ASK = """
import json, subprocess
from infra.matrix.ledger import read_packets
subprocess.run(["nft", "-f", "-"], check=True)
print(json.dumps(read_packets()))
"""


def _ask(rules: str) -> dict[str, int]:
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", ASK]
    done = subprocess.run(command, input=rules, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, int] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("count", [0, 500], ids=["one message", "more than one message"])
def test_counters_of_all_tables_are_told_and_nothing_else(count: int) -> None:
    many = {f"counter_{number:04}": number for number in range(count)}
    more = "\n".join(f"counter {name} {{ packets {held} bytes 0 }}" for name, held in many.items())
    own = {"dropped_incoming": 4294967299, "dropped_outgoing": 0, "dropped_forward": 7}
    assert _ask(RULES.format(more=more)) == own | many


def test_host_without_a_filter_has_no_counters() -> None:
    assert _ask("") == {}
