"""Guess which known name was meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether a known name was meant; say otherwise when none is near."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else otherwise
