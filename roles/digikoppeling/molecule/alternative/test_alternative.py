"""A certificate of another root is worth nothing here, until that root is trusted."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import play

ASK = (
    "curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' --cacert"
    " /etc/digikoppeling/trusted.pem --resolve host01.example:443:127.0.0.1"
)


def ask(host: Any, identity: str) -> str:
    """Return the status that the host's own client gets; 000 when it gets no answer."""
    return str(host.run(f"{ASK} {identity} https://host01.example/").stdout)


def test_holder_of_another_roots_certificate_is_not_answered(
    connect: Callable[[str], Any],
) -> None:
    host, own = connect("host01"), "/etc/digikoppeling"
    assert ask(host, f"--cert {own}/certificate.pem --key {own}/key.pem") == "200"
    assert ask(host, "--cert /root/stranger.pem") == "000"


def test_issuers_are_shown_after_the_certificate(connect: Callable[[str], Any]) -> None:
    shown = connect("host01").check_output(
        "openssl s_client -connect 127.0.0.1:443 -showcerts < /dev/null 2>/dev/null"
    )
    assert shown.count("BEGIN CERTIFICATE") >= 2


def test_root_that_is_no_certificate_is_refused() -> None:
    (failure,) = play({"digikoppeling_trusted": "PKIoverheid"}).failures
    assert failure.startswith("host01: preflight | Refuse an endpoint without name, key or")
