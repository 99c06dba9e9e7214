"""A stack requests certificates and takes in chains that are of its servers' keys alone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from infra.certificate import CertificateError, require_certificates, split_chain, split_pem
from infra.operations import certificate, secret
from infra.operations.certificate import (
    accept_certificates,
    find_certificates,
    find_key,
    write_requests,
)
from infra.operations.inventory import build_inventory
from infra.operations.secret import rotate_certificate_keys
from infra.operations.stack import Stack
from infra.outputs import Secrets, StackOutputs, export
from infra.plan import compile_plan
from infra.plan.model import Plan
from infra.record import load
from infra.settings import CERTIFICATES
from lab.layout import Layout
from lab.trust import sign
from tests.unit.operations.conftest import MANAGEMENT, SECRETS
from tests.unit.record.good_record import lay_out
from tests.unit.record.test_bad_record import PARTNER, change_record, read_changes

STACK = Stack(name="unit", environment={})
FQDN = "adapter01.voorbeeld.internal"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of the good record with partners."""
    folder = lay_out(tmp_path / "records")
    change_record(folder, read_changes(PARTNER))
    return compile_plan(load(folder))


@pytest.fixture(scope="module")
def keys() -> list[str]:
    """Return private keys: making one takes long."""
    return [secret.generate_certificate_key() for _ in range(2)]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, keys: list[str]) -> dict[str, str]:
    """Return the configuration of a stack in memory, with the adapter's key."""
    known = {secret.CERTIFICATE_KEYS: json.dumps({"adapter01": keys[0]})}
    for module in (certificate, secret):
        monkeypatch.setattr(module, "read_config", lambda _stack: dict(known))
    monkeypatch.setattr(secret, "store_secrets", lambda _stack, _known, new: known.update(new))

    def store_plain(_stack: Stack, _known: object, values: dict[str, object]) -> None:
        known.update({key: json.dumps(value) for key, value in values.items()})

    monkeypatch.setattr(certificate, "store_plain", store_plain)
    return known


@pytest.fixture
def rotated(monkeypatch: pytest.MonkeyPatch, keys: list[str]) -> None:
    """Have the other key made by a rotation."""
    monkeypatch.setattr(secret, "generate_certificate_key", lambda: keys[1])


