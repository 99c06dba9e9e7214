"""Find secrets in texts, by their form and by their value. Never tells the secret itself."""

import re
from collections.abc import Collection, Iterator

_FORMS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a password's hash": re.compile(r"\$(?:1|2[aby]|5|6|7|y)\$[./0-9A-Za-z$=,]{8,}"),
    "a password": re.compile(
        # A word that ends so, then its value; a truth value says only whether there is one.
        r"(?i)(?<!lock_)(?:passwd|password|secret|token|api[_-]?key)[\"']?\s*[:=]\s*[\"']?"
        r"(?!true\b|false\b|null\b|none\b)[^\s\"',}]{4,}"
    ),
}


def find_secrets(text: str, known: Collection[str]) -> Iterator[str]:
    """Say what kinds of secret a text holds.

    Args:
        text: to look through.
        known: secrets whose very value is looked for.
    """
    if any(secret and secret in text for secret in known):
        yield "a secret of this stack"
    for what, form in _FORMS.items():
        if form.search(text):
            yield what
