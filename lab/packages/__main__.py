"""Serve the package proxy on a socket that the caller opened.

The socket listens inside the fabric, in a network namespace without any route; this process and
its outgoing connections stay in the machine's own. That is the whole gateway.
"""

import argparse
import asyncio
import logging
import signal
import socket
import sys
import time
from pathlib import Path

import aiohttp
from aiohttp import web

from lab.error import LabError, LabInputError
from lab.packages.archive import Archives, read_archives
from lab.packages.proxy import PackageProxy
from lab.packages.store import Store


def main() -> int:
    """Serve until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.packages", description=__doc__)
    parser.add_argument("--socket-fd", type=int, required=True, help="a listening TCP socket")
    parser.add_argument("--cache", type=Path, required=True, help="directory of the files")
    parser.add_argument("--log", type=Path, required=True, help="file, one line per request")
    arguments = parser.parse_args()
    try:
        listener = _adopt_listener(arguments.socket_fd)
        archives = read_archives()
        _log_to(arguments.log)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    asyncio.run(serve(listener, archives, Store(arguments.cache)))
    return 0


async def serve(listener: socket.socket, archives: Archives, store: Store) -> None:
    """Serve `archives` from `store` on `listener` until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with open_session() as session:
        server = web.Server(PackageProxy(archives, store, session).handle, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        logging.getLogger("lab.packages").info("serving %s", ", ".join(archives.schemes))
        await stop.wait()
        await runner.cleanup()


def open_session() -> aiohttp.ClientSession:
    """Return the client side of the proxy: files come as they are stored, never unpacked."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=60),
        trust_env=True,  # apt too takes http_proxy when its configuration says nothing
    )


def _adopt_listener(descriptor: int) -> socket.socket:
    """Return the socket behind an inherited file descriptor.

    Raises:
        LabInputError: it is not a listening TCP socket.
    """
    try:
        listener = socket.socket(fileno=descriptor)
        is_listening = bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        is_listening = False
    if not is_listening:
        message = (
            f"--socket-fd: {descriptor} is not a listening socket. "
            "Open it in the lab's namespace and pass it on (`lab up` does)."
        )
        raise LabInputError(message)
    return listener


def _log_to(path: Path) -> None:
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        message = f"--log: {path}: {error.strerror}. Name a file in a directory that exists."
        raise LabInputError(message) from error
    formatter = logging.Formatter("%(asctime)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
