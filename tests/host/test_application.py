"""Claims about an application, made by a workplace as its users do: by name, over the network."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from infra.plan.model import ApplicationCheck

CURL = "curl --fail --silent --show-error --max-time 20"

pytestmark = pytest.mark.host


@pytest.mark.kind("application")
def test_workplace_files_a_report_and_reads_it_back(
    check: ApplicationCheck, connect: Callable[[str], Any]
) -> None:
    workplace = connect(check.server)
    token = f"controle {secrets.token_hex(8)}"
    page = workplace.check_output(f"{CURL} %s", check.url)
    assert "<form" in page, f"{check.url} gives no page with a form"
    workplace.check_output(
        f"{CURL} --output /dev/null --data-urlencode plaats=%s --data-urlencode omschrijving=%s %s",
        "Raadhuisplein 1", token, f"{check.url}meldingen",
    )  # fmt: skip
    reports = json.loads(workplace.check_output(f"{CURL} %s", f"{check.url}meldingen.json"))
    assert token in json.dumps(reports), f"the report {token!r} was filed but is not listed"
