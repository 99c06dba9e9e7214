"""Give each test in this folder the checks of its kind and a way to reach the hosts."""

import json
import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from testinfra.backend.base import CommandResult

from infra.operations.verify import INCONCLUSIVE, Verification
from infra.outputs import StackOutputs
from infra.plan.model import Check, DeniedCheck, FlowCheck
from tests.host.connection import LOST, connect_to

Reach = dict[tuple[str, str, int], str]
"""(protocol, address, port) -> open, refused, silent or unreachable."""


def _verification(config: pytest.Config) -> Verification:
    for plugin in config.pluginmanager.get_plugins():
        if isinstance(plugin, Verification):
            return plugin
    message = "tests/host: no deployed tenant given. Run `tenant verify ID` instead of pytest."
    raise pytest.UsageError(message)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise a test with the checks of its kind; with none when another suite runs."""
    marker = metafunc.definition.get_closest_marker("kind")
    if marker is None:
        return
    if metafunc.config.option.markexpr != "host":
        metafunc.parametrize("check", [])
        return
    checks = _verification(metafunc.config).outputs.plan.checks
    chosen = {name: check for name, check in checks.items() if check.kind == marker.args[0]}
    metafunc.parametrize("check", list(chosen.values()), ids=list(chosen))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Say of a check whose host was lost that it proved nothing, and which host that was."""
    try:
        return (yield)
    except RuntimeError as error:
        # What testinfra raises when ssh itself fails, not the command on the host.
        match error.args:
            case (CommandResult(rc=code) as lost,) if code == LOST:
                item.user_properties.append((INCONCLUSIVE, True))
                reason = " ".join(lost.stderr.split()) or "ssh ended without a word"
                pytest.fail(f"{lost.backend.host.name}: lost while it was asked: {reason}")
            case _:
                raise


@pytest.fixture(autouse=True)
def _identify(
    request: pytest.FixtureRequest,
    check: Check,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("check", request.node.callspec.id)
    record_property("kind", check.kind)


@pytest.fixture(scope="session")
def outputs(request: pytest.FixtureRequest) -> StackOutputs:
    """Return the contract of the deployed tenant."""
    return _verification(request.config).outputs


@pytest.fixture(scope="session")
def connect(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Connect to a server by record key, one shared SSH connection a host."""
    verification = _verification(request.config)
    os.environ["SSH_AUTH_SOCK"] = verification.path.agent_socket
    return lambda server: connect_to(server, verification.path)


@pytest.fixture(scope="session")
def reach(outputs: StackOutputs, connect: Callable[[str], Any]) -> Callable[[str], Reach]:
    """Probe from every source everything that its checks name, all at once, once a run.

    Positive controls and denied ports of one source are so measured at the same moment.
    """
    targets: dict[str, set[tuple[str, str, int]]] = {}
    for check in outputs.plan.checks.values():
        if isinstance(check, FlowCheck):
            targets.setdefault(check.server, set()).add((check.protocol, check.address, check.port))
        elif isinstance(check, DeniedCheck):
            wanted = targets.setdefault(check.server, set())
            wanted.add(("tcp", check.control_address, check.control_port))
            wanted.update(("tcp", check.address, port) for port in check.ports)
    program = (Path(__file__).parent / "probe.py").read_text()

    def probe(server: str) -> Reach:
        asked = sorted(targets[server])
        answer = connect(server).check_output("python3 -c %s %s", program, json.dumps(asked))
        return dict(zip(asked, json.loads(answer), strict=True))

    with ThreadPoolExecutor() as pool:
        futures = {server: pool.submit(probe, server) for server in targets}
    # A source that cannot probe fails its own checks, not those of others.
    return lambda server: futures[server].result()
