"""Start the hypervisor agent: `python -m lab.hypervisor --image DIRECTORY`.

The lab is the one that LAB_NAME names. It prints one line when it follows the vCenter; its log
goes to standard error. SIGTERM ends it; hosts go on running, and the next agent adopts them.
"""

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from lab.cgroup import open_groups
from lab.error import LabError
from lab.fabric.switch import Switch
from lab.hypervisor.agent import Agent, die_with_thread
from lab.layout import Layout


def main() -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m lab.hypervisor")
    parser.add_argument("--image", type=Path, required=True, help="root of the host image")
    image: Path = parser.parse_args().image
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("pyroute2").setLevel(logging.WARNING)
    threading.excepthook = die_with_thread
    signal.signal(signal.SIGTERM, _end)
    try:
        layout = Layout.from_environment()
        switch = Switch(layout.fabric)
        switch.ensure()
        Agent(layout, image, switch, open_groups(layout.name)).serve(_announce)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _announce() -> None:
    sys.stdout.write(json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
