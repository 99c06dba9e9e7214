"""Give the tests the application's modules, as on a host, and a PostgreSQL of their own."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
POSTGRESQL = Path("/usr/lib/postgresql/15/bin")

sys.path.insert(0, str(ROOT / "applications" / "meldingen"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """Run PostgreSQL on a socket in a folder of its own; return that folder."""
    # Not below pytest's own folder: that is closed to others, and another run may tidy it.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        yield from _run_cluster(Path(name))


def _run_cluster(folder: Path) -> Iterator[Path]:
    # The server refuses to run as root.
    account = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [POSTGRESQL / program, *arguments],
            check=True,
            cwd=folder,
            user=account,
            stdout=subprocess.DEVNULL,
        )

    run(
        "initdb", f"--pgdata={data}", "--username=meldingen", "--auth=trust", "--encoding=UTF8",
        "--locale=C.UTF-8", "--no-sync",
    )  # fmt: skip
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={folder}/log", "-o", options)
    yield folder
    run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={data}")


@pytest.fixture
def database(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point libpq at an empty database, as the unit's environment does on a host."""
    monkeypatch.setenv("PGHOST", str(cluster))
    monkeypatch.setenv("PGUSER", "meldingen")
    monkeypatch.setenv("PGDATABASE", "postgres")
    for statement in ("DROP DATABASE IF EXISTS meldingen", "CREATE DATABASE meldingen"):
        subprocess.run(
            [POSTGRESQL / "psql", "--quiet", "--command", statement], check=True,
            env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
        )  # fmt: skip
    monkeypatch.setenv("PGDATABASE", "meldingen")
    return cluster
