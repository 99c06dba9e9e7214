"""Say in Dutch what the isolation suite says in English of one attempt, and why it was not made.

Words only. What a run found itself, such as a name, an address or a packet, stays as it was found.
"""

import re
from functools import cache

from infra.report.reason import REASONS

_CONTROLS = {
    "all was sent": "alles is verstuurd",
    "the target hears its network": "het doel hoort zijn eigen netwerk",
    "no sensor lost frames": "geen meetpunt miste iets",
    "the source's leg is in use": "de aansluiting van de bron is in gebruik",
    "the own network heard the same": "het eigen netwerk hoorde hetzelfde",
    "no witness lost frames": "geen controlepunt miste iets",
    "no other run listened there": "er luisterde daar geen andere toets mee",
    "it had the other address": "het doel had het andere adres",
    "all was sent while it had that": "alles is in die tijd verstuurd",
    "it has its own address again": "het doel heeft zijn eigen adres terug",
    "it hears the same at its own address": "het doel hoort hetzelfde op zijn eigen adres",
    "the service answered": "de dienst antwoordde",
    "the service was asked": "de vraag kwam bij de dienst aan",
    "the service knows our own": "de dienst kent onze eigen gegevens",
    "every server of the plan was seen": "elke afgesproken server is gezien",
    "permissions were legible": "de rechten waren leesbaar",
    "their guest settings were legible": "de instellingen voor de servers waren leesbaar",
    "the port group was seen": "de poortgroep is gezien",
    "its ports were seen": "de poorten ervan zijn gezien",
    "its servers' NICs were seen": "de netwerkkaarten van de servers zijn gezien",
}
"""Names of controls, each a claim."""

_ATTACKS = {
    "ICMP, {tcp} TCP and {udp} UDP ports through the own edge": "ICMP, {tcp} TCP- en {udp}"
    " UDP-poorten via de eigen router",
    "packets handed to every foreign router and to the target's own NIC": "pakketten afgegeven aan"
    " elke vreemde router en aan de netwerkkaart van het doel zelf",
    "TCP under the addresses of {count} others that may pass": "TCP onder de adressen van {count}"
    " anderen die er wel langs mogen",
    "to {addresses}, which is an address of our own too": "naar {addresses}, ook een adres van"
    " onszelf",
    "broadcasts with a tag of the target's VLAN": "berichten aan iedereen, met het VLAN-nummer van"
    " het doel",
    "broadcasts with two tags, the native or own VLAN outside, the target's inside": "berichten aan"
    " iedereen met twee VLAN-nummers: buiten het eigen of een algemeen, binnen dat van het doel",
    "broadcasts under the MAC of nobody, and under those of the own network's others": "berichten"
    " aan iedereen, onder het apparaatadres van niemand en onder die van de buren in het netwerk",
    "frames under {count} different MACs": "berichten onder {count} verschillende apparaatadressen",
    "unicast in the own network to somebody else": "bericht in het eigen netwerk aan een ander",
    "unicast in the own network to somebody else, after the flood": "bericht in het eigen netwerk"
    " aan een ander, na het overbelasten",
    "unicast in the own network to another address that the target has taken": "bericht in het"
    " eigen netwerk aan een ander apparaatadres, dat het doel had aangenomen",
    "unicast and broadcasts in a network that is not ours": "berichten aan één en aan iedereen in"
    " een netwerk dat niet van ons is",
    "ICMP, TCP and UDP over IPv6 to {count} addresses": "ICMP, TCP en UDP over IPv6 naar {count}"
    " adressen",
    "IPv6 inside IPv4: protocol 41, GRE, Teredo, through the own edge": "IPv6 verpakt in IPv4:"
    " protocol 41, GRE en Teredo, via de eigen router",
    "ICMP, TCP and UDP ports of {count} addresses across the border outside": "ICMP, TCP- en"
    " UDP-poorten van {count} adressen, over de grens met netwerken buiten",
    "ICMP, TCP and UDP over IPv6 to {count} addresses across the border outside": "ICMP, TCP en UDP"
    " over IPv6 naar {count} adressen, over de grens met netwerken buiten",
    "IPv6 inside IPv4: protocol 41, GRE, Teredo, across the border outside": "IPv6 verpakt in IPv4:"
    " protocol 41, GRE en Teredo, over de grens met netwerken buiten",
    "packets under {count} addresses of others across the border outside": "pakketten onder {count}"
    " adressen van anderen, over de grens met netwerken buiten",
    "IPv6 packets under an address of nobody across the border outside": "IPv6-pakketten onder een"
    " adres van niemand, over de grens met netwerken buiten",
    "{tcp} TCP and {udp} UDP ports in {network}": "{tcp} TCP- en {udp} UDP-poorten in {network}",
    "the own resolver asked for {name}": "de eigen naamdienst gevraagd naar {name}",
    "the own package relay asked for a connection to {address}": "de eigen doorgever van"
    " softwarepakketten gevraagd om een verbinding met {address}",
    "questions as to a clock and a monitor, and a log line in the target's name": "vragen als aan"
    " een klok (NTP) en een bewaking (SNMP), en een logregel op naam van het doel",
    "the own clock asked for the time, which must not be from there": "de eigen klok gevraagd naar"
    " de tijd, die niet van daar mag komen",
    "the own clock asked for its peers (mode 6)": "de eigen klok gevraagd met wie zij gelijkloopt"
    " (mode 6)",
    "the own clock asked for its clients (mode 7)": "de eigen klok gevraagd wie haar om de tijd"
    " vroegen (mode 7)",
    "DTP: offer a trunk": "DTP: een verbinding voor alle netwerken aanbieden",
    "VTP: tell of VLANs": "VTP: VLAN's aankondigen",
    "STP: claim to be the root": "STP: zich tot hoofd van het netwerk uitroepen",
    "CDP": "CDP",
    "ARP: claim an address": "ARP: een adres opeisen",
    "DHCP: ask and offer": "DHCP: adressen vragen en aanbieden",
    "IPv6 router advertisement": "IPv6: zich als router aankondigen",
    "IPv6 neighbour advertisement": "IPv6: zich als buur aankondigen",
    "IPv6 echo to all nodes": "IPv6: iedereen om antwoord vragen",
    **{name: name for name in ("mDNS", "LLMNR", "SSDP", "VRRP", "HSRP", "OSPF")},
    "look for accounts, beside the provider's, that reach the tenant's folder, pool, port groups or"
    " servers, and for servers that are not in their place": "gezocht naar accounts, naast die van"
    " de leverancier, die bij onze servers en netwerken kunnen, en naar servers op een verkeerde"
    " plaats",
    "look for secrets in the guest settings, OVF properties and notes of every VM and of the"
    " template": "gezocht naar geheimen in instellingen, eigenschappen en notities van elke server"
    " en van het sjabloon",
    "look for mirrored ports and for collectors of flow records": "gezocht naar poorten waarvan"
    " verkeer wordt gekopieerd en naar verzamelaars van verkeersgegevens",
    "compare port group {group} and its ports with the plan (C34)": "poortgroep {group} met haar"
    " poorten vergeleken met de afspraak (C34)",
}

