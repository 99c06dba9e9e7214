"""Deploy one tenant: this is what `pulumi up` runs.

Record -> plan -> components -> outputs; which tenant, in which datacenter, says the stack's
configuration.
"""

import pulumi

from infra.components.datacenter import look_up
from infra.components.estate import Estate, EstateArgs
from infra.errors import TenantError
from infra.outputs import CONTRACT, export
from infra.plan import compile_plan
from infra.record import load
from infra.record.place import folder_of
from infra.settings import CONFIG_NAMESPACE, read_settings


def deploy() -> None:
    """Declare the tenant's resources and export the contract."""
    config = pulumi.Config(CONFIG_NAMESPACE)
    settings = read_settings(config, pulumi.get_stack())
    plan = compile_plan(load(folder_of(settings.id)))
    estate = Estate(
        plan.tenant,
        EstateArgs(
            plan=plan,
            shared=look_up(settings.datacenter, settings.management.port_group),
            management_address=settings.management.bastion_interface,
            public_key=settings.management_public_key,
            is_protected=settings.protect_volumes,
        ),
    )
    contract = pulumi.Output.all(
        uuids=estate.uuids,
        management_key=config.require_secret("management-key"),
        databases=config.require_secret_object("databases"),
    ).apply(
        lambda known: export(
            plan,
            settings.management,
            known["uuids"],
            known["management_key"],
            known["databases"],
        )
    )
    pulumi.export("servers", {key: server.address for key, server in plan.servers.items()})
    pulumi.export(CONTRACT, pulumi.Output.secret(contract))


try:
    deploy()
except TenantError as error:
    # Our errors explain themselves; a traceback would only hide them.
    raise pulumi.RunError(str(error)) from None
