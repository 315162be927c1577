"""The columns to a file and back: arrays as they are, the rest as JSON."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from matching.candidates.columns import KIND, MOST_CERTIFICATIONS, ROW, TIME, Columns
from matching.domain.model import Contractor

_LENGTH_BYTES = 8


class _Words(BaseModel):
    """What is not an array. `layout` changes with every change of what a column means."""

    model_config = ConfigDict(frozen=True)

    layout: str
    groups: list[str]
    products: list[tuple[str, str]]
    whole: dict[int, Contractor]


_words: TypeAdapter[_Words] = TypeAdapter(_Words)
LAYOUT = f"1 {ROW.itemsize} {MOST_CERTIFICATIONS} {','.join((*KIND, *TIME))}"


def save(columns: Columns, file: BinaryIO) -> None:
    """Write everything, from the file's present position on."""
    words = _Words(
        layout=LAYOUT, groups=columns.groups.values, products=columns.products.values, whole=columns.whole
    )
    text = _words.dump_json(words)
    file.write(len(text).to_bytes(_LENGTH_BYTES, "big") + text)
    for array in (np.array(columns.places.values, dtype=np.float64), *columns.arrays):
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)


def load(file: BinaryIO) -> Columns:
    """Read what `save` wrote. Raises ValueError for anything else, also for another version's layout."""
    words = _words.validate_json(file.read(int.from_bytes(file.read(_LENGTH_BYTES), "big")))
    if words.layout != LAYOUT:
        raise ValueError("another layout")
    places, *arrays = [_array(file) for _ in range(7)]
    columns = Columns()
    columns.groups.add(words.groups)
    columns.products.add(words.products)
    for x, y, z in places.tolist():
        columns.place((x, y, z))
    columns.whole = words.whole
    columns.restore(*arrays)
    return columns


def _array(file: BinaryIO) -> np.ndarray:
    array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array
