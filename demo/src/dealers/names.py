"""Invented names: dealers, streets, end customers. None of them is meant to exist."""

from __future__ import annotations

from random import Random

from contracts.values import EndCustomer
from dealers.places import nearest_town


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry for line in text.split("\n") if line for entry in line.split("|"))


_SURNAMES = _entries("""
Ahrens|Albers|Arndt|Bachmann|Bartels|Baumgart|Behrens|Berger|Brandl|Brinkmann|Clausen|Dietz|Dorn|Ebert
Eckstein|Falk|Feddersen|Fiedler|Fuchs|Gerdes|Glaser|Grunwald|Haller|Hartwig|Heise|Hinrichs|Hofer|Huber
Iversen|Jahnke|Jensen|Kaiser|Kern|Kirchner|Kolbe|Krämer|Lange|Lechner|Lindner|Lorenzen|Maurer|Meinhardt
Möller|Nagel|Neumann|Oswald|Petersen|Pohl|Rademacher|Reinke|Riedel|Rösch|Sander|Scherer|Seidel|Steiner
Stolz|Tiedemann|Thomsen|Ulrich|Vogt|Wagenknecht|Weidner|Wieland|Winkler|Zander|Zeller|Ziegler
""")
_TRADES = _entries("""
Telefonbau {} GmbH|Fernmeldetechnik {} KG|Systemhaus {} GmbH|{} Kommunikationstechnik GmbH
{} & Sohn Fernmeldebau OHG|Elektro {} GmbH & Co. KG|Nachrichtentechnik {} e.K.|{} IT-Service GmbH
Bürokommunikation {} GmbH|{} Netzwerke UG|Kommunikationshaus {} GmbH|{} Telekommunikation GmbH
Daten- und Fernmeldetechnik {} GmbH|Netzwerkbau {} KG
""")
_STREETS = _entries("""
Ahornweg|Am Bahnhof|Bergstraße|Birkenallee|Dorfstraße|Gartenstraße|Gewerbering|Hafenstraße|Handwerkerhof
Industriestraße|Kirchplatz|Lindenstraße|Marktstraße|Mühlenweg|Ringstraße|Schulstraße|Werkstraße
Wiesengrund
""")
_CUSTOMERS = _entries("""
Autohaus {}|Bäckerei {}|Steuerkanzlei {}|Zahnarztpraxis Dr. {}|Hotel {}|Spedition {}|Tischlerei {}
Apotheke {}|Gärtnerei {}|Weingut {}|Maschinenbau {}|Pflegedienst {}|Druckerei {}|Baustoffe {}|Notariat {}
Fahrschule {}
""")
_FIRST_NAMES = _entries("""
Anke|Bernd|Carla|Dirk|Elke|Frank|Gesa|Holger|Ines|Jörg|Katrin|Lars|Maike|Nils|Petra|Uwe
""")
_NOTES = (
    "Zugang über den Hof, bitte klingeln.",
    "Technikraum im Keller, Schlüssel am Empfang.",
    "Ab 12 Uhr Mittagspause, Telefon muss dann erreichbar sein.",
    "Aufzug nur mit Karte, Ansprechpartner holt ab.",
    "",
)


def dealer(lots: Random) -> str:
    """A dealer's name, such as "Telefonbau Ahrens GmbH"."""
    return lots.choice(_TRADES).format(lots.choice(_SURNAMES))


def street(lots: Random) -> str:
    """A street and a number."""
    return f"{lots.choice(_STREETS)} {lots.randint(1, 120)}"


def end_customer(lots: Random, postcode: str) -> EndCustomer:
    """Somebody with a telephone, at this postcode."""
    surname = lots.choice(_SURNAMES)
    return EndCustomer(
        name=lots.choice(_CUSTOMERS).format(surname),
        contact=f"{lots.choice(_FIRST_NAMES)} {surname}",
        street=street(lots),
        postcode=postcode,
        city=nearest_town(postcode).name,
        phone=f"+49 {lots.randint(200, 999)} {lots.randint(10_000, 999_999)}",
        notes=lots.choice(_NOTES),
    )
