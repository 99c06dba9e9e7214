"""Send and hear frames on the host it runs on: a program sent over SSH, standard library only.

Takes orders as JSON lines on standard input and answers each by one line; ends with its input.
Writes no file, changes no setting: what it opened closes with it.
"""

import base64
import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

EVERY_PROTOCOL = 0x0003
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_MR_PROMISC = 263, 1, 6, 1
"""Source: packet(7), linux/if_packet.h."""

BUFFER_BYTES = 16 * 1024 * 1024
REPLY_S = 20.0
LOOPBACK = "lo"


class Sensor:
    """Counts, on every NIC, the frames that carry a token of one run."""

    def __init__(self, mark: bytes, digits: int) -> None:
        self._mark, self._length = mark, len(mark) + digits
        self.heard: dict[str, Counter[str]] = {}
        self.received: Counter[str] = Counter()
        self.frames: dict[str, tuple[float, bytes]] = {}
        self._lost = 0
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
        # Beyond what the machine allows to everybody: root may (socket(7), SO_RCVBUFFORCE).
        self._raw.setsockopt(socket.SOL_SOCKET, 33, BUFFER_BYTES)
        for index, name in socket.if_nameindex():
            if name != LOOPBACK:
                member = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
                self._raw.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, member)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            frame, (device, _, kind, *_) = self._raw.recvfrom(65536)
            if kind == socket.PACKET_OUTGOING or device == LOOPBACK:
                continue
            self.received[device] += 1
            start = frame.find(self._mark)
            if start >= 0:
                token = frame[start : start + self._length].decode(errors="replace")
                self.frames.setdefault(token, (time.time(), frame))
                self.heard.setdefault(device, Counter())[token] += 1

    def knows(self, token: str) -> bool:
        """Say whether a token was heard."""
        return token in self.frames

    def lost(self) -> int:
        """Count the frames that found the buffer full; the kernel forgets them once told."""
        statistics = self._raw.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._lost += struct.unpack("II", statistics)[1]
        return self._lost


def send(order: dict[str, Any]) -> dict[str, Any]:
    """Send frames: a list of device, token, frames in base64."""
    sent: Counter[str] = Counter()
    sockets: dict[str, socket.socket] = {}
    for device, token, frames in order["shots"]:
        if device not in sockets:
            sockets[device] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            sockets[device].bind((device, 0))
        for frame in frames:
            sockets[device].send(base64.b64decode(frame))
            sent[token] += 1
    for raw in sockets.values():
        raw.close()
    return {"sent": sent}


def ask(order: dict[str, Any], undue: dict[str, socket.socket]) -> dict[str, Any]:
    """Ask services through the host's own network stack, all at once.

    undue: takes by token the connections on which no answer is due: datagrams, for whose answer
    nothing waits.
    """
    replies: dict[str, str] = {}
    threads = []
    for key, protocol, address, port, content, is_due in order["questions"]:
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        connection = socket.socket(socket.AF_INET, kind)
        connection.settimeout(REPLY_S if is_due else 0)
        question = (connection, (address, port), base64.b64decode(content))
        if is_due:
            threads.append(threading.Thread(target=_ask_one, args=(*question, key, replies)))
            threads[-1].start()
        else:
            undue[key] = connection
            with suppress(OSError):  # the judge is told that the service did not hear it
                _put(*question)
    for thread in threads:
        thread.join()
    return {"replies": replies}


def _put(connection: socket.socket, where: tuple[str, int], content: bytes) -> None:
    connection.connect(where)
    connection.send(content)


def _ask_one(
    connection: socket.socket,
    where: tuple[str, int],
    content: bytes,
    key: str,
    replies: dict[str, str],
) -> None:
    with connection, suppress(OSError):  # no reply is what the judge is told
        _put(connection, where, content)
        if reply := connection.recv(4096):
            replies[key] = base64.b64encode(reply).decode()


def read_undue(undue: dict[str, socket.socket]) -> dict[str, str]:
    """Give what has come though it was not due, by token."""
    replies = {}
    for key, connection in undue.items():
        with suppress(OSError):
            replies[key] = base64.b64encode(connection.recv(4096)).decode()
    return replies


def await_tokens(sensor: Sensor, order: dict[str, Any]) -> dict[str, Any]:
    """Wait until all of these were heard, or until the deadline."""
    deadline = time.monotonic() + order["within_s"]
    missing = [token for token in order["tokens"] if not sensor.knows(token)]
    while missing and time.monotonic() < deadline:
        time.sleep(0.01)
        missing = [token for token in missing if not sensor.knows(token)]
    return {"missing": missing}


def report(sensor: Sensor, undue: dict[str, socket.socket]) -> dict[str, Any]:
    """Tell all that was heard: copies, because the sensor goes on."""
    return {
        "replies": read_undue(undue),
        "heard": {device: dict(tokens) for device, tokens in dict(sensor.heard).items()},
        "received": dict(sensor.received),
        "lost": sensor.lost(),
        "frames": {
            token: [at, base64.b64encode(frame).decode()]
            for token, (at, frame) in dict(sensor.frames).items()
        },
    }


def ipv6_addresses() -> list[str]:
    """Give the host's IPv6 addresses. Source: proc(5), /proc/net/if_inet6."""
    with open("/proc/net/if_inet6") as table:  # noqa: PTH123 (one import less to send)
        return [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line[:32])) for line in table]


def main() -> None:
    """Carry out orders until there are none."""
    sensor: Sensor | None = None
    undue: dict[str, socket.socket] = {}
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any]
        try:
            match order["do"], sensor:
                case "listen", _:
                    sensor = Sensor(order["mark"].encode(), order["digits"])
                    answer = {"ipv6": ipv6_addresses(), "python": sys.version.split()[0]}
                case "send", _:
                    answer = send(order)
                case "ask", _:
                    answer = ask(order, undue)
                case "await", Sensor():
                    answer = await_tokens(sensor, order)
                case "report", Sensor():
                    answer = report(sensor, undue)
                case unknown, _:
                    answer = {"error": f"no such order: {unknown}"}
        except OSError as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
