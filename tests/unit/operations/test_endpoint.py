"""Knocking at endpoints that stand in for a vCenter: real sockets and real TLS on loopback."""

import time
from functools import partial
from pathlib import Path

import pytest

from infra.operations import endpoint
from infra.operations.endpoint import EndpointError, check_endpoint
from tests.failure.case import read_case
from tests.failure.stand_in import EXPIRED, StandIn, be_away, serve, stay_silent


def knock(address: str, *, is_verified: bool = False) -> None:
    check_endpoint(
        {
            "vsphere:vsphereServer": address,
            "vsphere:user": "lab@vsphere.local",
            "tenant:vcenter-password": "correct horse",
            "vsphere:allowUnverifiedSsl": str(not is_verified).lower(),
        }
    )


def test_good_endpoint_is_logged_into_and_out_of(tmp_path: Path) -> None:
    with serve(tmp_path) as (address, asked):
        knock(address)
    assert asked == [f"{method} /rest/com/vmware/cis/session" for method in ("POST", "DELETE")]


@pytest.mark.parametrize(
    ("name", "stand_in"),
    [
        ("unreachable", be_away),
        ("silent", stay_silent),
        ("certificate-expired", partial(serve, expiry=EXPIRED)),
        ("password-wrong", partial(serve, status=401)),
        ("services-down", partial(serve, status=503)),
    ],
)
def test_each_fault_is_one_clear_line_in_time(
    name: str,
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The line tells the deadline, so it shows that this one counts.
    monkeypatch.setattr(endpoint, "ANSWER_S", 0.5)
    with stand_in(tmp_path) as (address, _):
        began = time.monotonic()
        with pytest.raises(EndpointError) as raised:
            knock(address)
    said = "\n".join(read_case(name).said(address, "")).replace("10 s", "0.5 s")
    assert str(raised.value) == said
    assert raised.value.exit_code == 4
    assert time.monotonic() - began < 10
    assert "correct horse" not in str(raised.value)


def test_unknown_signer_is_refused_where_signers_are_verified(tmp_path: Path) -> None:
    with serve(tmp_path) as (address, asked), pytest.raises(EndpointError) as raised:
        knock(address, is_verified=True)
    assert str(raised.value) == read_case("certificate-untrusted").said(address, "")[0]
    assert asked == []


def test_name_that_resolves_to_nothing_is_told() -> None:
    with pytest.raises(EndpointError, match=r"^vcenter vcenter\.invalid: cannot be reached: "):
        knock("vcenter.invalid")
