"""The package proxy between a real client and a real upstream, both on loopback.

Does not prove that apt is content with it (tests/lab does), nor anything about namespaces.
"""

import asyncio
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from lab.packages.__main__ import open_session
from lab.packages.archive import Archives
from lab.packages.proxy import PackageProxy
from lab.packages.store import FRESH_S, Store

DEB = "/debian/pool/main/d/demo/demo_1.0%2bb1_amd64.deb"
INDEX = "/debian/dists/bookworm/InRelease"
BODY = bytes(range(256)) * 4096


@dataclass
class Upstream:
    """An archive: what it answers can be changed while it runs."""

    authority: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    body: bytes = BODY
    etag: str = '"1"'
    status: int = 200
    is_truncated: bool = False
    is_chunked: bool = False
    gate: asyncio.Event | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the proxy."""
        self.requests.append((request.raw_path, request.headers.get("If-None-Match")))
        if self.gate is not None:
            await self.gate.wait()
        if self.status != 200:
            return web.Response(status=self.status)
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        response = web.StreamResponse(headers={"ETag": self.etag})
        if self.is_chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(self.body)
        await response.prepare(request)
        await response.write(self.body[: len(self.body) // 2])
        if self.is_truncated:
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(self.body[len(self.body) // 2 :])
        return response


@dataclass
class Bench:
    """The three parts: client, proxy, upstream."""

    client: aiohttp.ClientSession
    proxy_url: str
    upstream: Upstream
    cache: Path
    asked: list[str]

    async def until_asked(self, count: int) -> None:
        """Wait until the proxy has begun to answer `count` requests."""
        while len(self.asked) < count:
            await asyncio.sleep(0)

    async def get(self, path: str, *, authority: str | None = None) -> tuple[int, bytes]:
        """Ask for a file as apt does; return status and body."""
        url = f"http://{authority or self.upstream.authority}{path}"
        async with self.client.get(URL(url, encoded=True), proxy=self.proxy_url) as response:
            return response.status, await response.read()

    def files(self) -> set[str]:
        """Return the names of all files in the store."""
        return {path.name for path in self.cache.rglob("*") if path.is_file()}

    def let_index_age(self) -> None:
        """Make the stored index older than it may be served unasked."""
        note = self.cache / self.upstream.authority / f"{INDEX[1:]}@checked"
        long_ago_s = time.time() - FRESH_S - 1
        os.utime(note, (long_ago_s, long_ago_s))


def _listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def _serving(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    listener = _listener()
    host, port = listener.getsockname()
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def run_bench(cache: Path, scenario: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a scenario with a client, the proxy and an upstream."""

    async def run() -> None:
        upstream = Upstream()
        async with _serving(upstream.answer) as upstream.authority, open_session() as outgoing:
            archives = Archives(schemes={upstream.authority: "http"}, apt_settings={})
            proxy = PackageProxy(archives, Store(cache), outgoing)
            asked: list[str] = []

            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                asked.append(request.raw_path)
                return await proxy.handle(request)

            async with (
                _serving(handle) as authority,
                aiohttp.ClientSession(auto_decompress=False) as client,
            ):
                await scenario(Bench(client, f"http://{authority}", upstream, cache, asked))

    asyncio.run(asyncio.wait_for(run(), timeout=20))


