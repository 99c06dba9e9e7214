"""Claims about two-way TLS, by a client with a certificate and by the same one without.

Does not prove what a partner does with a request, nor that it checks whether we are revoked.
"""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509

from infra.operations.verify import INCONCLUSIVE
from infra.plan.model import CertificateCheck, TwoWayTlsCheck

SHOWN = """
import ssl, sys
print(ssl.get_server_certificate((sys.argv[1], 443), timeout=20))
"""
"""Prints in PEM what a server shows: that, and not a file, is what others see."""

ASK = (
    "cd /etc/digikoppeling && curl --silent --max-time 20 --output /dev/null"
    " --write-out '%%{{http_code}}' --cacert trusted.pem {identity} %s"
)
IDENTITY = "--cert certificate.pem --key key.pem"
UNANSWERED = "000"
"""What curl writes in the place of a status when there was no answer."""

pytestmark = pytest.mark.host


@pytest.mark.kind("certificate")
def test_certificate_is_good_for_weeks_more(
    check: CertificateCheck, connect: Callable[[str], Any]
) -> None:
    shown = connect(check.server).check_output("python3 -c %s %s", SHOWN, check.fqdn)
    certificate = x509.load_pem_x509_certificate(shown.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert check.fqdn in names.get_values_for_type(x509.DNSName), (
        f"shows a certificate for {names.get_values_for_type(x509.DNSName)}, not {check.fqdn}"
    )
    end = certificate.not_valid_after_utc
    left = end - datetime.datetime.now(datetime.UTC)
    assert left >= datetime.timedelta(days=check.days), (
        f"the certificate ends {end:%Y-%m-%d}, in {left.days} days; at least {check.days} must be"
        f" left. Run `tenant certificates request`"
    )


@pytest.mark.kind("two-way-tls")
def test_endpoint_answers_with_a_certificate_alone(
    check: TwoWayTlsCheck,
    connect: Callable[[str], Any],
    record_property: Callable[[str, object], None],
) -> None:
    """Silence counts only while the same client is answered with its certificate."""
    host, url = connect(check.server), f"https://{check.fqdn}/"
    with host.sudo():
        known = host.run(ASK.format(identity=IDENTITY), url)
        unknown = host.run(ASK.format(identity=""), url)
    if known.stdout != "200":
        record_property(INCONCLUSIVE, True)
        pytest.fail(
            f"{url} gives {known.stdout} to {check.server} with its certificate (curl:"
            f" {known.rc}): silence without one proves nothing"
        )
    assert unknown.stdout == UNANSWERED, (
        f"{url} gives {unknown.stdout} to {check.server} without a certificate, must not answer"
    )
