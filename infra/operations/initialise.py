"""Make a stack: configuration from the datacenter's description, secrets generated.

Idempotent: what is there stays, what is missing is added, and what the provider changed (such as
the vCenter's password) is taken over.
"""

from pathlib import Path
from typing import Any

from infra.operations.description import Description
from infra.operations.secret import complete_keys, complete_secrets
from infra.operations.stack import Stack, environment_file, open_stack
from infra.operations.stack_config import read_config, store_plain, store_secrets
from infra.plan.model import Plan
from infra.settings import CONFIG_NAMESPACE, VCENTER_PASSWORD, parse_settings


def initialise(plan: Plan, description: Description, bastion_address: str) -> Stack:
    """Make or complete the stack `<tenant>-<datacenter>`.

    Args:
        plan: of the tenant's record; says which secrets are needed.
        description: of the datacenter.
        bastion_address: the bastion's IPv4 address in provider-management.

    Returns:
        The stack, ready for `pulumi up`.

    Raises:
        DatacenterError: the description cannot be used.
        DeploymentError: Pulumi refuses.
    """
    name = f"{plan.tenant}-{description.name}"
    stack = _note_environment(name, description)
    stack.run("stack", "select", "--create")
    known = read_config(stack)
    management_public_key = complete_keys(stack, known)
    settings = parse_settings(
        {
            "id": plan.tenant,
            "datacenter": {
                "name": description.datacenter,
                "cluster": description.cluster,
                "datastore": description.datastore,
                "switch": description.switch,
                "template": description.template,
            },
            "management": {
                **description.management.model_dump(),
                "bastion_address": bastion_address,
                "proxy_command": description.bastion_proxy_command,
            },
            "protect_volumes": description.protect_volumes,
            "management_public_key": management_public_key,
        },
        name,
    )
    plain: dict[str, Any] = {
        f"{CONFIG_NAMESPACE}:{key.replace('_', '-')}": value
        for key, value in settings.model_dump(mode="json", exclude_none=True).items()
    } | {
        "vsphere:vsphereServer": description.vcenter.server,
        "vsphere:user": description.vcenter.user,
        "vsphere:allowUnverifiedSsl": description.vcenter.allow_unverified_tls,
    }
    store_plain(stack, known, plain)
    password = description.vcenter.password_file.read_text().strip()
    store_secrets(stack, known, {VCENTER_PASSWORD: password})
    complete_secrets(stack, plan)
    return stack


def _note_environment(stack: str, description: Description) -> Stack:
    """Note where state and passphrase are, so that later commands need no exports."""
    environment_file(stack).write_text(
        f"PULUMI_BACKEND_URL={description.backend}\n"
        f"PULUMI_CONFIG_PASSPHRASE_FILE={description.passphrase_file}\n"
    )
    if description.backend.startswith("file://"):
        Path(description.backend.removeprefix("file://")).mkdir(parents=True, exist_ok=True)
    return open_stack(stack)
