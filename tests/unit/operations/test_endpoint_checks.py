"""What is said of an endpoint that answers anybody, of one that answers nobody, and of dates.

The hosts are stand-ins: the role's scenarios and tests/lab ask real ones.
"""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.operations import secret
from infra.operations.certificate import request_certificates
from infra.plan.model import CertificateCheck, TwoWayTlsCheck
from lab.layout import Layout
from lab.trust import sign
from tests.host import test_endpoint as checks

CHECK = TwoWayTlsCheck(server="adapter01", destination="rvig", fqdn="brp.rvig.example")


def _host(*, known: str, unknown: str) -> Any:
    """Return a host whose curl gets one status with a certificate and another without."""

    def run(command: str, *_arguments: str) -> Any:
        assert "%%{http_code}" in command, "testinfra makes one % of two"
        return SimpleNamespace(stdout=known if "--cert " in command else unknown, rc=0)

    return SimpleNamespace(run=run, sudo=nullcontext)


def _judge(host: Any) -> list[str]:
    """Check the endpoint; return the properties that were recorded."""
    properties: list[str] = []
    checks.test_endpoint_answers_with_a_certificate_alone(
        CHECK, lambda _server: host, lambda name, _value: properties.append(name)
    )
    return properties


def test_endpoint_that_answers_with_a_certificate_alone_passes() -> None:
    assert _judge(_host(known="200", unknown="000")) == []


@pytest.mark.parametrize("status", ["200", "400", "403"])
def test_endpoint_that_answers_anybody_fails(status: str) -> None:
    with pytest.raises(AssertionError, match=f"gives {status} to adapter01 without a certificate"):
        _judge(_host(known="200", unknown=status))


def test_endpoint_that_answers_nobody_proves_nothing() -> None:
    with pytest.raises(pytest.fail.Exception, match="silence without one proves nothing"):
        _judge(_host(known="000", unknown="000"))


@pytest.mark.parametrize(
    ("days", "fqdn", "said"),
    [
        (31, "adapter01.example", None),
        (29, "adapter01.example", "in 28 days; at least 30 must be left"),
        (365, "adapter02.example", "not adapter02.example"),
    ],
)
def test_certificate_is_judged_by_name_and_end(
    days: int, fqdn: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Layout, "run", tmp_path)
    server = SimpleNamespace(fqdn="adapter01.example", roles=("digikoppeling",))
    plan: Any = SimpleNamespace(name="Gemeente Voorbeeld", servers={"adapter01": server})
    keys = {"adapter01": secret.generate_certificate_key()}
    request = tmp_path / "adapter01.csr"
    request.write_text(request_certificates(plan, keys)["adapter01"])
    shown = sign(Layout("unit"), request, days)
    host = SimpleNamespace(check_output=lambda *_arguments: shown)
    check = CertificateCheck(server="adapter01", fqdn=fqdn, days=30)
    if said is None:
        checks.test_certificate_is_good_for_weeks_more(check, lambda _server: host)
        return
    with pytest.raises(AssertionError, match=said):
        checks.test_certificate_is_good_for_weeks_more(check, lambda _server: host)