def test_package_is_fetched_once_with_its_path_as_asked(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        for _ in range(3):
            assert await bench.get(DEB) == (200, BODY)
        assert bench.upstream.requests == [(DEB, None)]

    run_bench(tmp_path, scenario)


def test_package_outlives_the_archive_and_the_proxy(tmp_path: Path) -> None:
    async def first(bench: Bench) -> None:
        await bench.get(DEB)
        stored = tmp_path / bench.upstream.authority
        stored.rename(tmp_path / "kept")

    async def second(bench: Bench) -> None:
        (tmp_path / "kept").rename(tmp_path / bench.upstream.authority)
        bench.upstream.status = 404
        assert await bench.get(DEB) == (200, BODY)
        assert bench.upstream.requests == []

    run_bench(tmp_path, first)
    run_bench(tmp_path, second)


def test_many_hosts_at_once_cause_one_fetch(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        bench.upstream.gate = asyncio.Event()
        hosts = [asyncio.create_task(bench.get(DEB)) for _ in range(12)]
        await bench.until_asked(12)
        bench.upstream.gate.set()
        assert await asyncio.gather(*hosts) == [(200, BODY)] * 12
        assert len(bench.upstream.requests) == 1

    run_bench(tmp_path, scenario)


def test_host_that_hangs_up_does_not_end_the_fetch_of_another(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        bench.upstream.gate = asyncio.Event()
        first = asyncio.create_task(bench.get(DEB))
        await bench.until_asked(1)
        second = asyncio.create_task(bench.get(DEB))
        await bench.until_asked(2)
        first.cancel()
        await asyncio.wait([first])
        bench.upstream.gate.set()
        assert await second == (200, BODY)
        assert len(bench.upstream.requests) == 1

    run_bench(tmp_path, scenario)


@pytest.mark.parametrize("path", [DEB, INDEX])
def test_truncated_download_is_an_error_and_leaves_no_file(tmp_path: Path, path: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.upstream.is_truncated = True
        status, _ = await bench.get(path)
        assert status == 502
        assert bench.files() == set()
        bench.upstream.is_truncated = False
        assert await bench.get(path) == (200, BODY)

    run_bench(tmp_path, scenario)


def test_truncated_chunked_download_leaves_no_file(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        bench.upstream.is_chunked = True
        assert await bench.get(INDEX) == (200, BODY)
        bench.upstream.is_truncated = True
        status, _ = await bench.get(DEB)
        assert status == 502
        assert bench.files() == {"InRelease", "InRelease@checked"}

    run_bench(tmp_path, scenario)


def test_fresh_index_is_served_unasked_and_an_old_one_revalidated(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.get(INDEX)
        assert await bench.get(INDEX) == (200, BODY)
        bench.let_index_age()
        assert await bench.get(INDEX) == (200, BODY)
        assert await bench.get(INDEX) == (200, BODY)
        assert bench.upstream.requests == [(INDEX, None), (INDEX, '"1"')]

    run_bench(tmp_path, scenario)


def test_old_index_that_changed_upstream_is_replaced(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.get(INDEX)
        bench.let_index_age()
        bench.upstream.body, bench.upstream.etag = b"new", '"2"'
        assert await bench.get(INDEX) == (200, b"new")
        bench.let_index_age()
        assert await bench.get(INDEX) == (200, b"new")
        assert bench.upstream.requests[-1] == (INDEX, '"2"')

    run_bench(tmp_path, scenario)


def test_file_by_hash_is_never_asked_for_again(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        path = f"/debian/dists/bookworm/main/binary-amd64/by-hash/SHA256/{'0' * 64}"
        await bench.get(path)
        assert await bench.get(path) == (200, BODY)
        assert len(bench.upstream.requests) == 1
        assert bench.files() == {"0" * 64}

    run_bench(tmp_path, scenario)


@pytest.mark.parametrize("failure", ["status", "truncated"])
def test_old_index_is_served_when_upstream_fails(tmp_path: Path, failure: str) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.get(INDEX)
        bench.let_index_age()
        bench.upstream.etag = '"2"'
        bench.upstream.status = 503 if failure == "status" else 200
        bench.upstream.is_truncated = failure == "truncated"
        assert await bench.get(INDEX) == (200, BODY)

    run_bench(tmp_path, scenario)


def test_missing_file_is_missing_also_for_the_host(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        bench.upstream.status = 404
        status, text = await bench.get(DEB)
        assert status == 404
        assert text.decode() == f"http://{bench.upstream.authority}{DEB}: answered 404 Not Found\n"
        assert bench.files() == set()

    run_bench(tmp_path, scenario)


def test_index_that_names_a_missing_file_is_revalidated(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.get(INDEX)
        bench.upstream.status = 404
        await bench.get(DEB)
        bench.upstream.status, bench.upstream.body, bench.upstream.etag = 200, b"new", '"2"'
        assert await bench.get(INDEX) == (200, b"new")

    run_bench(tmp_path, scenario)


def test_other_host_is_refused_and_told_why(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        status, text = await bench.get(DEB, authority="127.0.0.1:9")
        assert status == 403
        assert text.decode() == (
            "127.0.0.1:9: not an archive that this lab serves. Hosts reach the Debian archives of "
            "the machine that runs the lab and nothing else.\n"
        )
        assert bench.upstream.requests == []

    run_bench(tmp_path, scenario)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("CONNECT {authority} HTTP/1.1", 405),
        ("POST http://{authority}/x HTTP/1.1", 405),
        ("GET /etc/passwd HTTP/1.1", 400),
        ("GET ftp://{authority}/x HTTP/1.1", 400),
        ("GET http://{authority}/../../etc/passwd HTTP/1.1", 400),
        ("GET http://{authority}/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", 400),
        ("GET http://{authority}/..%2f..%2fetc/passwd HTTP/1.1", 400),
        ("GET http://{authority}/debian/ HTTP/1.1", 400),
        ("GET http://{authority}/x?a=b HTTP/1.1", 400),
        ("GET http://[::1/x HTTP/1.1", 400),
    ],
)
def test_whatever_is_not_a_file_of_an_archive_is_refused(
    tmp_path: Path, request_line: str, status: int
) -> None:
    async def scenario(bench: Bench) -> None:
        host, port = bench.proxy_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        line = request_line.format(authority=bench.upstream.authority)
        writer.write(f"{line}\r\nHost: {bench.upstream.authority}\r\n\r\n".encode())
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert re.fullmatch(rb"HTTP/1\.[01] (\d+) .*\r\n", answer), answer
        assert int(answer.split()[1]) == status
        assert bench.upstream.requests == []
        assert bench.files() == set()

    run_bench(tmp_path, scenario)


def test_head_tells_the_size_and_sends_nothing(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.client.head(
            f"http://{bench.upstream.authority}{INDEX}", proxy=bench.proxy_url
        ) as response:
            assert response.status == 200
            assert response.content_length == len(BODY)
            assert await response.read() == b""

    run_bench(tmp_path, scenario)


def test_log_tells_outcome_and_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.get(DEB)
        await bench.get(DEB)
        await bench.get(DEB, authority="127.0.0.1:9")
        url = f"http://{bench.upstream.authority}{DEB}"
        assert caplog.messages == [
            f"miss size={len(BODY)} fetched={len(BODY)} {url}",
            f"hit size={len(BODY)} fetched=0 {url}",
            f"denied size=0 fetched=0 GET http://127.0.0.1:9{DEB}",
        ]

    caplog.set_level("INFO", logger="lab.packages")
    run_bench(tmp_path, scenario)


def _command(directory: Path, descriptor: int) -> list[str]:
    options = {
        "--socket-fd": str(descriptor),
        "--cache": str(directory / "cache"),
        "--log": str(directory / "log"),
    }
    return [sys.executable, "-m", "lab.packages", *itertools.chain(*options.items())]


def test_process_serves_an_inherited_socket_and_ends_on_sigterm(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            _command(tmp_path, listener.fileno()),
            pass_fds=[listener.fileno()],
        )
        try:
            with socket.create_connection(listener.getsockname(), timeout=20) as client:
                client.sendall(b"GET http://127.0.0.1:9/x HTTP/1.0\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.0 403 ")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
            process.wait()
    assert "denied size=0 fetched=0 GET http://127.0.0.1:9/x" in (tmp_path / "log").read_text()


def test_descriptor_that_does_not_listen_is_refused(tmp_path: Path) -> None:
    completed = subprocess.run(
        _command(tmp_path, 0),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (completed.returncode, completed.stderr) == (
        2,
        "--socket-fd: 0 is not a listening socket. Open it in the lab's namespace and pass it on "
        "(`lab up` does).\n",
    )
