"""Hosts that fail: told in one line each, the others go on, and the next run goes on there.

In file order: every test leaves the tenant whole. It does not prove a real vCenter, nor a disk
that is full to its last block.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pyVmomi import vim

from infra.operations import configure as operation
from infra.operations.configure import ConfigureError, configure
from infra.operations.inventory import build_inventory
from infra.operations.last_run import REMEMBERED
from infra.outputs import StackOutputs
from infra.record.service import SSH_PORT
from lab.daemon import Daemon
from lab.error import LabError
from lab.layout import Layout
from lab.process import until
from tests.lab.conftest import run_lab
from tests.lab.estate import PATIENCE_S, Estate, wait
from tests.lab.site import Site, open_site
from tests.lab.tenant import fail_tenant, run_tenant

pytestmark = pytest.mark.lab

TENANT = "uitval"
BASTION = "10.255.0.204"
"""The bastion's leg in this lab, away from the addresses of other tests."""

PROXY = "10.255.0.1:3128"
FORGET = f"rm --force {REMEMBERED}"
LOSE_PACKAGE = f"{FORGET}; dpkg --remove --force-depends unattended-upgrades; apt-get clean"
"""Makes a host need a package that it has to fetch."""

SMALL_ARCHIVE = "mount -t tmpfs -o size=16k tmpfs /var/cache/apt/archives"

HANG = """
printf '%s\\n' '[Unit]' DefaultDependencies=no Before=sysinit.target '[Service]' Type=oneshot \
    TimeoutStartSec=infinity 'ExecStart=sleep infinity' > /etc/systemd/system/hang.service
mkdir --parents /etc/systemd/system/sysinit.target.wants
ln --symbolic ../hang.service /etc/systemd/system/sysinit.target.wants/
"""
NO_LONGER_HANG = """
rm /etc/systemd/system/hang.service /etc/systemd/system/sysinit.target.wants/hang.service
systemctl kill --signal=KILL hang.service
"""
NO_ADDRESS = """
printf '%s\\n' '[Match]' Name=eth0 '[Network]' LinkLocalAddressing=no \
    > /etc/systemd/network/00-broken.network
"""
ADDRESS = "rm /etc/systemd/network/00-broken.network; networkctl reload"


@dataclass(frozen=True)
class Power:
    """The tenant's VMs over vCenter's API, by record key."""

    estate: Estate

    def machine(self, key: str) -> Any:
        """Return a VM."""
        return self.estate.find(vim.VirtualMachine, f"{TENANT}-{key}")

    def off(self, *keys: str) -> None:
        """Cut the power of servers, and wait until they are gone."""
        for key in keys:
            wait(self.machine(key).PowerOffVM_Task())
        for key in keys:
            self.estate.await_tools(self.machine(key), is_running=False)

    def on(self, *keys: str) -> None:
        """Power servers on, and wait until they are up."""
        for key in keys:
            wait(self.machine(key).PowerOnVM_Task())
        self.await_up(*keys)

    @contextmanager
    def restarting(self, *keys: str) -> Iterator[None]:
        """Wait until servers run another boot than before; do not wait until they are up."""
        before = {key: self.leader(key) for key in keys}
        yield
        for key in keys:
            for _ in until(PATIENCE_S):
                if self.leader(key) not in (None, before[key]):
                    break
            else:
                message = f"{key}: still the boot of before after {PATIENCE_S} s"
                raise AssertionError(message)

    def reset(self, *keys: str) -> None:
        """Restart servers the hard way, all at once."""
        with self.restarting(*keys):
            for key in keys:
                wait(self.machine(key).ResetVM_Task())

    def leader(self, key: str) -> int | None:
        """Return the first process of a server's host; None while none runs."""
        try:
            return self.estate.leader(self.machine(key))
        except LabError:
            return None

    def await_up(self, *keys: str) -> None:
        """Wait until one can log in on servers."""
        for key in keys:
            self.estate.await_tools(self.machine(key))

    def run(self, key: str, command: str) -> str:
        """Run a command as root on a server, also when its network or sshd is gone."""
        return self.estate.run(self.machine(key), command)


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant that is up; its servers are gone afterwards."""
    records = tmp_path_factory.mktemp("records")
    with open_site(layout, records, TENANT, bastion=BASTION) as site:
        site.up()
        yield site


@pytest.fixture(scope="module")
def power(estate: Estate) -> Power:
    """Return the tenant's VMs."""
    return Power(estate)


@pytest.fixture
def configure_again(site: Site) -> Callable[[], str]:
    """Return what runs `tenant configure` and gives what it said."""
    return lambda: run_tenant("configure", TENANT, "--stack", site.stack.name)


def silent(key: str, address: str, words: str) -> str:
    """Give the line for a host behind the bastion that ssh cannot reach."""
    return (
        f"{key}: {address}: does not answer ssh through bastion01: {words}. Look at VM"
        f" {TENANT}-{key} in vCenter: is it powered on, does its console show a login, has it this"
        " address?"
    )


def without_words(line: str) -> str:
    """Leave out ssh's own words: it says now timeout, now refused."""
    before, _, after = line.partition("through bastion01: ")
    return f"{before}through bastion01: WORDS. Look at{after.partition('. Look at')[2]}"


