"""Let a server's tagged frames hop into another VLAN, as a switch would that follows tags.

The lab's kernel need not know VLANs: the frames are taken at the server's port, before any rule of
the switch, and put out at the others' ports.
"""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event, Thread

from lab.fabric.namespace import run_inside
from tests.lab import frame

_SOL_PACKET, _PACKET_AUXDATA, _TAG_IS_VALID = 263, 8, 0x10
"""Source: linux/if_packet.h; TP_STATUS_VLAN_VALID."""

_AUXILIARY = struct.Struct("=IIIHHHH")
_TAG = struct.Struct("!HH")
_TYPE = 12
"""Where a frame's type, or its first tag, begins."""

BUFFER_BYTES = 16 * 1024 * 1024


def strip(whole: bytes, tags: Sequence[int]) -> bytes | None:
    """Take 802.1Q tags off a frame; None when it does not begin with exactly these.

    Args:
        whole: a frame with its tags.
        tags: VLAN ids, the outer one first.
    """
    for tag in tags:
        if whole[_TYPE : _TYPE + _TAG.size] != _TAG.pack(0x8100, tag):
            return None
        whole = whole[:_TYPE] + whole[_TYPE + _TAG.size :]
    is_tagged = whole[_TYPE : _TYPE + 2] in (b"\x81\x00", b"\x88\xa8")
    return None if is_tagged else whole


def restore(seen: bytes, auxiliary: bytes) -> bytes:
    """Put back the tag that the kernel took off what a packet socket sees (packet(7))."""
    status, _, _, _, _, control, kind = _AUXILIARY.unpack(auxiliary)
    if not status & _TAG_IS_VALID:
        return seen
    return seen[:_TYPE] + _TAG.pack(kind or 0x8100, control) + seen[_TYPE:]


@contextmanager
def hopping(fabric: str, port: str, exits: Sequence[str], tags: Sequence[int]) -> Iterator[None]:
    """Put what comes in at one port behind these tags out at others, meanwhile.

    Args:
        fabric: the namespace of the switch.
        port: where the tagged frames come in.
        exits: ports at which they go out, without these tags.
        tags: VLAN ids, the outer one first.
    """
    is_over = Event()

    def listen() -> socket.socket:
        raw = frame.listen(port)
        raw.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        # Beyond what the machine allows to everybody: root may (socket(7), SO_RCVBUFFORCE).
        raw.setsockopt(socket.SOL_SOCKET, 33, BUFFER_BYTES)
        raw.settimeout(0.1)
        return raw

    def bind(name: str) -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind((name, 0))
        return raw

    with ExitStack() as opened:
        source = opened.enter_context(run_inside(fabric, listen))
        others = [opened.enter_context(run_inside(fabric, partial(bind, name))) for name in exits]

        def carry() -> None:
            while not is_over.is_set():
                try:
                    seen, extra, _, address = source.recvmsg(65536, 256)
                except TimeoutError:
                    continue
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                for level, kind, auxiliary in extra:
                    if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                        seen = restore(seen, auxiliary)
                if (bare := strip(seen, tags)) is not None:
                    for other in others:
                        other.send(bare)

        carrier = Thread(target=carry)
        carrier.start()
        try:
            yield
        finally:
            is_over.set()
            carrier.join()
