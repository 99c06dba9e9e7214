"""Answer HTTP requests, as a WSGI callable. Decides status codes; leaves storing to the store."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs

from meldingen import page
from meldingen.report import Draft, Report
from meldingen.store import StoreUnavailableError

SHOWN = 50
"""So many reports stand on the page and in the JSON."""

BODY_MAX_BYTES = 32 * 1024
"""Twice the longest valid form, percent-encoded at that."""

_SECURITY_HEADERS = (
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src {page.STYLE_SOURCE}; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


class Reports(Protocol):
    """What the web needs of a store."""

    def newest(self, count: int) -> list[Report]:
        """List the newest reports, newest first."""

    def file(self, draft: Draft) -> int:
        """Store a report and give its number."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """One answer. location: where a redirect leads; allow: methods, with 405."""

    status: HTTPStatus
    body: str = ""
    content_type: str = "text/html"
    location: str | None = None
    allow: str | None = None


class Web:
    """The application. Stateless; safe for several threads."""

    def __init__(self, reports: Reports) -> None:
        """Take the store in which reports live."""
        self._reports = reports
        self._routes: Mapping[str, Mapping[str, Callable[[dict[str, Any]], Response]]] = {
            "/": {"GET": self._show},
            "/meldingen": {"POST": self._file},
            "/meldingen.json": {"GET": self._list},
            "/gezondheid": {"GET": self._tell_health},
        }

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        try:
            response = self._answer(environ)
        except StoreUnavailableError as error:
            sys.stderr.write(f"meldingen: the database does not answer: {error}\n")
            response = Response(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                body=page.notice(
                    "Even niet beschikbaar",
                    "De meldingen zijn nu niet bereikbaar. Probeer het over een paar minuten weer.",
                ),
            )
        body = response.body.encode()
        headers = [
            ("Content-Type", f"{response.content_type}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            *_SECURITY_HEADERS,
        ]
        if response.location:
            headers.append(("Location", response.location))
        if response.allow:
            headers.append(("Allow", response.allow))
        start_response(f"{response.status.value} {response.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, environ: dict[str, Any]) -> Response:
        methods = self._routes.get(environ.get("PATH_INFO", ""))
        if methods is None:
            return Response(
                status=HTTPStatus.NOT_FOUND,
                body=page.notice("Niet gevonden", "Deze pagina bestaat niet."),
            )
        method = environ["REQUEST_METHOD"]
        respond = methods.get("GET" if method == "HEAD" else method)
        if respond is None:
            return Response(
                status=HTTPStatus.METHOD_NOT_ALLOWED,
                body=page.notice("Dat kan hier niet", "Deze pagina kan dat niet."),
                allow=", ".join(methods),
            )
        return respond(environ)

    def _show(self, _environ: dict[str, Any]) -> Response:
        return Response(status=HTTPStatus.OK, body=page.overview(self._reports.newest(SHOWN)))

    def _list(self, _environ: dict[str, Any]) -> Response:
        reports = [
            {
                "nummer": report.number,
                "plaats": report.place,
                "omschrijving": report.description,
                "gemeld_op": report.filed_at.isoformat(),
            }
            for report in self._reports.newest(SHOWN)
        ]
        return Response(
            status=HTTPStatus.OK,
            body=json.dumps(reports, ensure_ascii=False),
            content_type="application/json",
        )

    def _tell_health(self, _environ: dict[str, Any]) -> Response:
        self._reports.newest(1)
        return Response(
            status=HTTPStatus.OK,
            body=json.dumps({"status": "in orde"}),
            content_type="application/json",
        )

    def _file(self, environ: dict[str, Any]) -> Response:
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > BODY_MAX_BYTES:
            return Response(
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                body=page.notice("Te lang", "Deze melding is te lang. Maak de tekst korter."),
            )
        draft = Draft.from_form(_read_form(environ["wsgi.input"].read(int(length))))
        faults = draft.faults()
        if faults:
            return Response(
                status=HTTPStatus.BAD_REQUEST,
                body=page.overview(self._reports.newest(SHOWN), draft, faults),
            )
        self._reports.file(draft)
        return Response(status=HTTPStatus.SEE_OTHER, location="/")


def _read_form(body: bytes) -> dict[str, str]:
    """Read application/x-www-form-urlencoded; of a field given twice the last counts."""
    # Bytes that are not UTF-8 become U+FFFD: a reader sees that something was lost.
    text = body.decode("ascii", errors="replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
