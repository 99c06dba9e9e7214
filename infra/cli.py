"""The console script `tenant`: arguments in, one operation, exit code out. No logic.

Exit codes: 0 done, 2 bad record or arguments, 3 refused by a rule, 4 deployment failed,
5 a check failed, 70 our bug.
"""

import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from infra.errors import TenantError
from infra.plan.model import Plan
from infra.reading import read_plan
from infra.record.place import folder_of

if TYPE_CHECKING:
    # Imported where used: Ansible and pytest cost a second that `tenant plan` need not wait.
    from infra.operations.management_path import ManagementPath
    from infra.operations.stack import Stack
    from infra.outputs import StackOutputs

EXIT_BUG = 70

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Describe, deploy, configure and verify a municipality's tenant.",
)
secrets = typer.Typer(no_args_is_help=True, help="The stack's secrets.")
app.add_typer(secrets, name="secrets")
certificates = typer.Typer(no_args_is_help=True, help="Certificates of servers that meet partners.")
app.add_typer(certificates, name="certificates")
out = Console()
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

Id = Annotated[str, typer.Argument(metavar="ID", help="The tenant: a folder below tenants/.")]
StackName = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="Needed when the tenant has several stacks."),
]


def _say(line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def _plan(tenant: str) -> Plan:
    return read_plan(folder_of(tenant))


@app.command()
def check(tenant: Id) -> None:
    """Check a record: all faults at once."""
    plan = _plan(tenant)
    _say(
        f"{tenant}: good: {len(plan.segments)} segments, {len(plan.servers)} servers,"
        f" {len(plan.flows)} flows, {len(plan.checks)} checks."
    )


@app.command()
def plan(
    tenant: Id, is_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Show everything that follows from a record. Touches nothing."""
    from infra.operations.show import plan_json, show_plan

    compiled = _plan(tenant)
    if is_json:
        sys.stdout.write(plan_json(compiled))
    else:
        show_plan(compiled, out)


@app.command()
def init(
    tenant: Id,
    datacenter: Annotated[
        Path, typer.Option(metavar="FILE", help="The provider's description of the datacenter.")
    ],
    bastion_address: Annotated[
        str, typer.Option(metavar="IP", help="The bastion's address in provider-management.")
    ],
) -> None:
    """Make or complete the tenant's stack in a datacenter, with its secrets."""
    from infra.operations.description import read_description
    from infra.operations.initialise import initialise

    stack = initialise(_plan(tenant), read_description(datacenter), bastion_address)
    _say(f"Pulumi.{stack.name}.yaml: stack {stack.name} is ready. Next: tenant up {tenant}")


@app.command()
def env(tenant: Id, stack: StackName = None) -> None:
    """Print what the plain Pulumi CLI needs, for `eval "$(tenant env ID)"`."""
    from infra.operations.stack import export_lines, find_stack

    for line in export_lines(find_stack(tenant, stack)):
        _say(line)


@app.command()
def up(tenant: Id, stack: StackName = None) -> None:
    """Deploy, configure and verify: pulumi up, then the hosts, then the proof."""
    from infra.certificate import require_certificates
    from infra.operations.certificate import find_certificates
    from infra.operations.deploy import deploy
    from infra.operations.endpoint import check_endpoint
    from infra.operations.recovery import recover
    from infra.operations.secret import complete_secrets, forget_former_key
    from infra.operations.stack import find_stack
    from infra.operations.stack_config import read_config

    compiled = _plan(tenant)
    chosen = find_stack(tenant, stack)
    known = read_config(chosen)
    require_certificates(compiled, find_certificates(known), chosen.name)
    _say(f"== deploy {tenant}")
    check_endpoint(known)
    recover(chosen, tenant, _say)
    complete_secrets(chosen, compiled)
    deploy(chosen)
    with _management_path(chosen) as (outputs, path):
        _configure(tenant, outputs, path)
        forget_former_key(chosen, outputs)
        _verify(tenant, chosen.name, outputs, path)


@app.command()
def configure(
    tenant: Id,
    stack: StackName = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Also hosts whose inputs did not change.")
    ] = False,
    is_check: Annotated[bool, typer.Option("--check", help="Only tell what would change.")] = False,
) -> None:
    """Configure the hosts of a deployed tenant."""
    from infra.operations.stack import find_stack

    with _management_path(find_stack(tenant, stack)) as (outputs, path):
        _configure(tenant, outputs, path, is_all=is_all, is_check=is_check)


@app.command()
def verify(
    tenant: Id,
    stack: StackName = None,
    suite: Annotated[
        Literal["host", "isolation", "matrix"],
        typer.Option(
            "--suite",
            help="host: what the plan claims; isolation: attacks on it and on its neighbours;"
            " matrix: every port between every two hosts.",
        ),
    ] = "host",
) -> None:
    """Verify a deployed tenant with real clients and real packets."""
    from infra.operations.stack import find_stack

    chosen = find_stack(tenant, stack)
    with _management_path(chosen) as (outputs, path):
        match suite:
            case "host":
                _verify(tenant, chosen.name, outputs, path)
            case "isolation":
                _verify_isolation(chosen, outputs, path)
            case "matrix":
                _try_matrix(tenant, chosen.name, outputs, path)


@app.command()
def report(tenant: Id, stack: StackName = None) -> None:
    """Write the report of what the suites found: Dutch, one HTML file that prints on A4."""
    from infra.operations.report import write_report
    from infra.operations.stack import ROOT, find_stack

    chosen = find_stack(tenant, stack)
    file = write_report(chosen.outputs(), ROOT / "evidence" / chosen.name)
    _say(f"{file.relative_to(ROOT)}: written. Open it in a browser.")


@secrets.command()
def rotate(
    tenant: Id,
    stack: StackName = None,
    only: Annotated[
        Literal["databases", "management-key", "tunnels", "certificates"] | None,
        typer.Option("--only", help="Without it, all."),
    ] = None,
) -> None:
    """Make new passwords and keys; `tenant up` brings them in, a certificate's once signed."""
    from infra.operations.secret import (
        rotate_certificate_keys,
        rotate_management_key,
        rotate_passwords,
        rotate_tunnel_keys,
    )
    from infra.operations.stack import find_stack

    compiled = _plan(tenant)
    chosen = find_stack(tenant, stack)
    if only in (None, "management-key"):
        rotate_management_key(chosen)
    if only in (None, "databases"):
        rotate_passwords(chosen, compiled)
    if only in (None, "tunnels"):
        rotate_tunnel_keys(chosen, compiled)
    if only in (None, "certificates"):
        rotate_certificate_keys(chosen, compiled)
        _say(
            f"Pulumi.{chosen.name}.yaml: certificates: new keys, in use once their certificates are"
            f" accepted. Next: commit the file, then tenant certificates request {tenant}"
        )
    if only != "certificates":
        _say(
            f"Pulumi.{chosen.name}.yaml: {only or 'databases, management-key, tunnels'}: new. The"
            f" hosts still use the former. Next: commit the file, then tenant up {tenant}"
        )


@certificates.command()
def request(
    tenant: Id,
    stack: StackName = None,
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to write the requests.")
    ] = Path(),
) -> None:
    """Write a request for the trust service provider, one for each server that meets partners."""
    from infra.operations.certificate import write_requests
    from infra.operations.stack import find_stack

    written = write_requests(find_stack(tenant, stack), _plan(tenant), folder)
    for file in written:
        _say(f"{file}: written. Have it signed, then: tenant certificates accept {tenant} FILE")
    if not written:
        _say(f"{tenant}: no server meets partners: nothing to request.")


