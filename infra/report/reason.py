"""Say in Dutch why something could not be tried; the suite gives its reasons in English.

Words only; `phrase.py` finds them, and those for reasons that name something.
"""

REASONS: dict[str, str] = {
    "no zone of the tenant has another one, or a neighbour, that it could attack": "De gemeente"
    " heeft hier maar één netwerk, en er is geen andere klant: er was geen grens om aan te vallen.",
    "no other tenant is deployed on this datacenter": "Er is in dit datacenter geen"
    " andere klant bij wie te meten was.",
    "no host of the provider answers in its vMotion and storage networks": "In de netwerken voor"
    " opslag en verplaatsing stond geen systeem dat had kunnen antwoorden.",
    "no host of the provider answers in its back-up networks": "In het back-upnetwerk van de"
    " leverancier stond geen systeem dat had kunnen antwoorden.",
    "the provider's own gateway is in no contract, so it gets nothing": "De eigen router van de"
    " leverancier is niet aangevallen; daarvoor is geen toestemming.",
    "there is no uplink to the internet behind which to listen": "Er is hier geen echte"
    " internetverbinding waarachter kon worden gemeten.",
    "no sensor stands behind the physical trunk": "Achter de fysieke netwerkverbinding staat geen"
    " meetpunt.",
    "listened for the length of the run, not for three minutes": "Er is geluisterd zolang de test"
    " duurde, geen drie minuten.",
    "listened for the length of the run, not for ten minutes": "Er is geluisterd zolang de test"
    " duurde, geen tien minuten.",
    "gateways take no other MAC, which would cut off their zone, nor legs of the management"
    " network, where nobody may send to them; the setting is looked at (I28)": "Routers namen geen"
    " ander apparaatadres aan, want dan valt hun hele netwerk weg; ook in het beheernetwerk"
    " gebeurde dit niet, want daar mag niemand naar een ander sturen. Daar is alleen de instelling"
    " bekeken.",
    "the own gateway is not impersonated: it would hurt the tenant": "De eigen router is niet"
    " nagebootst: dat zou de gemeente zelf hinderen.",
    "vCenter, ESXi and switches stand in no contract; tried were the neighbours' legs in the"
    " management network": "De beheersystemen zelf zijn niet aangevallen, wel de andere"
    " aansluitingen op het beheernetwerk.",
    "tenants share no back-up repository whose listing could be tried": "Er is geen back-up die"
    " klanten met elkaar delen.",
    "tenants share no log in which to read on whose account a forged line stands": "Er is geen"
    " logboek dat klanten delen, waarin te zien is op wiens naam een valse melding staat.",
}
