"""`kill -9` anywhere while a tenant is brought up: the next `tenant up` completes.

KILLS says how many blows fall (10), KILL_SEED which; the seed is always printed. Each blow falls
into a run that has work. It does not prove what a real vCenter does with a session that is lost.
"""

import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random, SystemRandom

import pytest
from pyVmomi import vim

from infra.operations.stack import ROOT
from infra.operations.stack_config import read_config
from infra.record.place import ENVIRONMENT
from lab.layout import Layout
from lab.process import until
from tests.failure.case import read_case
from tests.lab.conftest import run_lab
from tests.lab.estate import Estate, make_key, wait
from tests.lab.ongoing import RUN_S, begin
from tests.lab.remainder import differences, half_written, processes
from tests.lab.site import Site, open_site
from tests.lab.tenant import PROGRAM, run_tenant
from tests.lab.victim import VICTIMS, pulumi_pids

pytestmark = pytest.mark.lab

TENANT = "kapot"
BASTION = "10.255.0.202"
"""The bastion's leg in this lab, away from the addresses of other tests."""

KILLS = int(os.environ.get("KILLS") or 10)
SEED = int(os.environ.get("KILL_SEED") or SystemRandom().randrange(10**6))

SERVER = {
    "segment": "app",
    "address": "10.22.20.12",
    "vcpu": 1,
    "memory_mib": 512,
    "disks": {"data": {"unit": 1, "size_gib": 1, "mount": "/srv/data"}},
    "roles": ["workplace"],
}
FLOW = {"from": ["bastion01"], "to": ["edge01"], "protocol": "tcp", "port": 22}
FLOW |= {"purpose": "comes and goes", "owner": "CISO"}

# The output that begins or continues a stage's work, and how long a blow may wait after it.
MOMENTS = {
    "deploy": [(r" refreshing ", 2.0), (r"VirtualMachine .* (creating|updating|deleting) ", 4.0)],
    "configure": [(r"^== configure", 6.0), (r": changed: ", 4.0)],
    "verify": [(r"^== verify", 3.0)],
}
GOOD_ENDS = {0, 4, 5, -signal.SIGKILL}
"""Of a run under a blow: it may survive, tell of it in its own words, or be the victim."""


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant of two servers, not yet up; a third one comes and goes."""
    records = tmp_path_factory.mktemp("records")
    without = ("werkplek01", "app01", "db01")
    with open_site(layout, records, TENANT, bastion=BASTION, without=without) as site:
        shutil.rmtree(site.record.parent / "applications")
        with site.edit() as content:
            for flow in ("meldingen-web", "meldingen-database"):
                del content["flows"][flow]
        yield site


def change(site: Site, random: Random) -> str:
    """Change the record so that the next run has work; return what was changed."""
    with site.edit() as content:
        servers, flows = content["servers"], content["flows"]
        kinds = ["flow", "server", "server"] + (["memory"] if "klap01" in servers else [])
        kind = random.choice(kinds)
        if kind == "flow":
            known, key, value = flows, "klap", FLOW
        elif kind == "server":
            known, key, value = servers, "klap01", SERVER
        else:
            memory_mib = servers["klap01"]["memory_mib"]
            servers["klap01"]["memory_mib"] = 768 if memory_mib == 512 else 512
            return "memory of klap01"
        if key in known:
            del known[key]
            return f"{key} goes"
        known[key] = dict(value)
        return f"{key} comes"


def complete(site: Site) -> str:
    """Run `tenant up` until it completes, doing only what its messages say."""
    for _ in until(RUN_S, pause_s=1):
        done = subprocess.run(
            [PROGRAM, "up", site.tenant, "--stack", site.stack.name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        assert done.returncode == 4, done.stdout + done.stderr
        assert "locked since" in done.stderr, done.stdout + done.stderr
        if "which has ended" in done.stderr:
            free_lock(done.stderr)
    message = f"still locked after {RUN_S} s: {done.stderr}"
    raise AssertionError(message)


def free_lock(message: str) -> None:
    """Run the command that a message gives."""
    command = message.rstrip("\n").rpartition("free the lock: ")[2]
    command = command.rpartition("Free the lock: ")[2]
    subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )


def await_hosts(layout: Layout) -> None:
    """Wait until every VM's host is up again, and nothing else runs."""
    for _ in until(RUN_S, pause_s=0.5):
        hosts = json.loads(run_lab(layout, "status", "--json"))["hosts"]
        if {host["state"] for host in hosts} <= {"up", "off"}:
            return
    message = f"the hosts do not settle: {hosts}"
    raise AssertionError(message)


