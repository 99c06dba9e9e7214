"""Every option of the role, as real on the host."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play


def test_administrator_has_account_key_and_sudo(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert set(host.user("jansen").groups) == {"jansen", "beheerders", "ssh-login"}
    assert host.file("/home/jansen/.ssh/authorized_keys").content_string.count("ssh-ed25519") == 1
    assert "NOPASSWD: ALL" in host.check_output("sudo --list --other-user=jansen")


def test_sshd_forwards_for_those_who_pass(connect: Callable[[str], Any]) -> None:
    rules = connect("host01").check_output("sshd -T -C user=ansible,host=x,addr=10.255.0.1")
    assert "allowtcpforwarding local" in rules.splitlines()


def test_volume_is_mounted_now_and_at_boot(connect: Callable[[str], Any]) -> None:
    mount = connect("host01").mount_point("/srv/data")
    assert mount.filesystem == "xfs"
    assert {"noatime", "nodev", "nosuid"} <= set(mount.options)
    assert connect("host01").service("srv-data.mount").is_enabled


def test_time_comes_from_one_and_goes_to_others(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert "10.255.0.1" in host.check_output("chronyc -n sources")
    assert host.check_output("chronyc accheck 10.255.0.7") == "208 Access allowed"
    assert host.check_output("chronyc accheck 10.31.0.7") == "209 Access denied"


def test_names_are_asked_where_told(connect: Callable[[str], Any]) -> None:
    lines = connect("host01").file("/etc/resolv.conf").content_string.splitlines()
    assert lines[1:] == ["search voorbeeld.internal", "nameserver 10.255.0.1"]


def test_filter_holds_the_way_that_a_flow_must_take(connect: Callable[[str], Any]) -> None:
    rules = connect("host01").check_output("nft list table inet host_filter")
    assert rules.count('iifname "eth0"') == rules.count('oifname "eth0"') == 2


def test_what_is_no_longer_listed_is_foretold_to_go(connect: Callable[[str], Any]) -> None:
    done = change({"base_administrators": {}, "base_time_clients": [], "base_filter_outgoing": []})
    assert {
        "accounts | Remove who is no longer an administrator",
        "configure | Write where the time comes from",
        "service | Run the unit, now and at boot",
        "filter | Propose the host filter",
        "replace | Keep the table for the next boot",
    } <= set(done["host01"])
    host = connect("host01")
    assert not host.user("jansen").exists
    assert host.check_output("chronyc accheck 10.255.0.7") == "209 Access denied"
    assert "flow packages" not in host.check_output("nft list table inet host_filter")


def test_volume_without_disk_and_strange_people_are_refused() -> None:
    assert play({"base_administrators": {"root": {"name": "Root", "keys": []}}}).failures == [
        "host01: preflight | Refuse what would lock us out or cannot be done:"
        ' base_administrators: ["root"] has an account of the host itself (root, ansible).'
        " Administrators are people with accounts of their own. Rename it."
    ]
    volume = {"unit": 2, "size_gib": 1, "mount": "/srv/data"}
    assert play({"base_volumes": {"data": volume}}).failures == [
        "host01: volumes | Refuse a volume without its disk: base_volumes: data: unit 2: 0 disks"
        " found in /dev/disk/by-path (*-scsi-0:0:2:0). There must be one. Look whether the VM has"
        " the disk at this unit."
    ]
