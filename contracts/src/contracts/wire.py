"""How values stand on the wire: as text of one checked form. JSON Schema and parser share the pattern."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

EARLIEST_YEAR = 2000
LATEST_YEAR = 2999
_TIME = (
    r"^2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_DAY = "^(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


@dataclass(frozen=True, eq=False)
class TextForm:
    """A type that is text of a certain form in JSON, and something better in Python."""

    pattern: str
    length: int
    from_text: Callable[[str], Any] | CoreSchema
    from_python: CoreSchema
    to_text: core_schema.SerSchema
    format: str | None = None
    description: str | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=self.pattern, max_length=self.length, strict=True)
        if callable(self.from_text):
            read: CoreSchema = core_schema.no_info_after_validator_function(self.from_text, text)
        else:
            read = core_schema.chain_schema([text, self.from_text])
        return core_schema.json_or_python_schema(read, self.from_python, serialization=self.to_text)

    def __get_pydantic_json_schema__(
        self, _core: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = {"type": "string", "pattern": self.pattern, "maxLength": self.length}
        told = {"format": self.format, "description": self.description}
        return schema | {word: value for word, value in told.items() if value}


def _in_utc(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("time", "Input should be a time after 1999 and before 3000") from error
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise PydanticCustomError("time", "Input should be a time after 1999 and before 3000")
    return moment


def _read_time(text: str) -> datetime:
    """Its form is checked already; the standard library's parser is the fastest."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is UTC else _in_utc(moment)


_moment = core_schema.no_info_after_validator_function(
    _in_utc, core_schema.datetime_schema(tz_constraint="aware")
)
_day = core_schema.date_schema(ge=date(1900, 1, 1), le=date(LATEST_YEAR, 12, 31))

_TIME_TOLD = "A moment, RFC 3339. Any offset is read, UTC is written; without an offset it is refused."
Time = Annotated[
    datetime,
    TextForm(
        _TIME, 32, _read_time, _moment, core_schema.simple_ser_schema("datetime"), "date-time", _TIME_TOLD
    ),
]
"""A moment, in UTC."""
Day = Annotated[
    date,
    TextForm(
        _DAY,
        10,
        _day,
        _day,
        core_schema.simple_ser_schema("date"),
        "date",
        "A day in Germany (Europe/Berlin).",
    ),
]
"""A day in Germany (Europe/Berlin)."""


def decimal_text(description: str, pattern: str, places: int | None = None) -> TextForm:
    """A decimal that stands in JSON as text of this pattern.

    places: so many digits always follow the point; Decimal("85") is written as "85.00". None: as it comes.
    """
    form = re.compile(pattern)
    step = None if places is None else Decimal(1).scaleb(-places)

    def from_python(value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
            raise PydanticCustomError(
                "decimal_type", "Input should be a Decimal, an int or a str, never a float"
            )
        try:
            number = Decimal(value)
            exact = number if step is None else number.quantize(step)
        except InvalidOperation as error:
            raise PydanticCustomError("decimal_form", "Input should be a decimal number") from error
        if exact != number or not form.fullmatch(f"{exact:f}"):
            raise PydanticCustomError("decimal_form", "Input should match the pattern of the schema")
        return Decimal(f"{exact:f}")

    return TextForm(
        pattern,
        20,
        Decimal,
        core_schema.no_info_plain_validator_function(from_python),
        core_schema.to_string_ser_schema(when_used="json"),
        description=description,
    )


def text(longest: int, pattern: str | None = None, *, shortest: int = 1) -> Any:
    """One line of at most `longest` characters, without control characters, not starting with a space."""
    return Field(
        min_length=shortest, max_length=longest, pattern=pattern or r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
    )


def whole(least: int, most: int) -> Any:
    """A whole number within bounds; in JSON never as text."""
    return Field(strict=True, ge=least, le=most)


Flag = Annotated[bool, Field(strict=True)]
"""True or false; in JSON never as text or number."""