def await_machine(estate: Estate, name: str) -> None:
    """Wait until the vCenter has a VM of this name."""
    for _ in until(RUN_S, pause_s=0.05):
        if name in estate.names(vim.VirtualMachine):
            return
    message = f"{name}: not in the vCenter after {RUN_S} s"
    raise AssertionError(message)


def test_what_a_failed_run_left_is_removed_unless_it_is_used(
    site: Site, layout: Layout, tmp_path: Path
) -> None:
    estate = Estate(layout, make_key(tmp_path))
    try:
        folder = estate.find(vim.Folder, "vm").CreateFolder(TENANT)
        cluster = estate.find(vim.ClusterComputeResource, "cluster01")
        shares = vim.ResourceAllocationInfo(
            reservation=0,
            limit=-1,
            expandableReservation=True,
            shares=vim.SharesInfo(level="normal"),
        )
        cluster.resourcePool.CreateResourcePool(
            TENANT, vim.ResourceConfigSpec(cpuAllocation=shares, memoryAllocation=shares)
        )
        estate.add_port_group(f"{TENANT}-app", 1202)
        estate.add_category(f"{TENANT}-zone")
        used = folder.CreateFolder("van-een-ander")
        assert fail(site), "the names are taken"
        refused = fail(site)
        assert refused.splitlines()[-1].startswith(f"vCenter: {TENANT}: a run that did not finish")
        assert "van-een-ander depends on it" in refused
        wait(used.Destroy_Task())
    finally:
        estate.close()
    said = site.up()
    # Those that stood before the folder in the run that was refused are gone already.
    assert f"   {TENANT}: half-made, removed; it is made anew" in said
    assert differences(site, layout) == []


