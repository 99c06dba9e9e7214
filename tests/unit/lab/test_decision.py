"""What is decided for a host, from what is wanted and what is seen."""

import dataclasses

import pytest

from lab.hypervisor.decision import Ending, Observation, Step, decide
from lab.hypervisor.machine import Machine, Request

ON = Machine(
    uuid="0b5f7a52-0000-0000-0000-000000000001",
    moid="vm-1",
    name="db01",
    is_powered_on=True,
    boot="second",
    memory_mib=512,
    vcpu=1,
    nics=(),
    disks=(),
    guestinfo=(),
    request=None,
    faults=(),
)
OFF = dataclasses.replace(ON, is_powered_on=False, boot="")

NOTHING = Observation(boot=None, ending=None, has_traces=False)
RUNNING = Observation(boot="second", ending=None, has_traces=True)


def ended(code: int, boot: str = "second") -> Observation:
    """Return a host that ended by itself."""
    return Observation(boot=None, ending=Ending(boot, code), has_traces=True)


@pytest.mark.parametrize(
    ("wanted", "seen", "steps"),
    [
        pytest.param(ON, NOTHING, [Step.BOOT], id="a powered-on VM is started"),
        pytest.param(ON, RUNNING, [Step.ADAPT, Step.TELL_GUEST], id="a running host is followed"),
        pytest.param(
            ON,
            dataclasses.replace(RUNNING, boot="first"),
            [Step.STOP, Step.BOOT],
            id="a reset, or off and on in between, starts it anew",
        ),
        pytest.param(
            ON, ended(0), [Step.STOP, Step.TELL_POWERED_OFF], id="poweroff inside powers the VM off"
        ),
        pytest.param(ON, ended(133), [Step.STOP, Step.BOOT], id="reboot inside starts it again"),
        pytest.param(ON, ended(137), [Step.STOP, Step.BOOT], id="a crash starts it again"),
        pytest.param(
            ON,
            ended(0, boot="first"),
            [Step.STOP, Step.BOOT],
            id="a poweroff of an earlier boot says nothing about this one",
        ),
        pytest.param(
            ON,
            dataclasses.replace(NOTHING, has_traces=True),
            [Step.STOP, Step.BOOT],
            id="what a crash left behind goes before the start",
        ),
        pytest.param(OFF, RUNNING, [Step.STOP, Step.TIDY], id="power off is hard"),
        pytest.param(OFF, NOTHING, [Step.TIDY], id="a VM that is off loses only removed disks"),
        pytest.param(None, RUNNING, [Step.STOP, Step.ERASE], id="destroyed while it runs"),
        pytest.param(None, NOTHING, [Step.ERASE], id="destroyed while it is off"),
        pytest.param(
            dataclasses.replace(ON, request=Request.SHUTDOWN),
            RUNNING,
            [Step.ASK_SHUTDOWN],
            id="a shutdown is asked for",
        ),
        pytest.param(
            dataclasses.replace(ON, request=Request.REBOOT),
            RUNNING,
            [Step.ASK_REBOOT],
            id="a reboot is asked for",
        ),
        pytest.param(
            dataclasses.replace(ON, request=Request.SHUTDOWN),
            ended(0),
            [Step.STOP, Step.TELL_POWERED_OFF],
            id="a shutdown that is done",
        ),
        pytest.param(
            dataclasses.replace(ON, request=Request.REBOOT),
            ended(133),
            [Step.STOP, Step.BOOT],
            id="a reboot that is half done",
        ),
        pytest.param(
            dataclasses.replace(ON, faults=("NIC 4000: trunk",)),
            RUNNING,
            [Step.STOP, Step.COMPLAIN],
            id="a VM that cannot be realised is not run half realised",
        ),
    ],
)
def test_steps_that_are_decided(
    wanted: Machine | None, seen: Observation, steps: list[Step]
) -> None:
    assert list(decide(wanted, seen)) == steps
