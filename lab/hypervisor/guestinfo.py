"""guestinfo in the form in which cloud-init of a host reads it: from its units' environment.

Pure: values in, text out. A real guest asks VMware for the same values.
"""

from collections.abc import Iterable


def environment_file(guestinfo: Iterable[tuple[str, str]]) -> str:
    """Return an EnvironmentFile (systemd.exec(5)) with all values.

    Args:
        guestinfo: key without "guestinfo.", and value.

    Returns:
        Lines such as `VMX_GUESTINFO_METADATA_ENCODING="gzip+base64"`.
        Source: cloud-init's DataSourceVMware, "Environment variables".
    """
    lines = ['VMX_GUESTINFO="1"']
    for key, value in guestinfo:
        name = f"VMX_GUESTINFO_{key.upper().replace('.', '_')}"
        lines.append(f'{name}="{_quote(value)}"')
    return "\n".join(lines) + "\n"


def _quote(value: str) -> str:
    for special in ("\\", '"', "`", "$"):
        value = value.replace(special, "\\" + special)
    return value
