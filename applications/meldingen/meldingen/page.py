"""Write the HTML pages, in Dutch. Pure: everything that people typed is escaped here."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape

from meldingen.report import DESCRIPTION_MAX_CHARACTERS, PLACE_MAX_CHARACTERS, Draft, Report

EMPTY = Draft(place="", description="")

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
    "label{display:block;margin-top:1rem;font-weight:bold}"
    "input,textarea{box-sizing:border-box;width:100%;font:inherit;padding:.4rem}"
    "button{margin-top:1rem;font:inherit;padding:.5rem 1.5rem}"
    ".fout{color:#a00}li p{margin:.2rem 0 1.2rem;white-space:pre-line}"
)

STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
"""What a Content-Security-Policy must allow for the pages' style."""


def overview(
    reports: Iterable[Report], draft: Draft = EMPTY, faults: Mapping[str, str] | None = None
) -> str:
    """Write the page with the form and the newest reports.

    Args:
        reports: in the order in which they are shown.
        draft: what stands in the form.
        faults: what is wrong with it, by name of the field.
    """
    faults = faults or {}
    items = "\n".join(_item(report) for report in reports)
    listed = f"<ol>\n{items}\n</ol>" if items else "<p>Er zijn nog geen meldingen.</p>"
    place = (
        f'<input id="plaats" name="plaats" required maxlength="{PLACE_MAX_CHARACTERS}"'
        f' value="{escape(draft.place)}"{_describe("plaats", faults)}>'
    )
    description = (
        '<textarea id="omschrijving" name="omschrijving" rows="4" required'
        f' maxlength="{DESCRIPTION_MAX_CHARACTERS}"{_describe("omschrijving", faults)}>'
        # A browser drops the first line break in a textarea; this one may go.
        f"\n{escape(draft.description)}</textarea>"
    )
    return _page(
        "Meldingen openbare ruimte",
        f"""<h1>Meldingen openbare ruimte</h1>
<p>Is er op straat iets kapot? Meld het hier.</p>
<form method="post" action="/meldingen">
<label for="plaats">Waar is het?</label>
{_fault("plaats", faults)}{place}
<label for="omschrijving">Wat is er aan de hand?</label>
{_fault("omschrijving", faults)}{description}
<button>Melden</button>
</form>
<h2>Laatste meldingen</h2>
{listed}""",
    )


def notice(title: str, text: str) -> str:
    """Write a page that only says something."""
    return _page(
        title,
        f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>\n"
        '<p><a href="/">Naar de meldingen</a></p>',
    )


def _page(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="nl">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _item(report: Report) -> str:
    moment = report.filed_at
    return (
        f"<li value={report.number}><strong>{escape(report.place)}</strong>,"
        f' <time datetime="{moment.isoformat()}">{moment:%d-%m-%Y %H:%M}</time>'
        f"<p>{escape(report.description)}</p></li>"
    )


def _fault(field: str, faults: Mapping[str, str]) -> str:
    if field not in faults:
        return ""
    return f'<p class="fout" role="alert" id="{field}-fout">{escape(faults[field])}</p>\n'


def _describe(field: str, faults: Mapping[str, str]) -> str:
    return f' aria-invalid="true" aria-describedby="{field}-fout"' if field in faults else ""
