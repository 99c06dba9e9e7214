"""A host remembers with what it was configured."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

REMEMBERED = "/var/lib/municipal-cloud/configured"


def test_host_remembers_the_run(connect: Callable[[str], Any]) -> None:
    file = connect("host01").file(REMEMBERED)
    assert file.content_string == "a" * 64 + "\n"
    assert (file.user, file.mode) == ("root", 0o644)


def test_next_run_replaces_what_is_remembered(connect: Callable[[str], Any]) -> None:
    variables = {"last_run_fingerprint": "c" * 64, "last_run_known": "a" * 64}
    assert change(variables) == {"host01": ["Remember | Write with what the host was configured"]}
    assert connect("host01").file(REMEMBERED).content_string == "c" * 64 + "\n"


def test_empty_fingerprint_is_refused() -> None:
    """It would say of a host that was configured that it never was."""
    assert play({"last_run_fingerprint": ""}).failures == [
        'host01: preflight | Refuse what is no fingerprint: last_run_fingerprint: "". It must be a'
        " SHA-256 digest in hex, 64 digits, as `tenant configure` gives it. Run that instead of"
        " ansible-playbook."
    ]
