"""Say in our own words what goes wrong between Pulumi and the vCenter, and what to do.

One line a fault, with all resources that it struck. What is not known here passes in Pulumi's
own words. Must not run anything.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.operations.engine import Diagnostic

AGAIN = "Then run the same command again: it goes on where it stopped."


@dataclass(frozen=True)
class Symptom:
    """One known fault. pattern: in Pulumi's words. says: in ours, with the pattern's groups."""

    pattern: re.Pattern[str]
    says: str


def _symptom(pattern: str, says: str) -> Symptom:
    return Symptom(re.compile(pattern), says)


SYMPTOMS = (
    _symptom(
        r'^look up (?P<what>[a-z -]+) "(?P<name>.*?)": .*not found',
        '{what} "{name}" is not there. The provider owns it, and {user} must be able to see it.'
        " Have it restored, or correct its name in Pulumi.{stack}.yaml.",
    ),
    _symptom(
        r"NotAuthenticated|[Ss]ession is not authenticated",
        "the session of {user} ended during the run. It must last as long as the run does."
        " Ask whether the vCenter was restarted or somebody ended the session.",
    ),
    _symptom(
        r"incorrect user name or password|Login failure|InvalidLogin",
        "refuses user {user}: user or password is wrong, or the account is locked. The stack's"
        " must be those of the vCenter. Correct the password with `pulumi config set --secret"
        " tenant:vcenter-password`, or the description and `tenant init`.",
    ),
    _symptom(
        r"Insufficient disk space on datastore '(?P<name>.*?)'",
        '{resources}: datastore "{name}" is full. It must hold the template\'s disk and the'
        " volumes of each server. Have space freed or added.",
    ),
    _symptom(
        r"available (?P<what>Memory|CPU) resources in the parent resource pool are insufficient",
        "{resources}: no {what} is left for it in the resource pool. The tenant's servers must fit"
        " into the limits of its record and into the cluster {cluster}. Raise the limits, or have"
        " hosts added.",
    ),
    _symptom(
        r"communicate with the remote host, since it is disconnected",
        "{resources}: a host of cluster {cluster} is disconnected. The work needs all of them."
        " Have it connected or taken out of the cluster.",
    ),
    _symptom(
        r"Permission to perform this operation was denied",
        "{resources}: {user} lacks a permission. It must be allowed to make folders, resource"
        " pools, port groups, tags and virtual machines. Have the permission granted.",
    ),
    _symptom(
        r"[Tt]he name '(?P<name>.*?)' already exists",
        '{resources}: something called "{name}" is there that this stack did not make. Names of a'
        " tenant must be free. Look at it in the vCenter; rename or remove it.",
    ),
    _symptom(
        r"cannot locate virtual machine with UUID",
        "{resources}: is gone from the vCenter already, and was to be removed. Only Pulumi removes"
        " a tenant's servers. Look who did; the state forgets it.",
    ),
    _symptom(
        r"context deadline exceeded|Client\.Timeout|i/o timeout",
        "{resources}: waited in vain for an answer. The vCenter has 5 min for most calls. Look"
        " whether it works and the network lets it through.",
    ),
    _symptom(
        r"connection refused|connection reset|no such host|unexpected EOF|: EOF",
        "{resources}: the connection broke during the run. It must last as long as the run does."
        " Look whether the vCenter and the network to it work.",
    ),
)

_ECHOES = (
    "update failed",
    "Resource monitor has terminated",
    "an unhandled error occurred: program",
)
"""What Pulumi adds to other errors, without news."""
_ECHO = "an unhandled error occurred: "
"""What it puts before the program's own error, told before, when `tenant up` serves the program."""


def explain(
    errors: Sequence[Diagnostic], config: Mapping[str, str], stack: str, running: Sequence[str] = ()
) -> list[str]:
    """Turn what Pulumi told into lines for the engineer.

    Args:
        errors: in the order told.
        config: the stack's configuration, without secrets.
        stack: its name.
        running: resources that Pulumi was at work on.

    Returns:
        One line a fault, each once, in the order told; none when Pulumi told no error.
    """
    struck: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    echoes = {f"{_ECHO}{error.message}" for error in errors}
    for error in (error for error in errors if error.message not in echoes):
        for says, groups in _recognise(error):
            resources = struck.setdefault((says, tuple(groups.items())), [])
            if error.resource and error.resource not in resources:
                resources.append(error.resource)
    datacenter = json.loads(config.get("tenant:datacenter", "{}"))
    known = {
        "user": config.get("vsphere:user", "its user"),
        "cluster": datacenter.get("cluster", "of the stack"),
        "stack": stack,
    }
    server = config.get("vsphere:vsphereServer", "of the stack")
    return [
        f"vcenter {server}: "
        + says.format_map(
            {
                **known,
                **dict(groups),
                "resources": ", ".join(sorted(resources) or sorted(running)) or "the run",
            }
        )
        + f" {AGAIN}"
        for (says, groups), resources in struck.items()
    ]


UNKNOWN = (
    "{resources}: {words} These are Pulumi's own words for a fault that is not known here."
    " Mend what they say."
)


def _recognise(error: Diagnostic) -> list[tuple[str, dict[str, str]]]:
    """Find the known faults in an error's lines; else give its words, unless they are an echo."""
    found = [
        (symptom.says, match.groupdict())
        for line in error.message.splitlines()
        for symptom in SYMPTOMS
        if (match := symptom.pattern.search(line))
    ]
    if found or error.message.startswith(_ECHOES):
        return found
    text = error.message
    if "Traceback (most recent call last)" in text:
        text = text.splitlines()[-1]  # the frames before it stand above, as Pulumi printed them
    words = " ".join(text.split())
    return [(UNKNOWN, {"words": words if words.endswith(".") else f"{words}."})]
