"""Probe targets from the host it runs on: a program sent over SSH, standard library only.

Argument: JSON list of [protocol, address, port]. Prints a JSON list of outcomes in that order:
open (an answer came), refused (the target itself said no), silent (nothing came back within
TIMEOUT_S), or unreachable (the network said no). UDP is open only when the service answers its
own protocol, because silence of a UDP port proves nothing.
"""

import asyncio
import json
import socket
import struct
import sys

TIMEOUT_S = 3.0

DNS_QUERY = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + b"\x09localhost\x00" + b"\x00\x01\x00\x01"
"""A well-formed question; any answer, also a refusal, shows that packets pass both ways."""

NTP_QUERY = b"\x23" + 47 * b"\x00"
"""Version 4, mode 3 (client). Source: RFC 5905."""

UDP_QUESTIONS = {53: DNS_QUERY, 123: NTP_QUERY}


async def probe_tcp(address: str, port: int) -> str:
    """Open and close one connection."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "unreachable"
    writer.close()
    return "open"


async def probe_udp(address: str, port: int) -> str:
    """Ask the service its own question and wait for an answer."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.setblocking(False)
        connection.connect((address, port))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await loop.sock_sendall(connection, UDP_QUESTIONS[port])
                await loop.sock_recv(connection, 512)
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"
        except OSError:
            return "unreachable"
    return "open"


async def main(targets: list[tuple[str, str, int]]) -> list[str]:
    """Probe all targets at once."""
    probes = {"tcp": probe_tcp, "udp": probe_udp}
    return await asyncio.gather(
        *(probes[protocol](address, port) for protocol, address, port in targets)
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
