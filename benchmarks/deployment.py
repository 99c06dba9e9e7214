"""Create 100 servers and look for changes: `pulumi` against `terraform`, the same provider in both.

`python -m benchmarks.deployment`. Both declare the same resources, on a vCenter of their own whose
guests are up at once, each with the parallelism it chooses itself. Needs terraform on PATH.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import yaml

from benchmarks.measurement import Comparison, Result, keep, seconds, take_turns
from benchmarks.record import write_record
from benchmarks.terraform.estate import PROVIDER, declare
from benchmarks.terraform.plugin import TerraformPlugin
from benchmarks.vcenter import serve_vcenter
from infra.operations.management_path import MEMORY_FOLDER
from infra.operations.stack import ROOT
from infra.plan.model import Plan
from infra.reading import read_plan
from infra.record.place import ENVIRONMENT as RECORDS
from infra.settings import Settings, parse_settings
from lab.datacenter import read_datacenter
from toolchain.catalogue import open_cache
from toolchain.golang import GoToolchain
from toolchain.vsphere_plugin import VspherePlugin

SERVERS = 100
FLOWS = 500
ROUNDS = 3
STACK = "maat-bench"
PUBLIC_KEY = "ssh-ed25519 none"
LIMITS = (
    "Where pulumi's time goes, processor time profiled on 2026-11-24. A preview from state: the CLI"
    " 1.5 s, the Python program 1.8 s (half of it start and imports), the bridged provider 2.7 s;"
    " terraform 1.3 s and the same provider without bridge 0.8 s. A refresh: 6.9 s in the bridged"
    " provider, 1.9 s without. Creating: 10.7 s in the CLI, which writes the whole state at every"
    " step, against 3.7 s; with these checkpoints off it is 1.9 s and creating takes as long as"
    " with terraform, but a killed run could not be resumed. So the limits are the bridge between"
    " pulumi and the provider, and the file backend's checkpoints."
)
"""What the profile said: it is not measured again with the benchmark, so it carries its date."""


class Contender(Protocol):
    """A program that brings a declared estate about."""

    def create(self) -> None:
        """Create everything."""

    def preview(self) -> None:
        """Look for changes in the vCenter."""

    def preview_from_state(self) -> None:
        """Look for changes without asking the vCenter for each resource."""

    def count(self) -> int:
        """Count the resources that exist."""


@dataclass(frozen=True)
class Pulumi:
    """The project's own program, on a record made for the purpose."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def prepare(
        cls, folder: Path, record: Path, plan: Plan, settings: Settings, where: Mapping[str, str]
    ) -> "Pulumi":
        """Make a stack outside the checkout, of the checkout's program."""
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        # JSON is YAML.
        project_file = folder / "Pulumi.yaml"
        project_file.write_text(json.dumps({**project, "main": str(ROOT / project["main"])}))
        (folder / ".venv").symlink_to(ROOT / ".venv")
        backend = folder / "state"
        backend.mkdir()
        values: dict[str, Any] = {
            f"tenant:{key.replace('_', '-')}": value
            for key, value in settings.model_dump(mode="json", exclude_none=True).items()
        }
        values["tenant:management-key"] = "none"
        values["tenant:databases"] = dict.fromkeys(plan.applications, "none")
        (folder / f"Pulumi.{STACK}.yaml").write_text(json.dumps({"config": values}))
        binaries = str(Path(sys.executable).parent)
        environment = {
            # Python keeps what it compiled, unless a caller's environment forbids it.
            **{
                name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
            },
            **where,
            "PATH": f"{binaries}:{os.environ['PATH']}",
            RECORDS: str(record.parent),
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "none",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        contender = cls(folder, environment)
        contender._run("stack", "init")
        return contender

    def create(self) -> None:
        """Run it as `tenant up` does."""
        self._run("up", "--yes", "--skip-preview", "--suppress-outputs")

    def preview(self) -> None:
        """Refresh, then compare."""
        self._run("preview", "--refresh", "--expect-no-changes", "--suppress-outputs")

    def preview_from_state(self) -> None:
        """Compare with the state."""
        self._run("preview", "--expect-no-changes", "--suppress-outputs")

    def count(self) -> int:
        """Count what the provider made, without components and look-ups."""
        exported = json.loads(self._run("stack", "export"))
        return sum(
            resource["type"].startswith("vsphere:") and resource["custom"]
            for resource in exported["deployment"]["resources"]
        )

    def _run(self, *arguments: str) -> str:
        argv = ["pulumi", *arguments, "--stack", STACK, "--non-interactive"]
        return _run(argv, self.folder, self.environment)


@dataclass(frozen=True)
class Terraform:
    """The same resources, in terraform's own words."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def prepare(
        cls, folder: Path, plan: Plan, settings: Settings, where: Mapping[str, str], plugin: Path
    ) -> "Terraform":
        """Write the declaration, and where the plugin is: terraform asks no registry."""
        (folder / "main.tf.json").write_text(json.dumps(declare(plan, settings)))
        configuration = folder / "terraform.rc"
        configuration.write_text(
            f'provider_installation {{\n  dev_overrides {{ "{PROVIDER}" = "{plugin}" }}\n}}\n'
        )
        environment = {
            **os.environ,
            **where,
            "TF_CLI_CONFIG_FILE": str(configuration),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        return cls(folder, environment)

    def create(self) -> None:
        """Create everything."""
        self._run("apply", "-auto-approve", "-input=false")

    def preview(self) -> None:
        """Refresh, then compare; exit code 2 would say that there are changes."""
        self._run("plan", "-detailed-exitcode", "-input=false")

    def preview_from_state(self) -> None:
        """Compare with the state."""
        self._run("plan", "-detailed-exitcode", "-input=false", "-refresh=false")

    def count(self) -> int:
        """Count what the provider made, without look-ups."""
        addresses = self._run("state", "list").splitlines()
        return sum(not address.startswith("data.") for address in addresses)

    def _run(self, *arguments: str) -> str:
        return _run(["terraform", *arguments], self.folder, self.environment)


def _run(argv: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def _contender(name: str, plugin: Path) -> Iterator[Contender]:
    """Give a contender a datacenter of its own, in memory."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=MEMORY_FOLDER) as base:
        folder = Path(base)
        record = write_record(folder / "records" / "maat", servers=SERVERS, flows=FLOWS)
        plan, settings = read_plan(record), _settings()
        project = folder / name
        project.mkdir()
        with serve_vcenter(folder) as served:
            if name == "pulumi":
                yield Pulumi.prepare(project, record, plan, settings, served.environment)
            else:
                yield Terraform.prepare(project, plan, settings, served.environment, plugin)


def _settings() -> Settings:
    datacenter = read_datacenter()
    return parse_settings(
        {
            "id": "maat",
            "datacenter": {
                "name": datacenter.datacenter,
                "cluster": datacenter.cluster.name,
                "datastore": next(iter(datacenter.datastores)),
                "switch": datacenter.switch.name,
                "template": datacenter.template.name,
            },
            "management": {
                "port_group": datacenter.management.port_group,
                "prefix": str(datacenter.management.prefix),
                "bastion_address": str(datacenter.management.prefix[11]),
                "package_proxy": f"{datacenter.management.prefix[1]}:3128",
            },
            "protect_volumes": False,
            "management_public_key": PUBLIC_KEY,
        },
        STACK,
    )


def main() -> None:
    """Measure and keep the result."""
    if shutil.which("terraform") is None:
        sys.exit("terraform: not on PATH. It is the peer of this benchmark. Install it.")
    cache = open_cache()
    if VspherePlugin(GoToolchain(cache)).provided():
        sys.exit(
            "pulumi-resource-vsphere: a released plugin is installed, and terraform's is of 2021."
            " The same provider is compared. Measure where the toolchain builds the plugin."
        )
    plugin = cache.ensure(TerraformPlugin(GoToolchain(cache)))
    stages: dict[str, Callable[[Contender], None]] = {
        "create": lambda contender: contender.create(),
        "preview with refresh": lambda contender: contender.preview(),
        "preview from state": lambda contender: contender.preview_from_state(),
    }
    series: dict[str, list[float]] = {}
    counts: dict[str, int] = {}

    def life(name: str) -> Callable[[], float]:
        def measure() -> float:
            with _contender(name, plugin) as contender:
                taken = {
                    stage: seconds(partial(method, contender)) for stage, method in stages.items()
                }
                counts[name] = contender.count()
            for stage, value in taken.items():
                series.setdefault(f"{name}: {stage}", []).append(round(value, 3))
            return sum(taken.values())

        return measure

    take_turns(ROUNDS, {name: life(name) for name in ("pulumi", "terraform")})
    if len(set(counts.values())) != 1:
        sys.exit(f"benchmarks/deployment.py: not the same resources: {counts}. Mend the peer.")
    keep(
        "deployment",
        Result(
            title=f"Create {SERVERS} servers, and preview without changes",
            series=series,
            comparisons=tuple(
                Comparison(
                    what=f"{stage}: pulumi against terraform",
                    subject=f"pulumi: {stage}",
                    peer=f"terraform: {stage}",
                    goal=goal,
                )
                for stage, goal in zip(stages, (1.0, 1.5, 1.5), strict=True)
            ),
            notes=(
                f"{counts['pulumi']} resources of the same provider, v1.26.0, in both; guests are"
                " a double that is up at once (benchmarks/vcenter.py).",
                LIMITS,
            ),
        ),
    )


if __name__ == "__main__":
    main()
