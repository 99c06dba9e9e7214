"""Say verdicts, layers, sides, numbers and dates in Dutch that needs no technical background.

Words only; the cases' own are in `case.py`. Must not count or judge (`summary.py` does).
"""

import datetime

from infra.isolation.outcome import Family, Layer, Verdict
from infra.record.model import Level
from infra.report.summary import Count, Side, State, Summary

STATES: dict[State, str] = {
    "pass": "in orde",
    "fail": "niet in orde",
    "inconclusive": "niet aangetoond",
    "untested": "niet toetsbaar",
    "missing": "niet uitgevoerd",
}
"""Of an attempt, a case or a theme. Not "geslaagd": an attack that succeeds is bad news."""

JUDGEMENTS: dict[Verdict, str] = {
    "pass": "In orde",
    "fail": "Niet in orde",
    "inconclusive": "Niet aangetoond",
}
"""The whole, at the top of the first page."""

EXPLANATIONS: dict[Verdict, str] = {
    "pass": "Voor alles wat hier te toetsen was, hield de afscherming stand.",
    "fail": "De afscherming hield niet overal stand. Dit moet worden hersteld en opnieuw getest.",
    "inconclusive": "Er is geen lek gevonden, maar het bewijs is niet volledig.",
}

LAYERS: dict[Layer, str] = {
    "real packets": "echt verkeer",
    "lab model": "nagebouwd netwerk",
    "configuration only": "alleen instellingen",
}

LAYER_MEANINGS: dict[Layer, str] = {
    "real packets": "Echt netwerkverkeer tussen echte systemen.",
    "lab model": "Echt verkeer door een nagebouwd deel van het netwerk. Dit bewijst dat het"
    " ontwerp klopt, niet dat de apparatuur van de leverancier zo werkt.",
    "configuration only": "Alleen de instellingen zijn bekeken; er is geen verkeer verstuurd.",
}

UNPROVEN = (
    "Deze uitkomst zegt niets over de virtualisatielaag (de software waarop de servers draaien) en"
    " de fysieke netwerkapparatuur van de leverancier. Dat die in orde zijn, blijft onbewezen tot"
    " dezelfde test in het echte datacenter is gedaan."
)
"""On the first page of every report. Source: DOMAIN.md section 3, last line."""

FAMILIES: dict[Family, str] = {
    "ethernet": "ethernet",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "vcenter": "beheersoftware",
}

SIDES: dict[Side, str] = {
    "own": "onze eigen netwerken",
    "neighbour": "een andere klant van het datacenter",
    "provider": "netwerken van de leverancier",
}

LEVELS: dict[Level, str] = {"low": "laag", "medium": "midden", "high": "hoog"}

_MONTHS = (
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
    "oktober", "november", "december",
)  # fmt: skip


def say_number(number: int) -> str:
    """Write a whole number with points between thousands: 1.234."""
    return f"{number:,}".replace(",", ".")


def say_time(moment: str) -> str:
    """Write an ISO 8601 time with its zone: 28 november 2026, 23.41 uur (UTC)."""
    time = datetime.datetime.fromisoformat(moment)
    return (
        f"{time.day} {_MONTHS[time.month - 1]} {time.year}, {time.hour}.{time.minute:02} uur"
        f" ({time.tzname()})"
    )


def say_duration(duration_s: float) -> str:
    """Write a duration in whole minutes and seconds."""
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def say_attempts(count: int) -> str:
    """Write a number of attempts: 1 aanvalspoging, 2 aanvalspogingen."""
    return f"{say_number(count)} aanvalspoging{'' if count == 1 else 'en'}"


def say_result(summary: Summary) -> str:
    """Say in one sentence what came through, what is not proven and what was not tested.

    Attempts that proved nothing are no part of the first number.
    """
    packets = summary.packets
    parts = [_say_arrival(packets)]
    if packets.inconclusive:
        parts.append(
            f"van {'nog eens ' if packets.decided else ''}{say_attempts(packets.inconclusive)}"
            " staat niet vast of er iets aankwam"
        )
    if summary.untested:
        parts.append(
            f"{say_number(summary.untested_cases)} van de {len(summary.cases)} soorten aanvallen"
            f" {_agree(summary.untested_cases, 'was', 'waren')} in deze omgeving niet of maar deels"
            " te toetsen"
        )
    return f"{'; '.join(parts)}."


def _say_arrival(packets: Count) -> str:
    if not packets.attempts:
        return "Er is geen verkeer verstuurd"
    if not packets.decided:
        return "Geen enkele aanvalspoging leverde bewijs op"
    start = f"Van {say_attempts(packets.decided)} van en naar andere netwerken"
    if packets.leaked:
        came = _agree(packets.leaked, "kwam", "kwamen")
        return f"{start} {came} er {say_number(packets.leaked)} door"
    none = f"{start} kwam er geen enkele door"
    if packets.failed:
        failed = f"{say_number(packets.failed)} {_agree(packets.failed, 'is', 'zijn')}"
        return f"{none}, maar {failed} om een andere reden niet in orde"
    return none


def _agree(count: int, singular: str, plural: str) -> str:
    return singular if count == 1 else plural
