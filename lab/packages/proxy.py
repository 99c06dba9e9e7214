"""Answer the HTTP requests of hosts from the store, fetching what is missing.

A file is stored completely before its first byte is served: a broken download never reaches a
host, and the price is the time of one transfer (apt waits 30 s; at 4 Mbit/s that is 15 MB). What
is asked for by several hosts at once is fetched once.
"""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from lab.packages.archive import Archives, archive_name
from lab.packages.store import Store, UnstorableURLError, Validators

_CHUNK_BYTES = 256 * 1024


class TruncatedError(Exception):
    """Upstream ended before the length it announced, or announced none."""


@dataclass(frozen=True)
class Outcome:
    """How a request for a file went.

    Attributes:
        word: hit, miss, joined (another request's miss), revalidated, stale or failed.
        fetched_bytes: what came from upstream for it.
        failure: answer for the host when there is no file to serve: status and text.
    """

    word: str
    fetched_bytes: int = 0
    failure: tuple[int, str] | None = None


class PackageProxy:
    """A forward proxy for GET and HEAD of files of the allowed archives."""

    def __init__(self, archives: Archives, store: Store, session: aiohttp.ClientSession) -> None:
        self._archives = archives
        self._store = store
        self._session = session
        self._fetches: dict[Path, asyncio.Task[Outcome]] = {}
        self._log = logging.getLogger("lab.packages")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request and log it in one line."""
        target = request.raw_path
        refusal = self._refuse(request)
        if refusal is not None:
            self._log.info("denied size=0 fetched=0 %s %s", request.method, target)
            return refusal
        url = URL(target, encoded=True)
        try:
            path = self._store.path(url)
        except UnstorableURLError:
            self._log.info("denied size=0 fetched=0 %s %s", request.method, target)
            return _text(HTTPStatus.BAD_REQUEST, f"{target}: not the path of a file.")

        outcome = await self._provide(url, path)
        size_bytes = 0 if outcome.failure else path.stat().st_size
        self._log.info(
            "%s size=%d fetched=%d %s", outcome.word, size_bytes, outcome.fetched_bytes, target
        )
        if outcome.failure is not None:
            return _text(*outcome.failure)
        return web.FileResponse(path, chunk_size=_CHUNK_BYTES)

    def _refuse(self, request: web.BaseRequest) -> web.Response | None:
        """Return the answer for a request that may not pass, None for one that may."""
        if request.method not in {"GET", "HEAD"}:
            return _text(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{request.method}: this proxy serves files of Debian archives by GET and HEAD. "
                "Write package sources with http, not https.",
            )
        url = URL(request.raw_path, encoded=True)
        if url.scheme != "http":
            return _text(
                HTTPStatus.BAD_REQUEST,
                f"{request.raw_path}: this is a proxy; ask for an absolute http URL.",
            )
        if not self._archives.allows(url):
            return _text(
                HTTPStatus.FORBIDDEN,
                f"{archive_name(url)}: not an archive that this lab serves. Hosts reach the Debian "
                "archives of the machine that runs the lab and nothing else.",
            )
        return None

    async def _provide(self, url: URL, path: Path) -> Outcome:
        """See to it that the store has a usable file, with one fetch at a time for each."""
        if self._store.is_fresh(path):
            return Outcome("hit")
        running = self._fetches.get(path)
        if running is not None:
            outcome = await asyncio.shield(running)
            return outcome if outcome.failure else Outcome("joined")
        fetch = asyncio.create_task(self._fetch(url, path))
        self._fetches[path] = fetch
        fetch.add_done_callback(lambda _: self._fetches.pop(path))
        # A host that hangs up must not end what others wait for.
        return await asyncio.shield(fetch)

    async def _fetch(self, url: URL, path: Path) -> Outcome:
        known = self._store.validators(path)
        upstream = self._archives.upstream(url)
        try:
            async with self._session.get(
                upstream,
                headers=known.conditions(),
                proxy=self._archives.outgoing_proxy(upstream),
            ) as response:
                if response.status == HTTPStatus.NOT_MODIFIED:
                    self._store.confirm(path)
                    return Outcome("revalidated")
                if response.status == HTTPStatus.OK:
                    return Outcome("miss", await self._keep(response, path))
                problem = f"answered {response.status} {response.reason}"
                status = response.status
        except (aiohttp.ClientError, TimeoutError, TruncatedError) as error:
            problem = f"{type(error).__name__}: {error}"
            status = HTTPStatus.BAD_GATEWAY
        except OSError as error:
            problem = f"cannot be stored: {error}"
            status = HTTPStatus.INSUFFICIENT_STORAGE
        self._log.warning("upstream %s %s", upstream, problem)
        if status == HTTPStatus.NOT_FOUND:
            # Debian removes a package some time after its successor is announced: the index that
            # led a host here has aged before its time.
            self._store.distrust_indexes(url)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and path.is_file():
            return Outcome("stale")
        return Outcome("failed", failure=(status, f"{upstream}: {problem}"))

    async def _keep(self, response: aiohttp.ClientResponse, path: Path) -> int:
        """Store the body of a response; return its size in bytes."""
        size_bytes = 0
        with self._store.draft(path) as draft:
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                draft.write(chunk)
                size_bytes += len(chunk)
            # A chunked body has an end of its own, which aiohttp insists on.
            is_chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
            if not is_chunked and response.content_length != size_bytes:
                message = f"{size_bytes} bytes of {response.content_length} announced"
                raise TruncatedError(message)
            validators = Validators(
                etag=response.headers.get("ETag"),
                last_modified=response.headers.get("Last-Modified"),
            )
            self._store.publish(draft, path, validators)
        return size_bytes


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
