"""Whoever has a certificate is answered, by TLS 1.2 and 1.3; whoever has none is not."""

from collections.abc import Callable
from typing import Any

from lab.process import until
from tests.molecule.fixtures import change, play

ASK = (
    "curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' --cacert"
    " /etc/trusted.pem --resolve host01.example:443:10.255.0.21"
)
CONF = "/etc/nginx/conf.d/digikoppeling.conf"
FOLDER = "/etc/digikoppeling"
RELOADED_S = 20


def ask(client: Any, options: str) -> str:
    """Return the status that a client gets; 000 when it gets no answer."""
    return str(client.run(f"{ASK} {options} https://host01.example/").stdout)


def await_answer(client: Any, status: str) -> None:
    """Wait until a client without a certificate gets this: nginx reloads while it answers."""
    for _ in until(RELOADED_S):
        if ask(client, "") == status:
            return
    message = f"without a certificate the answer is {ask(client, '')}, not {status}"
    raise AssertionError(message)


def test_holder_of_a_certificate_is_answered(connect: Callable[[str], Any]) -> None:
    client = connect("client01")
    for version in ("1.2", "1.3"):
        assert ask(client, f"--cert /etc/client.pem --tlsv{version} --tls-max {version}") == "200"


def test_nobody_else_is_answered(connect: Callable[[str], Any]) -> None:
    client = connect("client01")
    assert [ask(client, options) for options in ("", "--tls-max 1.2")] == ["000", "000"]
    assert client.run("curl --silent --max-time 10 http://10.255.0.21:443/").stdout == ""


def test_only_root_reads_the_key(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    folder, key = host.file(FOLDER), host.file(f"{FOLDER}/key.pem")
    assert (folder.user, folder.mode) == ("root", 0o700)
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)


def test_client_without_certificate_is_answered_when_nobody_verifies(
    connect: Callable[[str], Any],
) -> None:
    """Shows that the tests above can fail; then mends it."""
    connect("host01").check_output(
        f"sed -i 's/ssl_verify_client on/ssl_verify_client off/' {CONF} && nginx -s reload"
    )
    await_answer(connect("client01"), "200")
    assert change({}) == {
        "host01": ["configure | Say whom nginx answers", "service | Run the unit, now and at boot"]
    }
    await_answer(connect("client01"), "000")


def test_endpoint_without_a_key_is_refused() -> None:
    assert play({"digikoppeling_private_key": ""}).failures == [
        "host01: preflight | Refuse an endpoint without name, key or certificates:"
        ' digikoppeling_server_name: "host01.example", digikoppeling_private_key: missing,'
        " digikoppeling_certificate: given, digikoppeling_trusted: given. A name in lower case, a"
        " key and certificates are needed, each in PEM without anything before it. Give them in the"
        " inventory."
    ]
