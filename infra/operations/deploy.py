"""Deploy a stack: run `pulumi up` with a program that is served to it.

Pulumi would start the program with the whole configuration in its environment, every secret in
the clear; over a connection it sends the same in memory (docs/adr/0014).
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from infra.operations.stack import ROOT, DeploymentError, Stack


def deploy(stack: Stack) -> None:
    """Make the datacenter what the record says.

    Raises:
        DeploymentError: Pulumi could not do it, and has said why.
    """
    with serve_program() as address:
        # With refresh, so that what was changed or lost behind Pulumi's back is put right; by the
        # program's login, because the state still has the vCenter's password of the last run.
        stack.deploy(
            "up",
            "--yes",
            "--refresh",
            "--run-program",
            "--skip-preview",
            "--suppress-outputs",
            "--client",
            address,
        )


@contextmanager
def serve_program() -> Iterator[str]:
    """Serve the program for commands of Pulumi that take `--client`; yields the address.

    Raises:
        DeploymentError: it does not start.
    """
    # It ends with its standard input, so also when we are killed. An interrupt from the terminal is
    # for Pulumi, which then still needs it.
    with subprocess.Popen(
        [sys.executable, "-m", "infra.serve"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as server:
        address = server.stdout.readline().strip() if server.stdout else ""
        if not address:
            message = "infra/serve.py: does not start. What it says is above. Run `make toolchain`."
            raise DeploymentError(message)
        try:
            yield address
        finally:
            server.terminate()
