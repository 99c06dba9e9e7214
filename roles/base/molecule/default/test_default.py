"""A host with nothing but its name and the two flows that it cannot do without."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play


def test_host_bears_its_name(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert host.file("/etc/hostname").content_string == "host01\n"
    assert host.check_output("hostname --fqdn") == "host01.voorbeeld.internal"


def test_sshd_wants_keys_and_forwards_nothing(connect: Callable[[str], Any]) -> None:
    rules = connect("host01").check_output("sshd -T -C user=ansible,host=x,addr=10.255.0.1")
    assert {
        "permitrootlogin no",
        "passwordauthentication no",
        "allowgroups ssh-login",
        "allowtcpforwarding no",
    } <= set(rules.splitlines())


def test_nobody_is_administrator(connect: Callable[[str], Any]) -> None:
    assert connect("host01").group("beheerders").members == []


def test_filter_drops_what_no_flow_accepts(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    packets = "nft --json list counter inet host_filter dropped_outgoing"
    before = host.check_output(packets)
    # The proxy's port is open to us, its neighbour is not even asked.
    assert host.run("nc -z -w 3 10.255.0.1 3128").succeeded
    assert host.run("nc -z -w 1 10.255.0.1 3129").failed
    assert host.check_output(packets) != before


def test_clock_is_the_hosts_own(connect: Callable[[str], Any]) -> None:
    assert connect("host01").service("chrony.service").is_running
    assert connect("host01").check_output("chronyc -n sources").count("^") == 0


def test_one_more_option_is_foretold() -> None:
    assert change({"base_ssh_forwarding": True}) == {
        "host01": ["configure | Write the rules of sshd", "service | Run sshd by the present rules"]
    }


def test_what_would_lock_us_out_is_refused() -> None:
    run = play({"base_fqdn": "Host", "base_filter_incoming": []})
    assert run.failures == [
        "host01: preflight | Refuse what would lock us out or cannot be done:"
        ' base_fqdn: "Host" is no fully qualified name. Allowed are lower-case labels with dots'
        " between them, db01.example.internal. Correct it in the inventory.\n"
        "base_filter_incoming: none of [] accepts tcp port 22, so this host could not be reached"
        " again. At least one flow must. Add one from the bastion."
    ]
