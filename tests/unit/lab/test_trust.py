"""What stands for a trust service provider signs requests, and nothing that is none."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.error import LabInputError
from lab.layout import Layout
from lab.trust import sign


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return the layout of a lab whose memory is a folder of the test."""
    monkeypatch.setattr(Layout, "run", tmp_path)
    return Layout("unit")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def request_file(tmp_path: Path, key: rsa.RSAPrivateKey) -> Path:
    """Return a request for one name."""
    names = x509.SubjectAlternativeName([x509.DNSName("adapter01.example")])
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "adapter01.csr"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file


def test_chain_leads_from_the_requested_key_to_a_root(
    layout: Layout, request_file: Path, key: rsa.RSAPrivateKey
) -> None:
    own, issuer, root = x509.load_pem_x509_certificates(sign(layout, request_file).encode())
    for holder, signer in ((own, issuer), (issuer, root), (root, root)):
        holder.verify_directly_issued_by(signer)
    assert own.public_key() == key.public_key()
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["adapter01.example"]
    usage = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {*usage} == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_all_have_one_root_and_only_root_reads_its_key(layout: Layout, request_file: Path) -> None:
    first, second = (sign(layout, request_file, days=days) for days in (5, 10))
    assert first.split("-----END")[-2] == second.split("-----END")[-2]
    certificate = x509.load_pem_x509_certificate(first.encode())
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lasts.days == 5
    assert {file.stat().st_mode & 0o777 for file in layout.trust.iterdir()} == {0o600}


def test_file_that_is_no_request_is_refused(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "none.csr").write_text("hello\n")
    needed = "A PKCS 10 request in PEM is needed. Name another file."
    for name, what in (
        ("none.csr", "is no request for a certificate"),
        ("gone.csr", "cannot be read: No such file or directory"),
    ):
        file = tmp_path / name
        with pytest.raises(LabInputError) as raised:
            sign(layout, file)
        assert str(raised.value) == f"{file}: {what}. {needed}"


def test_request_without_names_is_refused(
    layout: Layout, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    file = tmp_path / "nameless.csr"
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file.write_bytes(pem)
    with pytest.raises(LabInputError, match="The names of a server are needed"):
        sign(layout, file)
