"""Parse the texts and numbers of a record whose rules a pattern cannot say.

Responsible for one value at a time. An error says what the value is and what to do.
"""

import base64
import binascii
import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

from pydantic_core import PydanticCustomError

PREFIX_LENGTHS = range(16, 30)
SCSI_CONTROLLER_UNIT = 7

_YAML_1_1_WORDS = {"yes", "no", "on", "off", "true", "false", "null"}
"""Source: yaml.org/type/bool.html and null.html, which many programs still follow."""
_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_KEY_BLOB_BYTES = {"ssh-ed25519": 51, "ecdsa-sha2-nistp256": 104}
"""Length of a whole key. Source: RFC 8709 section 4, RFC 5656 section 3.1."""


def _error(*, what: str, remedy: str, is_quoted: bool = True) -> PydanticCustomError:
    """Make the error that `shape.py` turns into a fault. is_quoted: the value may be shown."""
    # Braces would be read as pydantic's own placeholders, so the parts travel as context.
    context = {"what": what, "remedy": remedy, "is_quoted": is_quoted}
    return PydanticCustomError("record", "{what}", context)


def check_name(value: str) -> str:
    """Refuse a name that is none to others who read the same file."""
    if value in _YAML_1_1_WORDS:
        raise _error(
            what="is not a name to every reader of YAML: some take it for a truth value or nothing",
            remedy="Rename it",
        )
    return value


def parse_address(value: Any) -> Any:
    """Parse an IPv4 address; leave anything but text to the type's own message."""
    if not isinstance(value, str):
        return value
    if not _ADDRESS.fullmatch(value):
        raise _error(
            what="is not an IPv4 address", remedy="Write four numbers with dots between them"
        )
    try:
        address = IPv4Address(value)
    except AddressValueError as error:
        raise _error(
            what="is not an IPv4 address", remedy="Write four numbers up to 255"
        ) from error
    _refuse_special(address)
    return address


def parse_prefix(value: Any) -> Any:
    """Parse an IPv4 prefix without host bits, of a length that a segment may have."""
    if not isinstance(value, str):
        return value
    address, slash, length = value.partition("/")
    if not (_ADDRESS.fullmatch(address) and slash and re.fullmatch("[0-9]{1,2}", length)):
        raise _error(what="is not an IPv4 prefix", remedy="Write it as address/length")
    try:
        prefix = IPv4Network(value, strict=False)
    except (AddressValueError, NetmaskValueError) as error:
        raise _error(
            what="is not an IPv4 prefix", remedy="Write four numbers up to 255, /, length"
        ) from error
    if prefix.prefixlen not in PREFIX_LENGTHS:
        raise _error(
            what=f"has {prefix.num_addresses} addresses",
            remedy=f"Choose a length from /{PREFIX_LENGTHS[0]} to /{PREFIX_LENGTHS[-1]}",
        )
    if str(prefix.network_address) != address:
        raise _error(what="has host bits set", remedy=f'Write "{prefix}"')
    _refuse_special(prefix.network_address)
    return prefix


def _refuse_special(address: IPv4Address) -> None:
    for is_special, meaning in (
        (address.is_unspecified or address in IPv4Network("0.0.0.0/8"), "this network"),
        (address.is_loopback, "loopback"),
        (address.is_link_local, "link local"),
        (address.is_multicast, "multicast"),
        (address.is_reserved, "reserved"),
    ):
        if is_special:
            raise _error(
                what=f"is in a {meaning} range", remedy="Choose an address that hosts may have"
            )


def parse_public_key(value: Any) -> Any:
    """Check that a line is one whole public key. Never quotes it: it may be a private one."""
    if not isinstance(value, str):
        return value
    algorithm, _, rest = value.partition(" ")
    if "PRIVATE KEY" in value:
        raise _error(
            what="is a private key",
            remedy="Consider it lost: make a new pair, and put the .pub file's line here",
            is_quoted=False,
        )
    if algorithm not in _KEY_BLOB_BYTES or not re.fullmatch(r"[A-Za-z0-9+/=]+( \S+)?", rest):
        raise _error(
            what=f'starts with "{algorithm[:24]}"',
            remedy="Copy the line of a .pub file",
            is_quoted=False,
        )
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error as error:
        raise _error(
            what="is not whole: its base64 part is broken",
            remedy="Copy the line again",
            is_quoted=False,
        ) from error
    length = int.from_bytes(blob[:4])
    if blob[4 : 4 + length] != algorithm.encode() or len(blob) != _KEY_BLOB_BYTES[algorithm]:
        raise _error(
            what=f"is not a whole {algorithm} key", remedy="Copy the line again", is_quoted=False
        )
    return value


def check_scsi_unit(value: Any) -> Any:
    """Refuse the controller's own unit."""
    if value == SCSI_CONTROLLER_UNIT:
        raise _error(what="is the SCSI controller's own unit", remedy="Choose another unit")
    return value