Sign = Callable[..., Path]


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Return what has a request signed by the lab."""
    monkeypatch.setattr(Layout, "run", tmp_path)

    def make(request: Path, days: int = 365) -> Path:
        file = request.with_suffix(".pem")
        file.write_text(sign(Layout("unit"), request, days))
        return file

    return make


def test_request_is_for_the_name_and_in_the_name_of_the_municipality(
    plan: Plan, config: dict[str, str], tmp_path: Path, keys: list[str]
) -> None:
    (file,) = write_requests(STACK, plan, tmp_path)
    assert file.name == f"{FQDN}.csr"
    request = x509.load_pem_x509_csr(file.read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={FQDN},O=Gemeente Voorbeeld,C=NL"
    assert json.loads(config[secret.CERTIFICATE_KEYS]) == {"adapter01": keys[0]}, "key is kept"
    assert "PRIVATE" not in file.read_text()


def test_signed_certificate_reaches_the_adapter_with_its_root_apart(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign, keys: list[str]
) -> None:
    (file,) = write_requests(STACK, plan, tmp_path)
    assert accept_certificates(STACK, plan, [signed(file)]) == ["adapter01"]
    chains = json.loads(config[CERTIFICATES])
    require_certificates(plan, chains, STACK.name)
    uuids = dict.fromkeys(plan.servers, "uuid")
    secrets = {
        **SECRETS,
        "management_key": secret.generate_key(),
        "certificate_keys": {"adapter01": "".join(keys)},
    }
    contract = export(plan, MANAGEMENT, uuids, secrets, chains)
    outputs = StackOutputs.model_validate_json(contract)
    hosts = build_inventory(outputs)["_meta"]["hostvars"]
    assert hosts["bastion01"]["bastion_partners"]["brp.rvig.example"] == "198.51.100.11"
    variables = hosts["adapter01"]
    assert variables["digikoppeling_private_key"] == keys[0]
    own = x509.load_pem_x509_certificates(variables["digikoppeling_certificate"].encode())
    (root,) = x509.load_pem_x509_certificates(variables["digikoppeling_trusted"].encode())
    assert len(own) == 2
    own[1].verify_directly_issued_by(root)
    assert keys[0] in outputs.secrets.texts
    assert keys[0] not in repr(outputs)


def test_server_without_a_certificate_is_refused(plan: Plan) -> None:
    with pytest.raises(CertificateError) as refused:
        require_certificates(plan, {}, "unit")
    assert str(refused.value) == (
        "Pulumi.unit.yaml: tenant:certificates.adapter01: is missing. Every server with role"
        " digikoppeling needs the chain that a trust service provider gave for a key of it. Run"
        " `tenant certificates request voorbeeld`, have it signed, then `tenant certificates"
        " accept`."
    )


@pytest.mark.usefixtures("rotated")
def test_rotated_key_is_used_once_its_certificate_is_accepted(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign, keys: list[str]
) -> None:
    accept_certificates(STACK, plan, [signed(*write_requests(STACK, plan, tmp_path))])
    former = find_certificates(config)["adapter01"]
    rotate_certificate_keys(STACK, plan)
    both = json.loads(config[secret.CERTIFICATE_KEYS])["adapter01"]
    assert split_pem(both) == keys
    assert find_key(both, former) == keys[0]
    accept_certificates(STACK, plan, [signed(*write_requests(STACK, plan, tmp_path))])
    assert find_key(both, find_certificates(config)["adapter01"]) == keys[1]
    assert json.loads(config[secret.CERTIFICATE_KEYS]) == {"adapter01": keys[1]}


@pytest.mark.usefixtures("rotated")
def test_certificate_requested_before_a_rotation_is_accepted_after_it(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign, keys: list[str]
) -> None:
    file = signed(*write_requests(STACK, plan, tmp_path))
    rotate_certificate_keys(STACK, plan)
    accept_certificates(STACK, plan, [file])
    both = json.loads(config[secret.CERTIFICATE_KEYS])["adapter01"]
    assert split_pem(both) == keys, "the new key still waits for its certificate"
    assert find_key(both, find_certificates(config)["adapter01"]) == keys[0]


@pytest.mark.usefixtures("rotated")
def test_chain_that_was_stored_decides_also_where_accepting_was_interrupted(
    plan: Plan,
    config: dict[str, str],
    tmp_path: Path,
    signed: Sign,
    keys: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accept_certificates(STACK, plan, [signed(*write_requests(STACK, plan, tmp_path))])
    rotate_certificate_keys(STACK, plan)
    file = signed(*write_requests(STACK, plan, tmp_path))

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(certificate, "store_by_name", interrupt)
        with pytest.raises(KeyboardInterrupt):
            accept_certificates(STACK, plan, [file])
    both = json.loads(config[secret.CERTIFICATE_KEYS])["adapter01"]
    assert find_key(both, find_certificates(config)["adapter01"]) == keys[1]
    accept_certificates(STACK, plan, [file])
    assert json.loads(config[secret.CERTIFICATE_KEYS]) == {"adapter01": keys[1]}


def test_chain_of_a_key_that_went_with_its_server_is_none(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign, keys: list[str]
) -> None:
    accept_certificates(STACK, plan, [signed(*write_requests(STACK, plan, tmp_path))])
    config[secret.CERTIFICATE_KEYS] = json.dumps({"adapter01": keys[1]})
    assert find_certificates(config) == {}


def test_every_key_of_a_server_is_looked_for_where_none_may_be(keys: list[str]) -> None:
    several = {"adapter01": "".join(keys)}
    texts = Secrets.model_validate({**SECRETS, "certificate_keys": several}).texts
    assert set(keys) <= set(texts)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _text: "no PEM", "holds 0 certificates"),
        (lambda text: split_chain(text).root, "holds 1 certificates"),
        (lambda text: split_chain(text).root + split_chain(text).own, "is not issued by"),
    ],
)
@pytest.mark.usefixtures("config")
def test_file_that_is_no_chain_is_refused(
    spoil: Callable[[str], str], said: str, plan: Plan, tmp_path: Path, signed: Sign
) -> None:
    file = signed(*write_requests(STACK, plan, tmp_path))
    file.write_text(spoil(file.read_text()))
    with pytest.raises(CertificateError, match=said):
        accept_certificates(STACK, plan, [file])


def test_certificate_of_another_name_is_refused(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign
) -> None:
    file = signed(*write_requests(STACK, plan, tmp_path))
    renamed = plan.servers["adapter01"].model_copy(update={"fqdn": "adapter02.voorbeeld.internal"})
    other = plan.model_copy(update={"servers": {**plan.servers, "adapter01": renamed}})
    with pytest.raises(CertificateError, match=f"is for {FQDN}. Allowed: adapter02"):
        accept_certificates(STACK, other, [file])
    assert CERTIFICATES not in config


def test_certificate_that_has_ended_is_refused(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign
) -> None:
    file = signed(*write_requests(STACK, plan, tmp_path), days=0)
    with pytest.raises(CertificateError, match="ended on"):
        accept_certificates(STACK, plan, [file])
    assert CERTIFICATES not in config


def test_file_that_is_not_there_is_refused(
    plan: Plan, config: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "none.pem"
    with pytest.raises(CertificateError) as refused:
        accept_certificates(STACK, plan, [file])
    assert str(refused.value) == (
        f"{file}: cannot be read: No such file or directory. A file in PEM is needed. Name it."
    )
    assert CERTIFICATES not in config


def test_certificate_of_another_key_is_refused_with_all_its_company(
    plan: Plan, config: dict[str, str], tmp_path: Path, signed: Sign, keys: list[str]
) -> None:
    file = signed(*write_requests(STACK, plan, tmp_path))
    config[secret.CERTIFICATE_KEYS] = json.dumps({"adapter01": keys[1]})
    with pytest.raises(CertificateError) as refused:
        accept_certificates(STACK, plan, [file])
    assert str(refused.value) == (
        f"{file}: is of a key that no server of voorbeeld has. Allowed: certificates that this"
        " stack requested. Ask for another one with `tenant certificates request voorbeeld`."
    )
    assert CERTIFICATES not in config
