"""Endpoints that stand in for a vCenter: real sockets and real TLS on loopback."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import create_server
from threading import Thread
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

StandIn = Callable[[Path], AbstractContextManager[tuple[str, list[str]]]]
"""Takes an empty folder; gives the address and what is asked there."""

EXPIRED = datetime(2026, 1, 31, 12, tzinfo=UTC)


class _Session(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    asked: ClassVar[list[str]] = []

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        body = b'{"value": "a-session"}'
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = _answer  # noqa: N815 (http.server's own names)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def write_certificate(folder: Path, expiry: datetime) -> Path:
    """Write a self-signed certificate for loopback, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a vCenter")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(expiry - timedelta(days=365))
        .not_valid_after(expiry)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def serve(
    folder: Path, *, status: int = 200, expiry: datetime | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Serve logins; yield the address and what is asked."""
    asked: list[str] = []
    handler = type("_OneSession", (_Session,), {"status": status, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(write_certificate(folder, expiry or datetime.now(UTC) + timedelta(days=9)))
    # The handshake belongs to the connection's thread: a client may break it off.
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.05))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def stay_silent(_: Path) -> Iterator[tuple[str, list[str]]]:
    """Take connections and say nothing."""
    with create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}", []


@contextmanager
def be_away(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Give an address where nobody listens."""
    with stay_silent(folder) as (address, asked):
        pass
    yield address, asked
