"""Rules of people: every login names one person, and only a person."""

from collections.abc import Iterator

from infra.record.fault import Fault
from infra.record.repetition import find_repeats
from infra.record.rules.facts import Facts

SYSTEM_ACCOUNTS = frozenset(
    [
        "_apt",
        "_chrony",
        "ansible",
        "backup",
        "bin",
        "daemon",
        "games",
        "gnats",
        "irc",
        "list",
        "lp",
        "mail",
        "man",
        "messagebus",
        "news",
        "nobody",
        "postgres",
        "proxy",
        "root",
        "sshd",
        "sync",
        "sys",
        "syslog",
        "systemd-network",
        "systemd-resolve",
        "systemd-timesync",
        "unbound",
        "uucp",
        "uuidd",
        "www-data",
    ]
)
"""Accounts of the system and of the services. Source: Debian's base-passwd and packages."""


def refuse_system_accounts(facts: Facts) -> Iterator[Fault]:
    """Refuse an administrator whose account already belongs to the system."""
    for key in facts.tenant.administrators:
        if key in SYSTEM_ACCOUNTS:
            yield facts.fault(
                ("administrators", key),
                f'"{key}" is an account of the system',
                "account names of people",
                "Rename it",
            )


def refuse_shared_keys(facts: Facts) -> Iterator[Fault]:
    """Refuse a key that stands twice: the log could not tell who used it."""
    claims = (
        (line.split()[1], ("administrators", key, "keys", index))
        for key, administrator in facts.tenant.administrators.items()
        for index, line in enumerate(administrator.keys)
    )
    for _, path, first in find_repeats(claims):
        yield facts.fault(
            path,
            f"is also {facts.source.cite(first)}",
            "each key once, so that the log tells who logged in",
            "Remove it here or there",
        )


RULES = (refuse_system_accounts, refuse_shared_keys)
