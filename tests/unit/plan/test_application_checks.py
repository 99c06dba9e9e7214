"""Which workplaces try which application."""

from pathlib import Path

from infra.plan import compile_plan
from infra.plan.model import ApplicationCheck
from infra.record import load
from infra.record.model import Flow, WebEndpoint
from tests.unit.record.good_record import lay_out


def test_each_application_is_tried_by_the_workplaces_that_a_tcp_flow_leads_to_it(
    tmp_path: Path,
) -> None:
    tenant = load(lay_out(tmp_path))
    (first,) = tenant.applications.values()
    second = first.model_copy(update={"web": WebEndpoint(server=first.web.server, port=8081)})
    third = first.model_copy(update={"web": WebEndpoint(server=first.web.server, port=8082)})
    (workplace,) = (key for key, s in tenant.servers.items() if "workplace" in s.roles)
    twin = tenant.servers[workplace]
    twin = twin.model_copy(update={"address": twin.address + 100})
    plan = compile_plan(
        tenant.model_copy(
            update={
                "applications": {"eerste": first, "tweede": second, "derde": third},
                "servers": {**tenant.servers, "tweeling": twin},
                "flows": {
                    **tenant.flows,
                    "second": _flow(("tweeling", "bastion01"), first.web.server, "tcp", 8081),
                    "not-http": _flow((workplace,), first.web.server, "udp", 8082),
                },
            }
        )
    )
    tried = {
        (check.application, check.server)
        for check in plan.checks.values()
        if isinstance(check, ApplicationCheck)
    }
    assert tried == {("eerste", workplace), ("eerste", "tweeling"), ("tweede", "tweeling")}


def _flow(sources: tuple[str, ...], destination: str, protocol: str, port: int) -> Flow:
    return Flow.model_validate(
        {
            "from": sources,
            "to": (destination,),
            "protocol": protocol,
            "port": port,
            "purpose": "a purpose",
            "owner": "an owner",
        }
    )
