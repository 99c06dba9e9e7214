"""An application that says which database it was given."""

import os
from collections.abc import Callable, Iterable


def application(
    _environ: dict[str, object], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """Answer every request."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["PGDATABASE"].encode()]
