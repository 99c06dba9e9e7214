"""Name the attack cases I01 to I28 in Dutch, for a reader without a technical background.

Words only. Must not know what was found. Source of the cases: DOMAIN.md section 3.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of attack. tried: what an attacker does; expected: what must then happen."""

    title: str
    tried: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Cases that answer one question of the municipality's secretary."""

    title: str
    tried: str
    cases: tuple[str, ...]


CASES: dict[str, Case] = {
    "I01": Case(
        title="Andere netwerken afzoeken",
        tried="Alle adressen van andere netwerken zijn afgezocht naar een antwoord.",
        expected="Geen enkel antwoord; bij de ander komt niets aan.",
    ),
    "I02": Case(
        title="Omweg langs een andere router",
        tried="Verkeer is met opzet langs een andere router van het datacenter gestuurd.",
        expected="De omweg wordt geweigerd.",
    ),
    "I03": Case(
        title="Vals afzenderadres",
        tried="Verkeer is verstuurd met het adres van een ander als afzender.",
        expected="De grens van het netwerk houdt dit verkeer tegen.",
    ),
    "I04": Case(
        title="Nummer van een ander netwerk (VLAN)",
        tried="Verkeer is voorzien van het nummer van een ander netwerk.",
        expected="Het verkeer wordt weggegooid.",
    ),
    "I05": Case(
        title="Dubbel netwerknummer",
        tried="Verkeer kreeg twee netwerknummers; het tweede is van een ander netwerk.",
        expected="Het verkeer wordt weggegooid, ook achter de fysieke verbinding.",
    ),
    "I06": Case(
        title="Poort laten omschakelen (DTP)",
        tried="De netwerkpoort is gevraagd om toegang tot alle netwerken te geven.",
        expected="Geen reactie; de poort blijft bij één netwerk.",
    ),
    "I07": Case(
        title="De leiding over het netwerk overnemen (STP)",
        tried="Er is geprobeerd om de loop van het verkeer in het netwerk te veranderen.",
        expected="Er verandert niets.",
    ),
    "I08": Case(
        title="Apparatuur van de leverancier afluisteren",
        tried="Er is geluisterd of apparatuur van de leverancier iets over zichzelf vertelt.",
        expected="Niets te horen.",
    ),
    "I09": Case(
        title="Meeluisteren met anderen",
        tried="Er is geluisterd naar verkeer dat niet voor deze server is bedoeld.",
        expected="Alleen eigen verkeer en berichten aan het hele eigen netwerk.",
    ),
    "I10": Case(
        title="Verzenden met een vals apparaatadres",
        tried="Verkeer is verstuurd met het apparaatadres (MAC) van een ander.",
        expected="Het verkeer wordt weggegooid.",
    ),
    "I11": Case(
        title="Ontvangen met een ander apparaatadres",
        tried="Een server nam een ander apparaatadres aan en probeerde verkeer te ontvangen.",
        expected="Er komt niets binnen tot het eigen adres terug is.",
    ),
    "I12": Case(
        title="Zich voordoen als de router (ARP)",
        tried="Een server gaf zich uit voor de router en voor een server van een ander.",
        expected="Bij een ander komt niets aan; in het eigen netwerk valt het op.",
    ),
    "I13": Case(
        title="De switch overbelasten",
        tried="Het netwerk kreeg duizenden valse apparaatadressen te verwerken.",
        expected="Verkeer van anderen wordt niet hoorbaar.",
    ),
    "I14": Case(
        title="Valse adresuitgifte (DHCP)",
        tried="Een server deelde valse netwerkadressen uit en vroeg alle adressen op.",
        expected="Niets hiervan komt buiten het eigen netwerk.",
    ),
    "I15": Case(
        title="Valse berichten over routers (IPv6)",
        tried="Een server gaf zich met IPv6 uit voor de router en zocht buren.",
        expected="Niets hiervan komt buiten het eigen netwerk.",
    ),
    "I16": Case(
        title="IPv6 en tunnels",
        tried="De pogingen zijn herhaald met IPv6 en met verkeer dat in een tunnel is verstopt.",
        expected="Zelfde uitkomst als zonder IPv6 of tunnel: niets komt aan.",
    ),
    "I17": Case(
        title="Berichten aan iedereen",
        tried="Er is geluisterd naar berichten aan iedereen, en zulke berichten zijn verstuurd.",
        expected="Niets van een ander gehoord; niets bij een ander aangekomen.",
    ),
    "I18": Case(
        title="Beheersystemen van de leverancier bereiken",
        tried="Er is verbinding gezocht met de systemen waarmee de leverancier beheert.",
        expected="Geen antwoord.",
    ),
    "I19": Case(
        title="Opslag en verplaatsing van servers bereiken",
        tried="Er is verbinding gezocht met de opslag en met het netwerk dat servers verplaatst.",
        expected="Geen antwoord.",
    ),
    "I20": Case(
        title="Back-ups van anderen bereiken",
        tried="Er is geprobeerd om back-ups van een ander te zien of te wissen.",
        expected="Geweigerd en vastgelegd.",
    ),
    "I21": Case(
        title="Namen van anderen opvragen (DNS)",
        tried="De naamdienst is gevraagd naar namen en adressen van een ander.",
        expected="Geen gegevens van een ander in het antwoord.",
    ),
    "I22": Case(
        title="Klok, bewaking en logboeken",
        tried="De klok is meer gevraagd dan de tijd; anderen kregen vragen en valse meldingen.",
        expected="De klok zwijgt over anderen; bij een ander komt niets aan.",
    ),
    "I23": Case(
        title="Verder via een gedeeld systeem",
        tried="Via een gedeeld systeem is verbinding gezocht met een ander.",
        expected="Het gedeelde systeem weigert.",
    ),
    "I24": Case(
        title="Gegevens van anderen in de beheersoftware",
        tried="Met ons account is in de beheersoftware gezocht naar servers van anderen.",
        expected="Alleen eigen servers en netwerken, of helemaal geen account.",
    ),
    "I25": Case(
        title="Gegevens via de beheersoftware in de server",
        tried="In de server is gezocht naar gegevens die de beheersoftware van anderen kent.",
        expected="Geen gegevens van een ander.",
    ),
    "I26": Case(
        title="Kopieën van netwerkverkeer",
        tried="Er is nagegaan of netwerkverkeer ergens heen wordt gekopieerd.",
        expected="Er zijn geen kopieën ingesteld.",
    ),
    "I27": Case(
        title="Dezelfde adressen als een ander",
        tried="Verkeer is gestuurd naar een adres dat ook een ander gebruikt.",
        expected="Het komt alleen bij de eigen server aan.",
    ),
    "I28": Case(
        title="Afwijkende instellingen van netwerkpoorten",
        tried="Alle netwerkpoorten zijn vergeleken met de vastgelegde instellingen.",
        expected="Geen enkel verschil.",
    ),
}
"""By case id, in order."""

THEMES: tuple[Theme, ...] = (
    Theme(
        title="Andere netwerken bereiken",
        tried="Verkeer sturen, ook vermomd of in een tunnel.",
        cases=("I01", "I02", "I03", "I16", "I27"),
    ),
    Theme(
        title="Het netwerk misleiden",
        tried="Met valse berichten op een ander netwerk komen.",
        cases=("I04", "I05", "I06", "I07", "I10", "I11", "I12", "I13", "I14", "I15"),
    ),
    Theme(
        title="Meeluisteren",
        tried="Luisteren of verkeer van een ander te horen is.",
        cases=("I08", "I09", "I17"),
    ),
    Theme(
        title="Systemen van de leverancier",
        tried="Verbinding zoeken met beheer, opslag en back-up.",
        cases=("I18", "I19", "I20"),
    ),
    Theme(
        title="Gedeelde diensten",
        tried="Via systemen die klanten delen bij een ander komen.",
        cases=("I21", "I22", "I23"),
    ),
    Theme(
        title="Beheersoftware van het datacenter",
        tried="Zoeken naar gegevens van anderen en naar fouten.",
        cases=("I24", "I25", "I26", "I28"),
    ),
)
"""Each case is in exactly one."""
