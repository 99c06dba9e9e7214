"""Read and write a stack's configuration with the Pulumi CLI, secrets through standard input."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.operations.stack import Stack


def read_config(stack: Stack) -> dict[str, str]:
    """Read the stack's configuration in the clear, objects as JSON text.

    Returns:
        Values by full key, such as `tenant:id`. Never to be printed.

    Raises:
        DeploymentError: Pulumi cannot decrypt it.
    """
    return {
        key: entry["value"]
        for key, entry in json.loads(stack.read("config", "--json", "--show-secrets")).items()
    }


def store_plain(stack: Stack, known: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Store those values that differ from the known ones, all at once.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    assignments = [
        argument
        for key, value in values.items()
        if not _is_same(known, key, value)
        for path, leaf in _leaves(key, value)
        for argument in ("--plaintext", f"{path}={leaf}")
    ]
    if assignments:
        stack.run("config", "set-all", "--path", *assignments)


def store_secrets(stack: Stack, known: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Store those secrets that differ from the known ones, encrypted, through standard input.

    Raises:
        DeploymentError: Pulumi refuses.
    """
    for key, value in values.items():
        if known.get(key) != value:
            stack.run("config", "set", "--secret", key, stdin=value)


def _is_same(known: Mapping[str, str], key: str, value: object) -> bool:
    text = known.get(key)
    if text is None:
        return False
    if isinstance(value, dict):
        return bool(json.loads(text) == value)
    return text == _text(value)


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Flatten a value to Pulumi's property paths: `tenant:management.time_servers[0]`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield path, _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
