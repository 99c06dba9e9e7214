"""Say where records stand. Must not read them."""

import os
from pathlib import Path

ENVIRONMENT = "TENANT_RECORDS"
"""Environment variable that names a folder of records other than the project's tenants/."""

TENANTS = Path(__file__).parents[2] / "tenants"

PROVIDER_FILE = "provider.yaml"
"""Beside the tenants' folders: what they share."""
TENANT_FILE = "tenant.yaml"
APPLICATIONS = "applications"
SUFFIX = ".yaml"


def folder_of(tenant: str) -> Path:
    """Give the folder of one tenant's record.

    The command and the Pulumi program that it starts both ask here, so they read the same.

    Args:
        tenant: its id, the name of the folder.

    Returns:
        Below the folder that TENANT_RECORDS names, otherwise below tenants/.
    """
    return Path(os.environ.get(ENVIRONMENT) or TENANTS) / tenant
