"""Serve the inventory to Ansible over a Unix socket, so that no secret reaches a file.

Ansible runs playbooks/inventory, which reads the socket named in TENANT_INVENTORY_SOCKET.
"""

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENVIRONMENT = "TENANT_INVENTORY_SOCKET"


@contextmanager
def serve_inventory(inventory: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Answer every connection with the inventory as JSON until the context ends.

    Args:
        inventory: in the form of an inventory script's `--list`.
        folder: private to us; the socket is made in it.

    Yields:
        The socket's path.
    """
    text = json.dumps(inventory).encode()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(text)

    path = folder / "inventory.socket"
    with socketserver.UnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
            path.unlink()
