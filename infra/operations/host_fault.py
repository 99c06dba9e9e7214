"""Say in one line what is wrong with a host and what to do about it.

Responsible for turning the words of ssh, apt and Ansible's modules into ours. Must not decide what
is done about a fault.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from infra.outputs import StackOutputs
from infra.plan.tunnel import find_management_address
from infra.record.service import PACKAGE_RELAY_PORT

LONGEST_WORDS = 600
"""Characters of somebody else's words that are repeated at most."""

_OTHER_KEY = re.compile(r"HOST IDENTIFICATION HAS CHANGED.*Offending \S+ key in (\S+):\d+", re.S)
_NO_SPACE = re.compile(
    r"No space left on device|Errno 28\b|enough free space in (?P<place>/[\w./-]*\w)"
)
_NO_PACKAGES = re.compile(r"Failed to update apt cache|(?:Failed to|Unable to|Could not) fetch")
_TIMED_OUT = re.compile(r"Timed out after \d")

_FULLEST = (
    "sudo df --block-size=1M --exclude-type=squashfs --output=pcent,avail,target {place}"
    " | tail --lines=+2 | sort --numeric-sort | tail --lines=1"
    " | {{ read -r used free where; echo $where has $free MiB free, $used are used; }}"
)
_OPEN, _ANSWERS = "open", "HTTP/"
_PROXY = (
    "timeout 15 bash -c 'exec 3<>/dev/tcp/{address}/{port} && echo open"
    ' && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && head --bytes=5 <&3\' 2>/dev/null || true'
)
"""Says whether the port is open, and whether what is behind it answers."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that went wrong with one host.

    task: what was being done; empty when the host could not be reached. words: of ssh or of the
    module.
    """

    host: str
    task: str
    words: str

    @property
    def is_other_key(self) -> bool:
        """Whether the host shows another host key than before."""
        return bool(_OTHER_KEY.search(self.words))


def find_server(outputs: StackOutputs, role: str) -> str:
    """Return the key of the server with a role that every tenant has once."""
    return find_servers(outputs, role)[0]


def find_servers(outputs: StackOutputs, role: str) -> tuple[str, ...]:
    """Return the keys of all servers with a role, sorted."""
    return tuple(key for key, server in outputs.plan.servers.items() if role in server.roles)


def find_question(fault: Fault, outputs: StackOutputs) -> str | None:
    """Return the command that makes a host say more about its fault; None when there is none."""
    if found := _NO_SPACE.search(fault.words):
        return _FULLEST.format(place=found["place"] or "")
    if _NO_PACKAGES.search(fault.words):
        address, _, port = _package_proxy(fault.host, outputs).partition(":")
        return _PROXY.format(address=address, port=port)
    return None


def explain(fault: Fault, outputs: StackOutputs, answer: str = "") -> str:
    """Explain a fault without naming the host, so that hosts with one cause share a line.

    Args:
        fault: to be explained.
        outputs: of the stack.
        answer: of the host to the fault's question; empty when it gave none.

    Returns:
        One line: what is wrong, and what to do.
    """
    if _NO_SPACE.search(fault.words):
        return (
            f"{fault.task}: no space left{answer and f': {answer}'}. Make room there, or give it"
            " more in the record."
        )
    if _NO_PACKAGES.search(fault.words) and _ANSWERS not in answer:
        return _explain_packages(fault, outputs, is_open=_OPEN in answer)
    if not fault.task:
        return _explain_silence(fault, outputs)
    words = _shorten(fault.words)
    if _TIMED_OUT.search(fault.words):
        return (
            f"{fault.task}: not done in time: {words}. Look on the host for what it waits for:"
            " systemctl list-jobs, journalctl -e."
        )
    return f"{fault.task}: {words}. Mend it."


def tell(explained: Iterable[tuple[str, str]]) -> list[str]:
    """Give one line a cause: hosts with the same explanation together.

    Args:
        explained: host and explanation, in the order they came up.
    """
    hosts: dict[str, list[str]] = {}
    for host, text in explained:
        hosts.setdefault(text, []).append(host)
    return [f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in hosts.items()]


def _explain_silence(fault: Fault, outputs: StackOutputs) -> str:
    server = outputs.plan.servers[fault.host]
    bastion = find_server(outputs, "bastion")
    is_bastion = fault.host == bastion
    address: object = outputs.management.bastion_address
    if not is_bastion:
        address = find_management_address(outputs.plan, fault.host)
    if found := _OTHER_KEY.search(fault.words):
        alias = f"{fault.host}-{outputs.instances[fault.host].uuid}"
        return (
            f"{address}: shows another host key than before, though the VM is the same. Somebody"
            " may stand between. If its system was installed anew, forget the old key:"
            f" ssh-keygen -f {found[1]} -R {alias}."
        )
    if "Permission denied" in fault.words:
        return (
            f"{address}: refuses the stack's management key. Look at the console of VM"
            f" {server.name} in vCenter: has its first boot finished?"
        )
    way = "" if is_bastion else f" through {bastion}"
    return (
        f"{address}: does not answer ssh{way}: {_shorten(fault.words)}. Look at VM {server.name}"
        " in vCenter: is it powered on, does its console show a login, has it this address?"
    )


def _explain_packages(fault: Fault, outputs: StackOutputs, *, is_open: bool) -> str:
    """Tell the provider's proxy from the bastion's relay to it."""
    bastion = find_server(outputs, "bastion")
    if fault.host == bastion or is_open:
        return (
            f"no packages: the provider's package proxy {outputs.management.package_proxy} does not"
            f" answer {bastion}. Have the provider mend it."
        )
    return (
        f"no packages: the relay {_package_proxy(fault.host, outputs)} on {bastion} does not"
        " answer. Look there: systemctl status package-relay.socket nftables."
    )


def _package_proxy(host: str, outputs: StackOutputs) -> str:
    if host == find_server(outputs, "bastion"):
        return outputs.management.package_proxy
    return f"{outputs.plan.resolver}:{PACKAGE_RELAY_PORT}"


def _shorten(words: str) -> str:
    """Give somebody else's words as part of a line."""
    line = " ".join(words.split()).rstrip(".")
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]} ..."
