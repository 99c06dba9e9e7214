"""What ssh, apt and modules say becomes one line with what to do. Does not reach any host."""

import subprocess

import pytest

from infra.operations.host_fault import Fault, explain, find_question, tell
from infra.outputs import StackOutputs

OTHER_KEY = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Offending ED25519 key in /root/.local/state/municipal-cloud/werkendam-lab/known_hosts:3
Host key verification failed.
"""
APT = "Failed to fetch http://deb.debian.org/curl.deb  Connection failed [IP: 10.21.40.11 3142]"


def _explain(outputs: StackOutputs, host: str, task: str, words: str, answer: str = "") -> str:
    return explain(Fault(host=host, task=task, words=words), outputs, answer)


@pytest.mark.parametrize(
    ("host", "way"),
    [
        ("bastion01", "10.255.0.11: does not answer ssh: "),
        ("db01", "10.21.30.11: does not answer ssh through bastion01: "),
    ],
)
def test_silent_host_is_told_with_address_way_and_vm(
    outputs: StackOutputs, host: str, way: str
) -> None:
    assert _explain(outputs, host, "", "Connection timed out\n") == (
        f"{way}Connection timed out. Look at VM werkendam-{host} in vCenter: is it powered on,"
        " does its console show a login, has it this address?"
    )


def test_other_host_key_is_told_with_the_command_that_forgets_the_old_one(
    outputs: StackOutputs,
) -> None:
    said = _explain(outputs, "db01", "", OTHER_KEY)
    assert "shows another host key than before" in said
    assert said.endswith(
        "ssh-keygen -f /root/.local/state/municipal-cloud/werkendam-lab/known_hosts"
        " -R db01-uuid-of-db01."
    )


def test_refused_key_is_told(outputs: StackOutputs) -> None:
    assert "refuses the stack's management key" in _explain(
        outputs, "db01", "", "ansible@10.21.30.11: Permission denied (publickey)."
    )


@pytest.mark.parametrize(
    ("host", "answer", "said"),
    [
        (
            "db01",
            "open",
            "no packages: the provider's package proxy 10.255.0.1:3128 does not answer bastion01."
            " Have the provider mend it.",
        ),
        (
            "bastion01",
            "",
            "no packages: the provider's package proxy 10.255.0.1:3128 does not answer bastion01."
            " Have the provider mend it.",
        ),
        (
            "db01",
            "",
            "no packages: the relay 10.21.40.11:3142 on bastion01 does not answer. Look there:"
            " systemctl status package-relay.socket nftables.",
        ),
        ("db01", "open\nHTTP/", f"install: {' '.join(APT.split())}. Mend it."),
    ],
)
def test_missing_package_is_told_with_who_does_not_answer(
    outputs: StackOutputs, host: str, answer: str, said: str
) -> None:
    assert _explain(outputs, host, "install", APT, answer) == said


def test_full_disk_is_told_with_what_the_host_says(outputs: StackOutputs) -> None:
    words = "dpkg: error: failed to write (No space left on device)"
    said = _explain(outputs, "db01", "install", words, "/var has 0 MiB free, 100% are used")
    assert said == (
        "install: no space left: /var has 0 MiB free, 100% are used. Make room there, or give it"
        " more in the record."
    )


def test_host_is_asked_for_the_place_that_apt_names(outputs: StackOutputs) -> None:
    words = "E: You don't have enough free space in /var/cache/apt/archives/."
    question = find_question(Fault(host="db01", task="install", words=words), outputs)
    assert question is not None
    assert " /var/cache/apt/archives |" in question


@pytest.mark.parametrize("words", ["No space left on device", APT])
def test_questions_are_sound_for_a_shell(outputs: StackOutputs, words: str) -> None:
    question = find_question(Fault(host="db01", task="install", words=words), outputs)
    assert question is not None
    subprocess.run(["sh", "-n", "-c", question], check=True)


def test_task_that_takes_too_long_is_told(outputs: StackOutputs) -> None:
    said = _explain(outputs, "db01", "run", "Timed out after 600 seconds.")
    assert said.startswith("run: not done in time: Timed out after 600 seconds. Look on the host")


def test_other_words_are_repeated_in_one_line_of_bounded_length(outputs: StackOutputs) -> None:
    said = _explain(outputs, "db01", "run", "first\nsecond " + "x" * 2000)
    assert said.startswith("run: first second xxx")
    assert len(said) < 700


def test_hosts_with_one_cause_share_a_line() -> None:
    assert tell([("app01", "no."), ("db01", "full."), ("edge01", "no.")]) == [
        "app01, edge01: no.",
        "db01: full.",
    ]
