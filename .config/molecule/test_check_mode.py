"""Check mode tells the truth about a host that is as its variables say. For every scenario."""

from tests.molecule.fixtures import play


def test_check_mode_changes_nothing_on_a_configured_host() -> None:
    run = play(is_check=True)
    assert run.failures == []
    assert run.changed == {}
