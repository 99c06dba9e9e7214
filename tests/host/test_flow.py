"""Claims about traffic, by real packets from the real source host.

Does not prove which filter drops a packet, nor anything about hosts that are not in the plan.
"""

from collections.abc import Callable

import pytest

from infra.operations.verify import INCONCLUSIVE
from infra.plan.model import DeniedCheck, FlowCheck
from tests.host.conftest import Reach

pytestmark = pytest.mark.host


@pytest.mark.kind("flow")
def test_flow_reaches_its_destination(check: FlowCheck, reach: Callable[[str], Reach]) -> None:
    outcome = reach(check.server)[check.protocol, check.address, check.port]
    assert outcome == "open", (
        f"{check.protocol}/{check.port} of {check.destination} ({check.address}) is {outcome}"
        f" from {check.server}, must be open"
    )


@pytest.mark.kind("denied")
def test_zone_cannot_reach_zone(
    check: DeniedCheck,
    reach: Callable[[str], Reach],
    record_property: Callable[[str, object], None],
) -> None:
    """Silence counts only while the same source reaches its positive control."""
    outcomes = reach(check.server)
    control = outcomes["tcp", check.control_address, check.control_port]
    if control != "open":
        record_property(INCONCLUSIVE, True)
        pytest.fail(
            f"positive control {check.control} ({check.control_address}:{check.control_port})"
            f" is {control} from {check.server}: silence proves nothing"
        )
    passed = {port: outcomes["tcp", check.address, port] for port in check.ports}
    let_through = {port: outcome for port, outcome in passed.items() if outcome != "silent"}
    assert not let_through, (
        f"from {check.server} to {check.destination} ({check.address}) tcp"
        f" {', '.join(f'{port} is {outcome}' for port, outcome in let_through.items())};"
        " no flow allows it, every packet must be dropped"
    )
