"""Claims about the application as HTTP clients see it, on a real PostgreSQL.

Does not prove that nginx, gunicorn or the unit's confinement let it work: tests/host does.
"""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from wsgiref.validate import validator

import psycopg2
import pytest
from meldingen.store import MIGRATIONS, Store
from meldingen.web import BODY_MAX_BYTES, SHOWN, Web

FORM = {"plaats": "Raadhuisplein 1", "omschrijving": "Lantaarnpaal <staat> scheef"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str


class Client:
    """Calls the application as a WSGI server does, checking both sides against PEP 3333."""

    def __init__(self, web: Web) -> None:
        """Take the application."""
        self._web = validator(web)

    def get(self, path: str) -> Answer:
        """GET a path."""
        return self.ask("GET", path)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """POST a form."""
        return self.ask("POST", path, urlencode(form).encode())

    def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Send any request."""
        started: list[Any] = []

        def start_response(status: str, headers: list[Any], _: Any = None) -> Any:
            started[:] = [int(status.split()[0]), dict(headers)]
            return io.BytesIO().write

        environ = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(body)), "SERVER_NAME": "meldingen", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
        }  # fmt: skip
        answer = self._web(environ, start_response)
        try:
            text = b"".join(answer).decode()
        finally:
            answer.close()  # type: ignore[attr-defined]
        return Answer(started[0], started[1], text)


pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def client() -> Client:
    return Client(Web(Store()))


def test_the_front_page_has_a_form_and_says_that_nothing_was_reported_yet(client: Client) -> None:
    page = client.get("/")
    assert page.status == 200
    assert '<form method="post" action="/meldingen">' in page.body
    assert "Er zijn nog geen meldingen." in page.body


def test_a_report_is_filed_and_read_back(client: Client) -> None:
    filed = client.post("/meldingen", FORM)
    assert (filed.status, filed.headers["Location"]) == (303, "/")
    (report,) = json.loads(client.get("/meldingen.json").body)
    assert (report["nummer"], report["plaats"], report["omschrijving"]) == (1, *FORM.values())
    assert report["gemeld_op"][-6:] in ("+01:00", "+02:00"), "not in Dutch time"


def test_what_people_type_is_escaped(client: Client) -> None:
    client.post("/meldingen", FORM)
    body = client.get("/").body
    assert "Lantaarnpaal &lt;staat&gt; scheef" in body
    assert "<staat>" not in body


def test_the_newest_report_comes_first_and_the_list_is_bounded(client: Client) -> None:
    for number in range(SHOWN + 2):
        client.post("/meldingen", FORM | {"plaats": f"Straat {number}"})
    reports = json.loads(client.get("/meldingen.json").body)
    assert [report["plaats"] for report in reports[:2]] == [
        f"Straat {SHOWN + 1}",
        f"Straat {SHOWN}",
    ]
    assert len(reports) == SHOWN


def test_a_faulty_report_is_shown_again_and_not_stored(client: Client) -> None:
    refused = client.post("/meldingen", FORM | {"plaats": ""})
    assert refused.status == 400
    assert 'aria-describedby="plaats-fout"' in refused.body
    assert "Lantaarnpaal &lt;staat&gt; scheef" in refused.body
    assert json.loads(client.get("/meldingen.json").body) == []


def test_a_body_that_is_too_long_is_not_read(client: Client) -> None:
    assert client.ask("POST", "/meldingen", b"a" * (BODY_MAX_BYTES + 1)).status == 413


def test_bytes_that_are_no_text_do_no_harm(client: Client) -> None:
    assert client.ask("POST", "/meldingen", b"plaats=%ff&omschrijving=\xff\xfe").status == 303


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nergens", 404),
        ("GET", "/meldingen", 405),
        ("DELETE", "/", 405),
        ("HEAD", "/", 200),
        ("HEAD", "/gezondheid", 200),
    ],
)
def test_other_requests_get_the_status_that_fits(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.ask(method, path)
    assert answer.status == status
    assert (answer.body == "") == (method == "HEAD")


def test_every_answer_forbids_scripts_and_frames(client: Client) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_health_is_well_only_while_the_database_answers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/gezondheid").status == 200
    monkeypatch.setenv("PGHOST", "/nonexistent")
    assert client.get("/gezondheid").status == 503
    assert client.post("/meldingen", FORM).status == 503


def test_processes_that_start_at_once_migrate_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: Store().newest(1), range(8))) == [[]] * 8
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(number ORDER BY number) FROM migration")
        assert cursor.fetchone() == (list(range(1, len(MIGRATIONS) + 1)),)
    connection.close()
