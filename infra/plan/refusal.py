"""Say why a good record still makes no plan."""

from infra.errors import TenantError


class PlanRefusedError(TenantError, ValueError):
    """A rule refuses the plan: exit 3. One line per reason."""

    exit_code = 3
