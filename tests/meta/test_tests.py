"""Every file below tests/ takes part: a test that nobody collects proves nothing."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))


def _name(file: Path) -> str:
    return str(file.relative_to(TESTS.parent))


def _imported() -> set[str]:
    """Give the dotted names that test files import, those of roles' scenarios too."""
    names: set[str] = set()
    for file in (*FILES, *TESTS.parent.glob(".config/molecule/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_file_holds_tests_or_serves_them(file: Path) -> None:
    if file.stem in {"__init__", "__main__", "conftest"}:
        return
    tree = ast.parse(file.read_text())
    tests = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    if file.name.startswith("test_"):
        assert tests, f"{_name(file)}: is named as tests but holds none"
        return
    assert not tests, f"{_name(file)}: pytest does not collect its tests. Name it test_*.py"
    dotted = ".".join(file.relative_to(TESTS.parent).with_suffix("").parts)
    sent = f'"{file.name}"' in "".join(other.read_text() for other in FILES)
    assert dotted in _imported() or sent, f"{_name(file)}: nothing uses it. Remove it"


def _find_hiding(source: str) -> set[str]:
    """Give what a test file uses to skip, to expect failure, or to wait outside a polling loop."""
    tree = ast.parse(source)
    polls = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.While)
        for inner in ast.walk(node)
    }
    used = {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and id(node) not in polls
    }
    return used & {"time.sleep", "pytest.skip", "pytest.mark.skip", "pytest.mark.xfail"}


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_no_test_is_skipped_or_waits_by_the_clock(file: Path) -> None:
    hiding = _find_hiding(file.read_text())
    assert not hiding, f"{_name(file)}: {', '.join(sorted(hiding))} hides what it waits for"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("time.sleep(1)", {"time.sleep"}),
        ("@pytest.mark.xfail\ndef test_one(): pass", {"pytest.mark.xfail"}),
        ("while not done():\n    time.sleep(0.1)", set()),
    ],
)
def test_the_rule_tells_a_wait_from_a_poll(source: str, found: set[str]) -> None:
    assert _find_hiding(source) == found
