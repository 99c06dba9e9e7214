# Written by Ansible (role decoy): changes made here are lost.
"""Answer on every socket that systemd hands over with one line, the program's argument.

Source: sd_listen_fds(3).
"""

import asyncio
import os
import socket
import sys

FIRST_DESCRIPTOR = 3

LINE = f"{sys.argv[1]}\r\n".encode()


class Connection(asyncio.Protocol):
    """Tells the line to who connects, and hangs up."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Answer."""
        transport.write(LINE)
        transport.close()


class Datagrams(asyncio.DatagramProtocol):
    """Tells the line to who sends anything."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        """Remember what to answer with."""
        self.transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        """Answer, but not to itself: somebody may claim to be this very decoy."""
        if data != LINE:
            self.transport.sendto(LINE, sender)


async def main() -> None:
    """Serve until systemd says otherwise."""
    loop = asyncio.get_running_loop()
    for number in range(int(os.environ["LISTEN_FDS"])):
        given = socket.socket(fileno=FIRST_DESCRIPTOR + number)
        given.setblocking(False)
        if given.type == socket.SOCK_STREAM:
            await loop.create_server(Connection, sock=given)
        else:
            await loop.create_datagram_endpoint(Datagrams, sock=given)
    await asyncio.Event().wait()


asyncio.run(main())
