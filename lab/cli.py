"""The console script `lab`: a datacenter in a box, up, down, and looked at.

Thin: it takes arguments, calls, and prints. LAB_NAME says which lab (default: lab).
"""

import dataclasses
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.error import LabError
from lab.layout import Layout

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
_out = Console()
_error = Console(stderr=True, soft_wrap=True)

_BUG_CODE = 70
_STATE_STYLES = {"up": "green", "starting": "yellow", "stopping": "yellow", "failed": "red"}


@app.command()
def up() -> None:
    """Bring the lab up, or what is missing of it."""
    # Imported where it is used: `lab status` is asked often and needs none of it.
    from lab import lock, up

    layout = Layout.from_environment()
    tell = _progress()
    with lock.hold(layout.lock, lambda: tell("waiting for another `lab up` or `lab down`")):
        up.bring_up(layout, tell)


@app.command()
def down() -> None:
    """Take the lab down, with everything in it: hosts, disks, inventory."""
    from lab import down, lock

    layout = Layout.from_environment()
    tell = _progress()
    with lock.hold(layout.lock, lambda: tell("waiting for another `lab up` or `lab down`")):
        down.take_down(layout, tell)
    tell(f"lab {layout.name} is gone")


@app.command()
def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Show VMs, hosts, addresses and memory."""
    from lab.status import gather

    found = gather(Layout.from_environment())
    if as_json:
        sys.stdout.write(json.dumps(dataclasses.asdict(found), indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("VM", "state", "addresses"):
        table.add_column(heading)
    for heading in ("MiB used", "MiB", "vCPU"):
        table.add_column(heading, justify="right")
    for host in found.hosts:
        style = _STATE_STYLES.get(host.state, "")
        table.add_row(
            escape(host.name),
            f"[{style}]{host.state}[/]" if style else host.state,
            "\n".join(host.addresses),
            "" if host.memory_bytes is None else f"{host.memory_bytes / 2**20:.0f}",
            "" if host.memory_limit_mib is None else str(host.memory_limit_mib),
            "" if host.vcpu is None else str(host.vcpu),
        )
    _out.print(table)
    for host in found.hosts:
        if host.complaint:
            _out.print(f"{escape(host.name)}: {escape(host.complaint)}", style="red")
    if found.problem:
        raise LabError(found.problem)


@app.command()
def shell(host: Annotated[str, typer.Argument(help="The name of a VM whose host runs.")]) -> None:
    """Enter a running host, as root."""
    from lab.status import enter

    enter(Layout.from_environment(), host)


@app.command()
def sign(
    request: Annotated[Path, typer.Argument(help="A PKCS 10 request in PEM.")],
    *,
    days: Annotated[int, typer.Option(help="How long it is good.", min=1, max=3650)] = 365,
) -> None:
    """Print a certificate and its issuers', as a trust service provider would give them."""
    from lab.trust import sign

    layout = Layout.from_environment()
    if not layout.description_file.exists():
        message = f"{layout.description_file}: not there, so the lab is not up. Run `lab up`."
        raise LabError(message)
    sys.stdout.write(sign(layout, request, days))


@app.command()
def describe() -> None:
    """Print what a provider hands to an engineer: endpoints and names."""
    file = Layout.from_environment().description_file
    try:
        sys.stdout.write(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{file}: not there, so the lab is not up. Run `lab up`."
        raise LabError(message) from error


def main() -> None:
    """Run the command and turn what goes wrong into a message and an exit code."""
    try:
        app()
    except LabError as error:
        _error.print(f"lab: {error}", markup=False, highlight=False)
        sys.exit(error.exit_code)
    except Exception:  # the outermost place: a fault of ours goes to a file, not over the user
        with NamedTemporaryFile("w", prefix="lab-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        _error.print(f"lab: our bug. Please report it with {log.name}", markup=False)
        sys.exit(_BUG_CODE)


def _progress() -> Callable[[str], None]:
    started_at = time.monotonic()

    def tell(text: str) -> None:
        line = f"{time.monotonic() - started_at:5.1f}s {text}"
        _out.print(line, markup=False, highlight=False, soft_wrap=True)

    return tell