_FOUND = {
    "silence proves nothing: not shown that {claims}": "stilte bewijst niets; niet aangetoond:"
    " {claims}",
    "not so: {claims}": "niet aangetoond: {claims}",
    "{count} arrived, first {packet}": "{count} aangekomen; het eerste pakket: {packet}",
    "the service gave it: {reply}": "de dienst gaf het prijs: {reply}",
    "{place}: {account} has role {role}": "{place}: {account} heeft rol {role}",
    "the whole vCenter": "de hele beheersoftware",
    "{server}: is in {kind} {place}, not in {wanted}": "{server}: staat in {kind} {place}, niet in"
    " {wanted}",
    "{server}: is in {kind} {place}, and is not in the plan": "{server}: staat in {kind} {place} en"
    " is niet afgesproken",
    "folder": "map",
    "resource pool": "resourcegroep",
    "{server}: {place}: holds {what}": "{server}: {place}: bevat {what}",
    "a secret of this stack": "een geheim van deze omgeving",
    "a private key": "een geheime sleutel",
    "a password's hash": "de hash van een wachtwoord",
    "a password": "een wachtwoord",
    "note": "notitie",
    "custom attribute {key}": "eigen kenmerk {key}",
    "OVF property {key}": "OVF-eigenschap {key}",
    "{server}: {place}: is off": "{server}: {place}: staat uit",
    "{server}: {place}: is there, and every server would take it over": "{server}: {place}: is er,"
    " en elke server zou het overnemen",
    "{switch}: port mirroring session {name} is {state}": "{switch}: kopie van verkeer {name}"
    " {state}",
    "on": "staat aan",
    "prepared": "staat klaar",
    "{switch}: sends records of flows to {collector}": "{switch}: stuurt verkeersgegevens naar"
    " {collector}",
    "{group}: port {port}: makes records of flows": "{group}: poort {port}: legt verkeersgegevens"
    " vast",
    "{group}: makes records of flows": "{group}: legt verkeersgegevens vast",
    "{group}: carries {vlans}, planned is VLAN {vlan}": "{group}: draagt {vlans}, afgesproken is"
    " VLAN {vlan}",
    "{whose}: carries {vlans} by a setting of its own": "{whose}: draagt {vlans} door een eigen"
    " instelling",
    "{whose}: {policy}: accepted by a setting of its own": "{whose}: {policy}: toegestaan door een"
    " eigen instelling",
    "{group}: port {port} ({server})": "{group}: poort {port} ({server})",
    "{group}: {policy}: accepted": "{group}: {policy}: toegestaan",
    "{group}: ports may override: {policy}": "{group}: poorten mogen afwijken in: {policy}",
    "{group}: ports keep settings of their own when they are disconnected": "{group}: poorten"
    " houden eigen instellingen als ze zijn losgekoppeld",
    "{group}: port {port}: carries VLAN {vlan} too": "{group}: poort {port}: draagt ook VLAN"
    " {vlan}",
    "{group}: carries VLAN {vlan} too": "{group}: draagt ook VLAN {vlan}",
    "{group}: {server} has NIC {mac} in it, which is not in the plan": "{group}: {server} heeft"
    " hier netwerkkaart {mac}, die niet is afgesproken",
    "{server}: NIC {mac} is in {group}, not as planned": "{server}: netwerkkaart {mac} zit in"
    " {group}, anders dan afgesproken",
    "no port group of the switch": "geen poortgroep van de switch",
    "free": "vrij",
    "VLAN {ranges}": "VLAN {ranges}",
    "private VLAN {ranges}": "afgeschermd VLAN {ranges}",
    "VLANs {ranges} as a trunk": "meerdere VLAN's tegelijk: {ranges}",
    "promiscuous mode": "meeluisteren",
    "MAC changes": "ander apparaatadres",
    "forged transmits": "vals apparaatadres",
    "MAC learning": "leren van apparaatadressen",
    "blocking": "blokkeren",
    "traffic shaping": "begrenzen van verkeer",
    "vendor configuration": "instellingen van de fabrikant",
    "moving while live": "verplaatsen tijdens gebruik",
    "traffic filter": "verkeersfilter",
    "VLAN": "VLAN",
    "uplink teaming": "verdeling over verbindingen",
    "security policy": "beveiligingsregels",
    "records of flows": "verkeersgegevens",
    "MAC management": "beheer van apparaatadressen",
}
"""What is wrong, and what stands within that."""

