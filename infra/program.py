"""Declare one tenant: record -> plan -> components -> outputs.

Which tenant, in which datacenter, says the stack's configuration. Must not be run by itself:
Pulumi runs `infra/__main__.py`, `tenant up` serves it (`infra.operations.deploy`).
"""

import pulumi

from infra.certificate import require_certificates
from infra.components.datacenter import connect, look_up
from infra.components.estate import Estate, EstateArgs
from infra.errors import TenantError
from infra.outputs import CONTRACT, export
from infra.reading import read_plan
from infra.record.place import folder_of
from infra.settings import CONFIG_NAMESPACE, read_settings


def run() -> None:
    """Declare the tenant's resources and export the contract.

    Raises:
        RunError: in our own words, when record or configuration are wrong.
    """
    try:
        _declare()
    except TenantError as error:
        # Our errors explain themselves; a traceback would only hide them.
        raise pulumi.RunError(str(error)) from None


def _declare() -> None:
    config = pulumi.Config(CONFIG_NAMESPACE)
    settings = read_settings(config, pulumi.get_stack())
    plan = read_plan(folder_of(settings.id))
    require_certificates(plan, settings.certificates, pulumi.get_stack())
    vcenter = connect(pulumi.Config("vsphere"), config.get_secret("vcenter-password"))
    estate = Estate(
        plan.tenant,
        EstateArgs(
            plan=plan,
            shared=look_up(
                settings.datacenter, settings.management.port_group, plan.outside, vcenter
            ),
            management_address=settings.management.bastion_interface,
            public_key=settings.management_public_key,
            is_protected=settings.protect_volumes,
        ),
        pulumi.ResourceOptions(providers=[vcenter]),
    )
    contract = pulumi.Output.all(
        uuids=estate.uuids,
        secrets=pulumi.Output.all(
            management_key=config.require_secret("management-key"),
            former_management_key=config.get_secret("former-management-key"),
            first_boot_key=config.get_secret("first-boot-key"),
            databases=config.get_secret_object("databases") or {},
            tunnels=config.get_secret_object("tunnels") or {},
            certificate_keys=config.get_secret_object("certificate-keys") or {},
        ),
    ).apply(
        lambda known: export(
            plan, settings.management, known["uuids"], known["secrets"], settings.certificates
        )
    )
    pulumi.export("servers", {key: server.address for key, server in plan.servers.items()})
    pulumi.export(CONTRACT, pulumi.Output.secret(contract))
