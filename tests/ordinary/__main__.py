"""Show that the lab runs on an ordinary Debian 12: boot one in emulation and use it there.

A small tenant is brought up, verified and taken down in it. Emulation is about eight times slower
than the machine itself: it proves that it works there, not how fast.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.ordinary.machine import boot

BUILD = Path(__file__).with_name("build")
BUILD_S = 1800

STEPS = (
    ("systemd and cgroup v2 alone", 120, "test -d /run/systemd/system"
     " && test $(stat -fc %T /sys/fs/cgroup) = cgroup2fs"
     " && uname -r && modprobe -a 8021q wireguard"),
    ("the toolchain, from the caches", 3600, "cd municipal-cloud && make toolchain"),
    ("a lab", 1200, "cd municipal-cloud && .venv/bin/lab up"),
    ("a stack", 900, "cd municipal-cloud && mkdir /root/records"
     " && cp -r tests/ordinary/tenants/klein tenants/provider.yaml /root/records/"
     " && TENANT_RECORDS=/root/records .venv/bin/tenant init klein"
     " --datacenter <(.venv/bin/lab describe) --bastion-address 10.255.0.11"),
    ("a tenant: up, configured, verified", 5400,
     "cd municipal-cloud && TENANT_RECORDS=/root/records .venv/bin/tenant up klein"),
    ("verified again", 1800,
     "cd municipal-cloud && TENANT_RECORDS=/root/records .venv/bin/tenant verify klein"),
    ("the lab down", 900, "cd municipal-cloud && .venv/bin/lab down"),
)  # fmt: skip
"""Name, deadline in seconds, command as root."""


def main() -> None:
    """Build, boot, take the steps; the folder stays when one fails."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.0f} s  {text}", flush=True)  # noqa: T201

    folder = Path(tempfile.mkdtemp(prefix="ordinary-", dir="/var/tmp"))
    say(f"the disk and the console's log are in {folder}")
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    subprocess.run([BUILD, folder, folder / "key.pub"], check=True, timeout=BUILD_S)
    say("booting")
    with boot(folder) as machine:
        for name, timeout_s, command in STEPS:
            say(name)
            machine.run(command, timeout_s)
    say("good")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
