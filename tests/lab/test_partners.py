"""A chain partner in Diginetwerk and the tenant's adapter: each asks the other, with certificates.

In file order: the later tests use what the earlier ones left. The partner is a server of the
provider's own record; a host of nobody stands beside it. It does not prove PKIoverheid's own
certificates, nor revocation.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pyVmomi import vim
from ruamel.yaml import YAML

from infra.operations.stack import ROOT
from infra.record.place import PROVIDER_FILE
from lab.layout import Layout
from tests.lab.estate import Estate, NicWish, wait
from tests.lab.partner import add_endpoint, certify
from tests.lab.site import Site, open_site
from tests.lab.tenant import fail_tenant, run_tenant

pytestmark = pytest.mark.lab

TENANT, PROVIDER = "heusden", "datacentrum"
BASTIONS = {TENANT: ("10.255.0.221", "17"), PROVIDER: ("10.255.0.222", "18")}
"""By tenant its bastion's leg, away from the addresses of other tests, and its VLANs' digits."""

DIGINETWERK = "198.51.100.0/24"
EDGE, PARTNER, STRANGER = "198.51.100.2", "198.51.100.11", "198.51.100.66"
ADAPTER, BASTION, WORKPLACE = "10.22.70.11", "10.22.40.11", "10.22.10.11"
PARTNER_FQDN = f"rvig.{PROVIDER}.internal"
ADAPTER_FQDN = f"adapter01.{TENANT}.internal"
CONF = "/etc/nginx/conf.d/digikoppeling.conf"

ASK = (
    "cd /etc/digikoppeling; curl --silent --max-time 20 --output /dev/null"
    " --write-out '%{{http_code}}' --cacert trusted.pem {options} https://{fqdn}/; true"
)
IDENTITY = "--cert certificate.pem --key key.pem"


@pytest.fixture(scope="module")
def sites(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """Return a tenant with an adapter and the provider with a partner; nothing is deployed."""
    records = tmp_path_factory.mktemp("records")
    with (
        _open(layout, records, TENANT, ("app01", "db01")) as tenant,
        _open(layout, records, PROVIDER, ("app01", "db01", "werkplek01")) as provider,
    ):
        for site in (tenant, provider):
            (site.record.parent / "applications" / "meldingen.yaml").unlink()
            with site.edit() as content:
                del content["flows"]["meldingen-web"], content["flows"]["meldingen-database"]
        with tenant.edit() as content:
            add_adapter(content)
        networks = YAML(typ="safe").load(records / PROVIDER_FILE)["networks"]
        with provider.edit() as content:
            add_partner(content, networks["diginetwerk"]["vlan"])
        yield {TENANT: tenant, PROVIDER: provider}


def _open(layout: Layout, records: Path, tenant: str, without: tuple[str, ...]) -> Any:
    bastion, vlans = BASTIONS[tenant]
    return open_site(layout, records, tenant, bastion=bastion, without=without, vlans=vlans)


def add_adapter(content: Any) -> None:
    """Give a tenant's record its adapter, and a partner that both asks and is asked."""
    segment = {"vlan": 1790, "prefix": "10.22.70.0/24", "gateway": "10.22.70.1"}
    add_endpoint(content, "koppelvlak", segment, "adapter01", ADAPTER)
    content["servers"]["edge01"]["interfaces"]["diginetwerk"] = EDGE
    partner = {"address": PARTNER, "fqdn": PARTNER_FQDN, "purpose": "BRP", "owner": "burgerzaken"}
    content["outside"] = {
        "diginetwerk": {
            **{"prefix": DIGINETWERK, "purpose": "chain partners"},
            "partners": {"rvig": partner},
        }
    }
    content["flows"] |= {
        "brp": _flow("adapter01", "rvig"),
        "brp-answers": _flow("rvig", "adapter01"),
    }


def add_partner(content: Any, vlan: int) -> None:
    """Give the provider's record a partner; all of Diginetwerk may ask it, and it all of them."""
    segment = {"vlan": vlan, "prefix": DIGINETWERK, "gateway": "198.51.100.1"}
    add_endpoint(content, "diginetwerk", segment, "rvig", PARTNER)
    content["flows"] |= {
        "askers": _flow("diginetwerk", "rvig"),
        "answers": _flow("rvig", "diginetwerk"),
    }


def _flow(source: str, destination: str) -> dict[str, Any]:
    ends = {"from": [source], "to": [destination], "protocol": "tcp", "port": 443}
    return ends | {"purpose": "two-way TLS", "owner": "burgerzaken"}


@pytest.fixture(scope="module")
def stranger(estate: Estate) -> Iterator[Any]:
    """Return a host of nobody in Diginetwerk."""
    group = estate.find(vim.dvs.DistributedVirtualPortgroup, "diginetwerk")
    machine = estate.clone(
        "stranger", [NicWish(group, "00:50:56:03:00:04", f"{STRANGER}/24")], memory_mib=256
    )
    estate.await_tools(machine)
    yield machine
    wait(machine.PowerOffVM_Task())
    wait(machine.Destroy_Task())


