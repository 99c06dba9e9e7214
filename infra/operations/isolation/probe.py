"""Send and hear frames on the host it runs on: a program sent over SSH, standard library only.

Takes orders as JSON lines on standard input and answers each by one line; ends with its input.
Writes no file; what it opened closes with it. The one setting that it changes is a NIC's MAC, for a
moment, and systemd changes that back when this program does not live to do it.
"""

import base64
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from typing import Any

EVERY_PROTOCOL = 0x0003
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_MR_PROMISC = 263, 1, 6, 1
"""Source: packet(7), linux/if_packet.h."""

BUFFER_BYTES = 16 * 1024 * 1024
REPLY_S = 20.0
LOOPBACK = "lo"

SIOCGIFHWADDR, SIOCSIFHWADDR, ARPHRD_ETHER = 0x8927, 0x8924, 1
"""Source: netdevice(7), linux/if_arp.h."""

GUARD_S = 6
"""After how long systemd gives a NIC its own MAC again."""

LOCKED = "/run"
"""A folder that every host has and nobody locks."""

RESERVE_S = 1
"""How long before that this program must have done so itself."""


class Presence:
    """Tells the sensors of several runs on this host of each other: one must not be made deaf.

    By a lock, which writes nothing and ends with us.
    """

    def __init__(self) -> None:
        """Wait until no other run has this host for itself."""
        self.lock = os.open(LOCKED, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        self.is_alone = True

    def seize(self) -> bool:
        """Have the host for ourselves, unless another run listens."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.is_alone = False
            # The kernel gives up the old lock before it looks for the new one (flock(2)). Who
            # has the host for itself by now makes this fail too.
            fcntl.flock(self.lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return self.is_alone

    def share(self) -> None:
        """Let other runs listen again."""
        fcntl.flock(self.lock, fcntl.LOCK_SH)


class Guard:
    """Has systemd give a NIC its own MAC again, should this program not live to do it."""

    def __init__(self, device: str) -> None:
        """Begin, before anything is changed."""
        self.device, self.own = device, read_mac(device)
        self.ends = time.monotonic() + GUARD_S
        self._unit = f"isolation-mac-{device}"
        run(
            *("systemd-run", "--quiet", "--collect", f"--unit={self._unit}"),
            *(f"--on-active={GUARD_S}", "--timer-property=AccuracySec=100ms"),
            *("ip", "link", "set", "dev", device, "address", self.own),
        )

    def end(self) -> None:
        """End, when nothing is changed any more; where that took long, it has ended by itself."""
        # A pattern may match nothing, a name must be a loaded unit's (systemctl(1)).
        run("systemctl", "stop", f"{self._unit}.timer*")


class Sensor:
    """Counts, on every NIC, the frames that carry a token of one run.

    uplinks: devices of which those that go out count as well.
    """

    def __init__(self, mark: bytes, digits: int, uplinks: list[str]) -> None:
        self.presence = Presence()
        self._mark, self._length = mark, len(mark) + digits
        self._uplinks = frozenset(uplinks)
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
            is_out = kind == socket.PACKET_OUTGOING
            if device == LOOPBACK or (is_out and device not in self._uplinks):
                continue
            self.received[device] += not is_out
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


def run(*command: str) -> None:
    """Run a command."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"{command[0]} ends with {done.returncode}: {done.stderr.strip()}"
        raise OSError(message)


def read_mac(device: str) -> str:
    """Read the MAC that a NIC has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        question = struct.pack("16s24x", device.encode())
        return fcntl.ioctl(any_socket, SIOCGIFHWADDR, question)[18:24].hex(":")


def set_mac(device: str, mac: str) -> None:
    """Give a NIC another MAC, at once, as `ip link set` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        address = bytes.fromhex(mac.replace(":", ""))
        order = struct.pack("16sH6s16x", device.encode(), ARPHRD_ETHER, address)
        fcntl.ioctl(any_socket, SIOCSIFHWADDR, order)


def change_mac(order: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """Have another MAC from one moment to another, and the own one again.

    Keeps the own one, and tells so, when the guard would give it back too early.
    """
    wait_for(order["at"])
    now = time.monotonic()
    if max(now, order["until"]) > guard.ends - RESERVE_S:
        own = read_mac(guard.device)
        return {"taken": now, "restored": now, "had": own, "has": own}
    with open_raw(guard.device) as raw:
        set_mac(guard.device, order["mac"])
        taken = time.monotonic()
        try:
            raw.send(base64.b64decode(order["under_other"]))
            had = read_mac(guard.device)
            wait_for(order["until"])
        finally:
            restored = time.monotonic()
            set_mac(guard.device, guard.own)
        raw.send(base64.b64decode(order["announcement"]))
    return {"taken": taken, "restored": restored, "had": had, "has": read_mac(guard.device)}


def wait_for(moment: float) -> None:
    """Wait for a moment of the own clock; not at all when it has passed."""
    time.sleep(max(0.0, moment - time.monotonic()))


def open_raw(device: str) -> socket.socket:
    """Open a socket that sends whole frames."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((device, 0))
    return raw


def send_at(order: dict[str, Any]) -> dict[str, Any]:
    """Send frames at moments: a list of device, token, frame in base64, moments."""
    sent: dict[str, list[float]] = {}
    with ExitStack() as opened:
        sockets = {
            device: opened.enter_context(open_raw(device))
            for device in {device for device, *_ in order["shots"]}
        }
        for moment, device, token, frame in sorted(
            (moment, device, token, base64.b64decode(frame))
            for device, token, frame, moments in order["shots"]
            for moment in moments
        ):
            wait_for(moment)
            sent.setdefault(token, []).append(time.monotonic())
            sockets[device].send(frame)
    return {"sent": sent}


def send(order: dict[str, Any]) -> dict[str, Any]:
    """Send frames: a list of device, token, frames in base64."""
    sent: Counter[str] = Counter()
    sockets: dict[str, socket.socket] = {}
    for device, token, frames in order["shots"]:
        if device not in sockets:
            sockets[device] = open_raw(device)
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
        "is_alone": sensor.presence.is_alone,
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
    guard: Guard | None = None
    undue: dict[str, socket.socket] = {}
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any]
        try:
            match order["do"], sensor, guard:
                case "listen", _, _:
                    sensor = Sensor(order["mark"].encode(), order["digits"], order["uplinks"])
                    answer = {"ipv6": ipv6_addresses(), "python": sys.version.split()[0]}
                case "send", _, _:
                    answer = send(order)
                case "ask", _, _:
                    answer = ask(order, undue)
                case "await", Sensor(), _:
                    answer = await_tokens(sensor, order)
                case "guard", Sensor(), None:
                    is_alone = sensor.presence.seize()
                    guard = Guard(order["device"]) if is_alone else None
                    answer = {"is_guarded": is_alone}
                case "tell_time", _, _:
                    answer = {"time": time.monotonic()}
                case "send_at", _, _:
                    answer = send_at(order)
                case "change_mac", _, Guard():
                    answer = change_mac(order, guard)
                case "unguard", Sensor(), Guard():
                    guard.end()
                    guard = None
                    sensor.presence.share()
                    answer = {}
                case "report", Sensor(), _:
                    answer = report(sensor, undue)
                case unknown, _, _:
                    answer = {"error": f"no such order: {unknown}"}
        except OSError as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