@certificates.command()
def accept(
    tenant: Id,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="A chain in PEM each, the root last.")
    ],
    stack: StackName = None,
) -> None:
    """Take in signed certificates; `tenant up` then brings them in."""
    from infra.operations.certificate import accept_certificates
    from infra.operations.stack import find_stack

    chosen = find_stack(tenant, stack)
    for server in accept_certificates(chosen, _plan(tenant), files):
        _say(f"Pulumi.{chosen.name}.yaml: certificate of {server}: stored.")
    _say(f"Next: commit the file, then tenant up {tenant}")


@contextmanager
def _management_path(stack: "Stack") -> Iterator["tuple[StackOutputs, ManagementPath]"]:
    from infra.operations.management_path import await_bastion, open_management_path

    outputs = stack.outputs()
    with open_management_path(outputs, stack.name) as path:
        await_bastion(outputs, path, _say)
        yield outputs, path


def _configure(
    tenant: str,
    outputs: "StackOutputs",
    path: "ManagementPath",
    *,
    is_all: bool = False,
    is_check: bool = False,
) -> None:
    from infra.operations.configure import configure as run

    _say(f"== configure {tenant}{' (only telling)' if is_check else ''}")
    outcome = run(outputs, path, _say, is_all=is_all, is_check=is_check)
    tasks = sum(len(names) for names in outcome.changed.values())
    total = len(outputs.plan.servers)
    _say(f"   {tasks} changes on {len(outcome.changed)} of {total} hosts")
    if left := total - len(outcome.hosts):
        _say(f"   {left} hosts left alone: their inputs are those of their last good run")


def _verify(tenant: str, stack: str, outputs: "StackOutputs", path: "ManagementPath") -> None:
    from infra.operations.stack import ROOT
    from infra.operations.verify import verify as run

    _say(f"== verify {tenant}")
    evidence = ROOT / "evidence" / stack / "verify.json"
    results = run(outputs, path, _say, evidence)
    _say(f"   {len(results)} checks passed; evidence in {evidence.relative_to(ROOT)}")


def _try_matrix(tenant: str, stack: str, outputs: "StackOutputs", path: "ManagementPath") -> None:
    from infra.operations.matrix import try_matrix
    from infra.operations.stack import ROOT

    _say(f"== verify {tenant}: matrix")
    evidence = ROOT / "evidence" / stack / "matrix.json"
    outcomes = try_matrix(outputs, path, _say, evidence)
    probes = sum(swept.sent for outcome in outcomes for swept in outcome.swept)
    _say(
        f"   {len(outcomes)} pairs, {probes} probes: exactly the plan's flows are open;"
        f" evidence in {evidence.relative_to(ROOT)}"
    )


def _verify_isolation(stack: "Stack", outputs: "StackOutputs", path: "ManagementPath") -> None:
    from infra.operations.isolation.suite import verify_isolation as run
    from infra.operations.stack import ROOT

    _say(f"== verify isolation of {outputs.plan.tenant}")
    evidence = ROOT / "evidence" / stack.name / "isolation.json"
    findings = run(stack, outputs, path, _say, evidence)
    _say(
        f"   {len(findings.outcomes)} outcomes passed in {findings.duration_s:g} s;"
        f" evidence in {evidence.relative_to(ROOT)}"
    )


def main() -> None:
    """Run the console script; say errors in their own words and end with their exit code."""
    try:
        app()
    except TenantError as error:
        err.print(str(error))
        sys.exit(error.exit_code)
    except Exception:  # the outermost frame: a bug must not end in a bare traceback
        with tempfile.NamedTemporaryFile(
            "w", prefix="tenant-bug-", suffix=".log", delete=False
        ) as log:
            traceback.print_exc(file=log)
        err.print(f"{log.name}: this is our bug, not yours; the traceback is there. Report it.")
        sys.exit(EXIT_BUG)