def test_hosts_that_are_off_hang_or_have_no_address_do_not_keep_the_others(
    site: Site, power: Power, configure_again: Callable[[], str]
) -> None:
    for key in ("app01", "db01", "edge01", "werkplek01"):
        power.run(key, FORGET)
    power.run("app01", HANG)
    power.run("db01", NO_ADDRESS)
    power.off("werkplek01")
    power.reset("app01", "db01")
    said, errors = fail_tenant("configure", TENANT, "--stack", site.stack.name)
    assert "1 of 5 hosts: edge01\n" in said
    assert [without_words(line) for line in errors[:-1]] == [
        silent("app01", "10.22.20.11", "WORDS"),
        silent("db01", "10.22.30.11", "WORDS"),
        silent("werkplek01", "10.22.10.11", "WORDS"),
    ]
    assert errors[-1] == (
        "2 of 5 hosts are done. Run the same command again then: it goes on with app01, db01,"
        " werkplek01."
    )
    power.run("app01", NO_LONGER_HANG)
    power.run("db01", ADDRESS)
    power.on("werkplek01")
    power.await_up("app01", "db01")
    assert "3 of 5 hosts: app01, db01, werkplek01\n" in configure_again()


def test_faults_with_one_cause_share_a_line_and_the_next_run_goes_on(
    site: Site, power: Power, layout: Layout, configure_again: Callable[[], str]
) -> None:
    """The bastion's fault ends Ansible's run early: the others are configured all the same."""
    for key in ("app01", "bastion01", "db01"):
        power.run(key, LOSE_PACKAGE)
    power.run("edge01", FORGET)
    power.run("db01", SMALL_ARCHIVE)
    Daemon(layout, "packages").stop()
    said, errors = fail_tenant("configure", TENANT, "--stack", site.stack.name)
    assert "4 of 5 hosts: app01, bastion01, db01, edge01\n" in said
    assert [re.sub(r"\d+ MiB free, \d+%", "SOME MiB free, SOME%", line) for line in errors] == [
        f"app01, bastion01: no packages: the provider's package proxy {PROXY} does not answer"
        " bastion01. Have the provider mend it.",
        "db01: install | Install what every host needs: no space left: /var/cache/apt/archives has"
        " SOME MiB free, SOME% are used. Make room there, or give it more in the record.",
        "2 of 5 hosts are done. Run the same command again then: it goes on with app01, bastion01,"
        " db01.",
    ]
    run_lab(layout, "up")
    power.run("db01", "umount /var/cache/apt/archives")
    assert "3 of 5 hosts: app01, bastion01, db01\n" in configure_again()


def test_filter_that_shuts_us_out_gives_way_to_the_one_before(
    site: Site, power: Power, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = site.stack.outputs()
    table = "nft --stateless list table inet host_filter"
    before = power.run("db01", table)
    with site.path() as path, monkeypatch.context() as patch:
        patch.setattr(operation, "build_inventory", shut_out)
        with pytest.raises(ConfigureError) as raised:
            configure(outputs, path, lambda _: None)
    line, _ = str(raised.value).splitlines()
    assert line.startswith("db01: replace | Report what became of the table: /etc/nftables.d/")
    assert "the confirmed one of before is in force again" in line
    assert power.run("db01", table) == before
    with site.path() as path:
        assert configure(outputs, path, lambda _: None).hosts == ("db01",)


def shut_out(outputs: StackOutputs) -> dict[str, Any]:
    """Let nobody reach db01 by ssh who is there; no record can say this."""
    inventory = build_inventory(outputs)
    variables = inventory["_meta"]["hostvars"]["db01"]
    variables["base_way_in"] = []
    for rule in variables["base_filter_incoming"]:
        if rule["port"] == SSH_PORT:
            rule["sources"] = ["192.0.2.1/32"]
    return inventory


def test_host_that_reboots_itself_comes_back_whole(site: Site, power: Power) -> None:
    before = site.lives()["db01"]
    with power.restarting("db01"):
        power.run("db01", "systemctl reboot")
    power.await_up("db01")
    assert site.lives()["db01"] != before
    assert_verified(site)


def test_all_rebooted_at_once_come_back_whole(site: Site, power: Power) -> None:
    before = site.lives()
    power.reset(*before)
    power.await_up(*before)
    assert_verified(site)
    assert all(site.lives()[key] != before[key] for key in before)


def test_lost_edge_and_lost_bastion_are_told_and_all_comes_back_in_the_worst_order(
    site: Site, power: Power
) -> None:
    power.off("edge01")
    _, errors = fail_tenant("configure", TENANT, "--stack", site.stack.name)
    assert [without_words(errors[0]), *errors[1:]] == [
        silent("edge01", "10.22.40.1", "WORDS"),
        "app01, db01, werkplek01: reached through edge01 only, so nothing was tried. Mend edge01"
        " first.",
        "1 of 5 hosts are done. Run the same command again then: it goes on with app01, db01,"
        " edge01, werkplek01.",
    ]
    power.off("bastion01", "app01", "db01", "werkplek01")
    said, errors = fail_tenant("configure", TENANT, "--stack", site.stack.name)
    assert "waiting up to 60 s for bastion01 to answer ssh" in said
    assert len(errors) == 1
    assert errors[0].startswith(f"bastion01: {BASTION}: does not answer ssh: ")
    assert errors[0].endswith(
        f". Look at VM {TENANT}-bastion01 in vCenter: is it powered on, does its console show a"
        " login, has it this address? Tried for 60 s; it is the only way into the tenant. Then run"
        " the same command again."
    )
    # Everybody before those whom they need: names, time, ways.
    power.on("werkplek01", "app01", "db01")
    power.on("edge01")
    power.on("bastion01")
    assert_verified(site)


def assert_verified(site: Site) -> None:
    """Poll `tenant verify` until it is green: nothing else mends the hosts."""
    said = ""
    for _ in until(PATIENCE_S):
        try:
            said = run_tenant("verify", TENANT, "--stack", site.stack.name)
        except AssertionError as error:
            said = str(error)
        if "checks passed" in said:
            return
    raise AssertionError(said)