_UNTESTED = {
    "the tunnels are at {edge}, which forwards: {standby} stands by without any": "de tunnels zijn"
    " bij {edge}, die het verkeer doorgeeft; {standby} staat reserve en heeft er geen",
    "one host is alone, so that it is not shown to hear there, in {networks}": "Hier staat maar één"
    " systeem, zodat niet vaststaat dat het daar iets zou horen: {networks}.",
    "no other host has an address there, so that nothing was sent to {networks}": "Geen ander"
    " systeem heeft daar een adres, zodat er niets heen is gestuurd: {networks}.",
    "stack {stack} is on this datacenter but not deployed": "Omgeving {stack} hoort bij dit"
    " datacenter maar bestaat nog niet.",
}

PHRASES: dict[str, str] = {**REASONS, **_UNTESTED, **_CONTROLS, **_ATTACKS, **_FOUND}
"""English to Dutch; {braces} stand for what a run filled in."""

_FIELD = re.compile(r"\{(\w+)\}")
_FROM_OUTSIDE = {"packet", "reply"}
"""Fields of what came over a network: any text at all, of which nothing is taken for ours."""


def say_phrase(english: str) -> str | None:
    """Say one phrase of the suite, or several with semicolons between, in Dutch.

    Returns:
        None when a part of it has no Dutch words here.
    """
    whole = _say_one(english)
    if whole is not None or "; " not in english:
        return whole
    parts = [_say_one(part) for part in english.split("; ")]
    said = [part for part in parts if part is not None]
    return "; ".join(said) if len(said) == len(parts) else None


def _say_one(english: str) -> str | None:
    if _FIELD.search(english) is None and english in PHRASES:
        return PHRASES[english]
    for form, dutch in _forms():
        if found := form.fullmatch(english):
            return dutch.format(
                **{key: _fill(key, text) for key, text in found.groupdict().items()}
            )
    return None


def _fill(field: str, found: str) -> str:
    """Say what stands in a field, where that is a phrase itself."""
    if field == "claims":
        return ", ".join(PHRASES.get(claim, claim) for claim in found.split(", "))
    if field == "ranges":
        return found.replace(" to ", " tot en met ")
    return found if field in _FROM_OUTSIDE else _say_one(found) or found


def _field_form(field: str) -> str:
    """Semicolons stand between phrases."""
    any_text = {"whose": "[^;]+"} | dict.fromkeys(_FROM_OUTSIDE, ".+")
    return f"(?P<{field}>{any_text.get(field, '[^;]+?')})"


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Compile the phrases with fields, the longest first: the more exact one wins."""
    made = []
    for english in sorted(PHRASES, key=len, reverse=True):
        if _FIELD.search(english):
            parts = _FIELD.split(english)
            form = "".join(
                _field_form(part) if number % 2 else re.escape(part)
                for number, part in enumerate(parts)
            )
            made.append((re.compile(form, re.DOTALL), PHRASES[english]))
    return tuple(made)
