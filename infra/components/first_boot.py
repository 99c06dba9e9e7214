"""Write what cloud-init reads on a server's boot, through VMware guestinfo.

Hostname, static addresses matched by MAC, the first-boot key and from where management comes,
nothing else: everything after it is Ansible's. Pure text, no resources.
Source: cloud-init 22.4, datasource VMware; network configuration version 2; docs/adr/0010.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from infra.plan.model import Nic, Server
from infra.record.service import MANAGEMENT_ACCOUNT


def guestinfo(
    server: Server,
    addresses: Mapping[str, str | None],
    resolver: str,
    domain: str,
    way_in: str,
    public_key: str,
) -> dict[str, str]:
    """Build the VM's extra configuration.

    Args:
        server: the server as planned.
        addresses: address with prefix length by device, of every NIC; None where it gets none.
        resolver: IPv4 address of the tenant's resolver: the bastion.
        domain: the tenant's DNS domain.
        way_in: IPv4 address from which management comes.
        public_key: OpenSSH line that opens the management account until it is configured.

    Returns:
        The guestinfo keys with base64 values.
    """
    metadata = {
        "instance-id": server.name,
        "local-hostname": server.fqdn,
        "network": {
            "version": 2,
            "ethernets": {
                nic.device: _ethernet(nic, addresses[nic.device], server, resolver, domain)
                for nic in server.nics
            },
        },
    }
    userdata = {
        "users": [
            {
                "name": MANAGEMENT_ACCOUNT,
                "gecos": "configuration management",
                "shell": "/bin/bash",
                "lock_passwd": True,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": [public_key],
            }
        ],
        "disable_root": True,
        "ssh_pwauth": False,
        # Addresses that change reach the server with its next boot, all else stays as it is.
        "updates": {"network": {"when": ["boot"]}},
        # Runs at every boot: the filter on disk may still know the bastion by a former address.
        "bootcmd": [_admit(way_in)],
    }
    return {
        "guestinfo.metadata": _encode(json.dumps(metadata, indent=1)),
        "guestinfo.metadata.encoding": "base64",
        "guestinfo.userdata": _encode("#cloud-config\n" + json.dumps(userdata, indent=1)),
        "guestinfo.userdata.encoding": "base64",
    }


def _admit(address: str) -> str:
    """Let management in, past a host filter that role base has written; there may be none yet."""
    admitted = "inet host_filter way_in"
    add = f"nft add element {admitted} {{ {address} }}"
    return f"if nft list set {admitted} >/dev/null 2>&1; then {add}; fi"


def _ethernet(
    nic: Nic, address: str | None, server: Server, resolver: str, domain: str
) -> dict[str, Any]:
    ethernet: dict[str, Any] = {
        "match": {"macaddress": nic.mac},
        "set-name": nic.device,
        "addresses": [address] if address else [],
    }
    if nic is server.nics[0]:
        ethernet["nameservers"] = {"addresses": [resolver], "search": [domain]}
        if server.gateway:
            ethernet["routes"] = [{"to": "0.0.0.0/0", "via": server.gateway}]
    return ethernet


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
