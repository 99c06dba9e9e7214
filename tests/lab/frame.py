"""Ethernet frames, sent and seen by ourselves in a host's network: the least a guest could do."""

import socket
import struct
import time
from threading import Event

_MARK = b"lab test frame "


def send(interface: str, frame: bytes, *, count: int = 3) -> None:
    """Send a frame as it is."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        for _ in range(count):
            raw.send(frame)


def stream(interface: str, frame: bytes, is_over: Event) -> int:
    """Send a frame about every millisecond until it is over; return how many were sent."""
    sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        while not is_over.wait(0.001):
            raw.send(frame)
            sent += 1
    return sent


def listen(interface: str) -> socket.socket:
    """Return a socket that sees every frame that reaches an interface, whoever it is for."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    raw.bind((interface, 0))
    index = socket.if_nametoindex(interface)
    # packet(7): PACKET_ADD_MEMBERSHIP with PACKET_MR_PROMISC.
    raw.setsockopt(263, 1, struct.pack("iHH8s", index, 1, 0, b""))
    return raw


def count_seen(raw: socket.socket, name: str, *, within_s: float = 0.25) -> int:
    """Count the frames of this name that come in until nothing has come for `within_s` seconds."""
    wanted = _MARK + name.encode()
    seen = 0
    end_at = time.monotonic() + within_s
    while (left_s := end_at - time.monotonic()) > 0:
        raw.settimeout(left_s)
        try:
            frame, address = raw.recvfrom(2048)
        except TimeoutError:
            break
        # Not what the interface itself sends.
        if address[2] != socket.PACKET_OUTGOING and wanted in frame:
            seen += 1
            end_at = time.monotonic() + within_s
    return seen


def count_sent(raw: socket.socket) -> int:
    """Count the frames that an interface itself has sent since it is listened to."""
    raw.setblocking(False)
    sent = 0
    while True:
        try:
            sent += raw.recvfrom(2048)[1][2] == socket.PACKET_OUTGOING
        except BlockingIOError:
            return sent


def plain(name: str, *, source: str, destination: str = "ff:ff:ff:ff:ff:ff") -> bytes:
    """Return a frame of a type for experiments (IEEE 802: 0x88b5)."""
    return _mac(destination) + _mac(source) + b"\x88\xb5" + _MARK + name.encode() + bytes(32)


def tagged(name: str, *, source: str, vlan_id: int, kind: int = 0x8100) -> bytes:
    """Return a broadcast frame with a VLAN tag, 802.1Q or (0x88a8) 802.1ad."""
    tag = struct.pack("!HH", kind, vlan_id)
    return _mac("ff:ff:ff:ff:ff:ff") + _mac(source) + tag + plain(name, source=source)[12:]


def arp(name: str, *, source: str, claimed: str, address: str) -> bytes:
    """Return an ARP announcement: `claimed` is the MAC in its payload."""
    ip = socket.inet_aton(address)
    payload = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + _mac(claimed) + ip + _mac(claimed) + ip
    head = _mac("ff:ff:ff:ff:ff:ff") + _mac(source) + b"\x08\x06"
    return head + payload + _MARK + name.encode()


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
