"""Every role is tested on hosts of its own, in two scenarios, and says what it can break."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
SCENARIOS = [(role, scenario) for role in ROLES for scenario in ("default", "alternative")]


def _read_tests(role: str, scenario: str) -> dict[str, str]:
    """Give the tests of a scenario: their source by their name."""
    file = ROOT / f"roles/{role}/molecule/{scenario}/test_{scenario}.py"
    source = file.read_text()
    return {
        node.name: ast.unparse(node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _find_gaps(tests: dict[str, str]) -> set[str]:
    """Tell which of the claims that every scenario owes are not made."""
    gaps = set()
    if not any("connect(" in source for source in tests.values()):
        gaps.add("nothing is looked at on a host")
    refusals = [source for name, source in tests.items() if name.endswith("_refused")]
    if not any("failures" in source and "assert" in source for source in refusals):
        gaps.add("no test_..._refused asserts the message of a failing input")
    if not any("change(" in source or "is_check=True" in source for source in tests.values()):
        gaps.add("check mode is not compared with a change")
    return gaps


@pytest.mark.parametrize(("role", "scenario"), SCENARIOS)
def test_scenario_has_its_variables_and_tests(role: str, scenario: str) -> None:
    assert (ROOT / f"roles/{role}/molecule/{scenario}/molecule.yml").is_file()
    gaps = _find_gaps(_read_tests(role, scenario))
    # What check mode foretells is shown once a role, in whichever scenario.
    gaps -= {"check mode is not compared with a change"}
    assert not gaps, f"roles/{role}/molecule/{scenario}: {', '.join(sorted(gaps))}"


@pytest.mark.parametrize("role", ROLES)
def test_role_compares_check_mode_with_a_change(role: str) -> None:
    tests = _read_tests(role, "default") | _read_tests(role, "alternative")
    assert not _find_gaps(tests), f"roles/{role}/molecule: {', '.join(sorted(_find_gaps(tests)))}"


def test_the_rule_tells_what_is_missing() -> None:
    look = {"test_file": "assert connect('host01').file('/a').exists"}
    refusal = {"test_bad_is_refused": "assert play({'a': 1}).failures == ['a']"}
    foretold = {"test_change": "assert change({}) == {}"}
    assert _find_gaps(look | refusal | foretold) == set()
    assert len(_find_gaps({})) == 3
    assert _find_gaps(look | foretold | {"test_bad_is_refused": "play({})"}) == {
        "no test_..._refused asserts the message of a failing input"
    }


def test_every_step_is_part_of_a_test() -> None:
    config = YAML(typ="safe").load(ROOT / ".config/molecule/config.yml")
    assert config["scenario"]["test_sequence"] == [
        *("syntax", "create", "prepare", "converge", "idempotence", "verify", "destroy")
    ]
    shared = "".join(config["verifier"]["additional_files_or_dirs"])
    assert ".config/molecule/test_check_mode.py" in shared


@pytest.mark.parametrize("role", ROLES)
def test_readme_states_lock_out_options_and_limits(role: str) -> None:
    headings = [
        line
        for line in (ROOT / f"roles/{role}/README.md").read_text().splitlines()
        if line.startswith("## ")
    ]
    for heading in ("## Lock-out", "## Options", "## Limits"):
        assert heading in headings, f"roles/{role}/README.md: no section {heading}"


@pytest.mark.parametrize("role", ROLES)
def test_role_looks_before_it_changes(role: str) -> None:
    assert (ROOT / f"roles/{role}/tasks/preflight.yml").is_file(), f"roles/{role}: no preflight"
