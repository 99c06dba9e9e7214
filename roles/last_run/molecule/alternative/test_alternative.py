"""A host forgets its last good run before another one begins."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

REMEMBERED = "/var/lib/municipal-cloud/configured"


def test_host_remembers_nothing(connect: Callable[[str], Any]) -> None:
    assert not connect("host01").file(REMEMBERED).exists


def test_same_inputs_leave_what_is_remembered(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("echo kept > %s", REMEMBERED)
    assert play({"last_run_known": "b" * 64}).changed == {}
    assert host.file(REMEMBERED).content_string == "kept\n"


def test_other_inputs_are_foretold_to_forget(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    host.check_output("echo old > %s", REMEMBERED)
    assert change({}) == {"host01": ["Forget | Forget the last good run"]}
    assert not host.file(REMEMBERED).exists


def test_value_that_is_no_digest_is_refused() -> None:
    assert play({"last_run_fingerprint": "yesterday"}).failures == [
        'host01: preflight | Refuse what is no fingerprint: last_run_fingerprint: "yesterday". It'
        " must be a SHA-256 digest in hex, 64 digits, as `tenant configure` gives it. Run that"
        " instead of ansible-playbook."
    ]
