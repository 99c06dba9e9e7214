"""Knock at a stack's vCenter: the commonest faults are told in seconds, before Pulumi starts.

Connection, certificate and login only. What the vCenter holds, Pulumi itself looks up. ADR 0012.
"""

import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography import x509

from infra.errors import TenantError
from infra.operations.symptom import AGAIN
from infra.settings import VCENTER_PASSWORD

ANSWER_S = 10.0
"""How long the vCenter may take to connect, and for each answer."""
_SESSION = "/rest/com/vmware/cis/session"
"""Where the provider logs in for tags; the one login of a single request."""


class EndpointError(TenantError, RuntimeError):
    """The vCenter cannot be used: exit 4."""

    exit_code = 4

    def __init__(self, server: str, fault: str) -> None:
        super().__init__(f"vcenter {server}: {fault} {AGAIN}")


def check_endpoint(config: Mapping[str, str]) -> None:
    """Connect to the vCenter, look at its certificate, log in and out.

    An expired certificate is refused even where nobody verifies who signed it: the vCenter's
    other clients refuse it, and trust in an unknown signer was given to a valid one.

    Args:
        config: the stack's, in the clear.

    Raises:
        EndpointError: it cannot be reached, does not answer, or refuses.
    """
    server = config["vsphere:vsphereServer"]
    host, _, port = server.partition(":")
    tls = ssl.create_default_context()
    if config.get("vsphere:allowUnverifiedSsl") == "true":
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, int(port or 443), timeout=ANSWER_S, context=tls)
    try:
        connection.connect()
        _check_certificate(server, connection)
        _log_in(server, connection, config["vsphere:user"], config[VCENTER_PASSWORD])
    except ssl.SSLCertVerificationError as error:
        fault = (
            f"its certificate is not accepted: {error.verify_message}. One is needed that this"
            " machine trusts, for this name. Have it replaced, or its authority installed here."
        )
        raise EndpointError(server, fault) from error
    except TimeoutError as error:
        fault = (
            f"does not answer: waited {ANSWER_S:g} s for it. It must answer within that time. Look"
            " whether it is up and the network lets it through."
        )
        raise EndpointError(server, fault) from error
    except (OSError, http.client.HTTPException) as error:
        reason = str(getattr(error, "strerror", None) or error or type(error).__name__)
        fault = (
            f"cannot be reached: {reason}. A vCenter must answer there by HTTPS. Look whether it is"
            " up and vsphere:vsphereServer of the stack names it."
        )
        raise EndpointError(server, fault) from error
    finally:
        connection.close()


def _check_certificate(server: str, connection: http.client.HTTPSConnection) -> None:
    assert isinstance(connection.sock, ssl.SSLSocket)  # noqa: S101 (as connect() leaves it)
    encoded = connection.sock.getpeercert(binary_form=True)
    expiry = x509.load_der_x509_certificate(encoded or b"").not_valid_after_utc
    if expiry < datetime.now(UTC):
        fault = (
            f"its certificate expired on {expiry:%Y-%m-%d %H:%M} UTC. A valid one is needed,"
            " whoever signed it. Have it renewed."
        )
        raise EndpointError(server, fault)


def _log_in(server: str, connection: http.client.HTTPSConnection, user: str, password: str) -> None:
    credentials = b64encode(f"{user}:{password}".encode()).decode()
    connection.request("POST", _SESSION, headers={"Authorization": f"Basic {credentials}"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status == http.client.UNAUTHORIZED:
        fault = (
            f"refuses user {user}: user or password is wrong, or the account is locked. The"
            " stack's must be those of the vCenter. Correct the password with `pulumi config set"
            " --secret tenant:vcenter-password`, or the description and `tenant init`."
        )
        raise EndpointError(server, fault)
    if answer.status not in (http.client.OK, http.client.CREATED):
        fault = (
            f"answers a login with {answer.status} {answer.reason}. Its services are not all"
            " running, or it is no vCenter. Look at it."
        )
        raise EndpointError(server, fault)
    session = {"vmware-api-session-id": json.loads(body)["value"]}
    connection.request("DELETE", _SESSION, headers=session)
    connection.getresponse().read()
