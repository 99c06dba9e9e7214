"""guestinfo as an EnvironmentFile of systemd."""

import subprocess

import pytest

from lab.hypervisor.guestinfo import environment_file


def test_names_are_those_that_cloud_init_looks_for() -> None:
    text = environment_file((("metadata", "H4sI+/="), ("metadata.encoding", "gzip+base64")))
    assert text == (
        'VMX_GUESTINFO="1"\n'
        'VMX_GUESTINFO_METADATA="H4sI+/="\n'
        'VMX_GUESTINFO_METADATA_ENCODING="gzip+base64"\n'
    )


@pytest.mark.parametrize("value", ['a "quoted" $HOME `id` \\ back', "two\nlines: [1]\n", "ends\\"])
def test_any_value_survives_the_quoting(value: str) -> None:
    text = environment_file((("userdata", value),))
    # The shell's double quotes follow the same rules (systemd.exec(5), EnvironmentFile=).
    script = f'{text}printf %s "$VMX_GUESTINFO_USERDATA"'
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == value
