"""Serve the program to Pulumi over a local connection: `python -m infra.serve`.

Prints the address, then serves until its standard input ends. A process of its own, because a
program that has served cannot safely fork, as Ansible must. Why it is served: docs/adr/0014.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2_grpc

from infra import program


def main() -> None:
    """Serve until nobody needs it."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program.run), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