def ask(site: Site, server: str, fqdn: str, options: str) -> str:
    """Return the status that a server gets of another; 000 when it gets no answer."""
    return site.ask(**{server: ASK.format(options=options, fqdn=fqdn)})[server]


def served(partner: Site) -> x509.Certificate:
    """Return the certificate that the adapter shows to its partner."""
    command = f"import ssl; print(ssl.get_server_certificate(({EDGE!r}, 443)))"
    said = partner.ask(rvig=shlex.join(["python3", "-c", command]))["rvig"]
    return x509.load_pem_x509_certificate(said.encode())


def red(site: Site) -> set[str]:
    """Return the checks that did not pass in the last verification."""
    file = ROOT / "evidence" / site.stack.name / "verify.json"
    results = json.loads(file.read_text())["results"]
    return {result["check"] for result in results if result["verdict"] != "pass"}


def test_adapter_without_a_certificate_is_not_deployed(sites: dict[str, Site]) -> None:
    site = sites[TENANT]
    _, errors = fail_tenant("up", TENANT, "--stack", site.stack.name, code=2)
    assert errors[0].startswith(
        f"Pulumi.{site.stack.name}.yaml: tenant:certificates.adapter01: is missing."
    )


def test_partner_and_tenant_come_up_and_every_check_passes(
    sites: dict[str, Site], layout: Layout, tmp_path: Path
) -> None:
    for name in (PROVIDER, TENANT):
        certify(sites[name], layout, tmp_path)
        sites[name].up()
        assert red(sites[name]) == set()
    checks = sites[TENANT].stack.outputs().plan.checks.keys()
    assert {"two-way-tls/adapter01-to-rvig", "denied/office-to-rvig"} <= checks


def test_adapter_is_answered_by_the_partner_with_its_certificate_alone(
    sites: dict[str, Site],
) -> None:
    site = sites[TENANT]
    assert ask(site, "adapter01", PARTNER_FQDN, IDENTITY) == "200"
    assert ask(site, "adapter01", PARTNER_FQDN, "") == "000"


def test_partner_calls_back_at_the_edges_address(sites: dict[str, Site]) -> None:
    site, way = sites[PROVIDER], f"--resolve {ADAPTER_FQDN}:443:{EDGE}"
    assert ask(site, "rvig", ADAPTER_FQDN, f"{way} {IDENTITY}") == "200"
    assert ask(site, "rvig", ADAPTER_FQDN, way) == "000"


def test_other_zones_reach_nothing_outside(sites: dict[str, Site], estate: Estate) -> None:
    workplace = estate.find(vim.VirtualMachine, f"{sites[TENANT].tenant}-werkplek01")
    targets = [(BASTION, 3142), (PARTNER, 443), (PARTNER, 22), (EDGE, 443), (ADAPTER, 443)]
    assert estate.probe(workplace, targets) == ["open", *["silent"] * (len(targets) - 1)]


@pytest.mark.usefixtures("sites")
def test_others_in_diginetwerk_reach_the_partner_and_not_the_tenant(
    estate: Estate, stranger: Any
) -> None:
    for address in (ADAPTER, WORKPLACE, BASTION):
        estate.run(stranger, f"ip route replace {address} via {EDGE}")
    targets = [(PARTNER, 443), (EDGE, 443), (EDGE, 22), (ADAPTER, 443), (WORKPLACE, 22)]
    targets.append((BASTION, 22))
    assert estate.probe(stranger, targets) == ["open", *["silent"] * (len(targets) - 1)]


def test_partner_that_answers_anybody_turns_its_check_red(sites: dict[str, Site]) -> None:
    site = sites[TENANT]
    spoil = "sed -i 's/ssl_verify_client {}/ssl_verify_client {}/' {} && nginx -s reload"
    sites[PROVIDER].ask(rvig=spoil.format("on", "off", CONF))
    fail_tenant("verify", TENANT, "--stack", site.stack.name, code=5)
    assert red(site) == {"two-way-tls/adapter01-to-rvig"}
    sites[PROVIDER].ask(rvig=spoil.format("off", "on", CONF))
    run_tenant("verify", TENANT, "--stack", site.stack.name)


def test_new_key_waits_for_its_certificate(sites: dict[str, Site]) -> None:
    site = sites[TENANT]
    former = served(sites[PROVIDER])
    run_tenant("secrets", "rotate", TENANT, "--only", "certificates", "--stack", site.stack.name)
    assert "changes on 0 of 4 hosts" in site.up()
    assert served(sites[PROVIDER]) == former


def test_certificate_that_soon_ends_turns_its_check_red_until_it_is_renewed(
    sites: dict[str, Site], layout: Layout, tmp_path: Path
) -> None:
    site = sites[TENANT]
    former = served(sites[PROVIDER])
    certify(site, layout, tmp_path, days=5)
    fail_tenant("up", TENANT, "--stack", site.stack.name, code=5)
    assert red(site) == {"certificate/adapter01"}
    assert served(sites[PROVIDER]).public_key() != former.public_key(), "the key of before is used"
    certify(site, layout, tmp_path)
    said = site.up()
    assert "changes on 1 of 4 hosts" in said, "a new certificate concerns its server alone"
    assert site.preview() == {}