def fail(site: Site) -> str:
    """Run `tenant up`, which must fail in its own words; return what it said of that."""
    done = subprocess.run(
        [PROGRAM, "up", site.tenant], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4, done.stdout + done.stderr
    return done.stderr


def test_lock_of_a_killed_pulumi_is_explained_with_the_command_that_frees_it(
    site: Site, layout: Layout, tmp_path: Path
) -> None:
    with site.edit() as content:
        content["servers"]["klap01"] = dict(SERVER)
    estate = Estate(layout, make_key(tmp_path))
    try:
        with begin(site, layout) as run:
            assert run.await_line(r"klap01-vm creating "), run.text
            # Pulumi says so before the provider asks the vCenter for anything.
            await_machine(estate, f"{TENANT}-klap01")
            (pid,) = pulumi_pids(run, ("pulumi",))
            os.kill(pid, signal.SIGKILL)
    finally:
        estate.close()
    assert run.process.returncode == 4, run.text
    refused = subprocess.run(
        [PROGRAM, "up", TENANT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 4
    stack = site.stack.name
    assert re.fullmatch(
        rf"Pulumi\.{stack}\.yaml: stack {stack}: locked since 20\S+ by"
        rf" {getpass.getuser()}@{re.escape(socket.gethostname())}, pid {pid}, which has ended\."
        r" One run at a time may change a stack\. Free the lock:"
        rf' eval "\$\(tenant env {TENANT} --stack {stack}\)"; pulumi cancel --yes\n',
        refused.stderr,
    ), refused.stderr
    free_lock(refused.stderr)
    said_next = run_tenant("up", TENANT)
    assert f"{TENANT}-klap01: half-made, removed" in said_next
    assert differences(site, layout) == []


def test_server_that_went_before_pulumi_could_say_so_is_forgotten(
    site: Site, layout: Layout, tmp_path: Path
) -> None:
    """As when Pulumi is killed and its provider still ends what it was at."""
    assert "klap01" in site.stack.outputs().plan.servers
    with site.edit() as content:
        del content["servers"]["klap01"]
    estate = Estate(layout, make_key(tmp_path))
    try:
        machine = estate.find(vim.VirtualMachine, f"{TENANT}-klap01")
        wait(machine.PowerOffVM_Task())
        wait(machine.Destroy_Task())
    finally:
        estate.close()
    server = read_config(site.stack)["vsphere:vsphereServer"]
    said = read_case("server-gone").said(server, site.stack.name)
    assert fail(site).splitlines() == said
    assert f"   {TENANT}-klap01-vm: gone already, forgotten" in run_tenant("up", TENANT)
    assert differences(site, layout) == []


def test_orphans_and_half_written_files_are_found(
    site: Site, layout: Layout, tmp_path: Path
) -> None:
    estate = Estate(layout, make_key(tmp_path))
    partial = ROOT / "evidence" / site.stack.name / "verify.partial"
    try:
        orphan = estate.clone(f"{TENANT}-wees01", [], is_powered_on=False)
        assert differences(site, layout) == [
            f"too many: VM {TENANT}-wees01",
            f"too many: off host {TENANT}-wees01",
        ]
        wait(orphan.Destroy_Task())
        partial.write_text('{"results": [')
        assert half_written(site, layout) == [str(partial)]
    finally:
        estate.close()
        partial.unlink(missing_ok=True)


def test_run_after_each_kill_completes(
    site: Site, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    random = Random(SEED)  # noqa: S311 - it must be the same for the same seed
    tell(capsys, f"\nKILL_SEED={SEED} KILLS={KILLS}\n")
    # Every victim in turn, in an order of chance.
    order = [name for _ in range(KILLS) for name in random.sample(sorted(VICTIMS), len(VICTIMS))]
    for number, name in enumerate(order[:KILLS], start=1):
        what = change(site, random)
        stage = random.choice(VICTIMS[name].stages)
        pattern, longest_s = random.choice(MOMENTS[stage])
        pause_s = random.uniform(0, longest_s)
        skip = random.randrange(8) if pattern.startswith(r": ch") else 0
        with begin(site, layout) as run:
            run.await_line(pattern, skip)
            with suppress(subprocess.TimeoutExpired):
                run.process.wait(pause_s)
            is_hit = VICTIMS[name].strike(run, random)
        blow = (
            f"KILL_SEED={SEED}: blow {number}: {what}; {name}"
            f" {'killed' if is_hit else 'already gone'} {pause_s:.1f} s after {pattern!r},"
            f" run ended with {run.process.returncode}"
        )
        tell(capsys, f"{blow}\n")
        assert run.process.returncode in GOOD_ENDS, f"{blow}: {run.text}"
        assert "Traceback" not in run.text, f"{blow}: {run.text}"
        await_hosts(layout)
        try:
            complete(site)
        except AssertionError as error:
            message = f"{blow}; said: {run.text}; the next run: {error}"
            raise AssertionError(message) from error
        assert differences(site, layout) == [], blow
        assert half_written(site, layout) == [], blow


def test_no_process_of_a_killed_run_goes_on(site: Site) -> None:
    records = str(site.record.parents[1])
    # Shared ssh connections and agents end by themselves, a minute after their run.
    for _ in until(120, pause_s=1):
        left = [pid for pid, variables in processes() if variables.get(ENVIRONMENT) == records]
        if not left:
            return
    message = f"still there: {[Path(f'/proc/{pid}/cmdline').read_bytes() for pid in left]}"
    raise AssertionError(message)


def test_afterwards_nothing_is_left_to_do(site: Site) -> None:
    site.stack.read("preview", "--refresh", "--expect-no-changes")
    said = run_tenant("configure", TENANT, "--stack", site.stack.name, "--all")
    assert "0 changes on 0 of" in said, said
    state = json.loads(site.stack.read("stack", "export"))["deployment"]
    assert not state.get("pending_operations")


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Say it also when the test passes: only the seed makes a run like it again.

    By standard error: of a worker of pytest nothing else is seen.
    """
    with capsys.disabled():
        sys.stderr.write(text)
