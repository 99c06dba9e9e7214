"""Keep reports in PostgreSQL. The only module that talks to the database."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from meldingen.report import Draft, Report

MIGRATIONS = (
    """
    CREATE TABLE report (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        place text NOT NULL,
        description text NOT NULL,
        filed_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)
"""Applied in this order, each once. Only ever add at the end."""

_LOCK = 7_106_382
"""Any number, the same in each process: only one migrates at a time."""


class StoreUnavailableError(RuntimeError):
    """The database cannot be reached or does not answer."""


class Store:
    """The reports. One connection a request: there are few, and none is left over when it ends.

    Safe for several threads and processes.
    """

    def __init__(self, *, password: str | None = None) -> None:
        """Take the settings that are not in libpq's environment variables (PGHOST and so on)."""
        self._password = password
        self._is_migrated = False

    @classmethod
    def from_environment(cls) -> "Store":
        """Take the password from systemd's credentials.

        Raises:
            KeyError: started without `LoadCredential=database-password:...`.
            OSError: the credential cannot be read.
        """
        folder = Path(os.environ["CREDENTIALS_DIRECTORY"])
        return cls(password=(folder / "database-password").read_text(encoding="utf-8").strip())

    def newest(self, count: int) -> list[Report]:
        """List the newest reports, newest first.

        Args:
            count: at most so many.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        with self._transaction() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, place, description, filed_at FROM report"
                " ORDER BY number DESC LIMIT %s",
                (count,),
            )
            return [
                Report(number=number, place=place, description=description, filed_at=filed_at)
                for number, place, description, filed_at in cursor.fetchall()
            ]

    def file(self, draft: Draft) -> int:
        """Store a report and give its number.

        Args:
            draft: without faults.

        Raises:
            StoreUnavailableError: the database does not answer; nothing was stored, or the
                connection was lost before the database could say that it was.
        """
        with self._transaction() as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO report (place, description) VALUES (%s, %s) RETURNING number",
                (draft.place, draft.description),
            )
            (number,) = cursor.fetchone()
            return int(number)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with closing(self._connect()) as connection, connection:
                if not self._is_migrated:
                    _migrate(connection)
                yield connection
        except psycopg2.OperationalError as error:
            raise StoreUnavailableError(str(error)) from error
        # Only now: a transaction that was rolled back took its migrations with it.
        self._is_migrated = True

    def _connect(self) -> Connection:
        settings: Mapping[str, str | None] = {
            "password": self._password,
            "application_name": "meldingen",
            "options": "-c timezone=Europe/Amsterdam -c statement_timeout=5s",
        }
        return psycopg2.connect("", **settings)


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date, inside the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            " (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        cursor.execute("SELECT count(*) FROM migration")
        (applied,) = cursor.fetchone()
        for number, statement in enumerate(MIGRATIONS[applied:], start=applied + 1):
            cursor.execute(statement)
            cursor.execute("INSERT INTO migration (number) VALUES (%s)", (number,))
