"""
The kinds of fields that bodies and paths are made of.
"""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.json_schema import WithJsonSchema

from carvalue.core.valuation import MAX_MILEAGE

ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Id = Annotated[str, Field(pattern=ID)]
Year = Annotated[int, Field(ge=1886, le=2100, description="Model year.", examples=[2010])]
Mileage = Annotated[int, Field(ge=0, le=MAX_MILEAGE, examples=[58000])]


def _whole(value: object) -> object:
    # In JSON 2010.0 is the integer 2010, and some clients write all numbers so.
    return int(value) if isinstance(value, float) and value.is_integer() else value


StrictYear = Annotated[Year, BeforeValidator(_whole), Field(strict=True)]
StrictMileage = Annotated[Mileage, BeforeValidator(_whole), Field(strict=True)]
Percent = Annotated[float, Field(ge=0, le=100)]


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


Instant = Annotated[
    datetime,
    PlainSerializer(_instant, return_type=str),
    # Exactly three fraction digits: generated Swift clients read no others.
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _true_or_false(value: object) -> object:
    # Pydantic would take 0, "no" and "off" as well, which hides mistakes of the caller.
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, value if value else False)
    return value


FormBool = Annotated[bool, BeforeValidator(_true_or_false), Field(strict=True)]


class InBody(BaseModel):
    """Base of what comes in: what we do not know is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class OutBody(BaseModel):
    """Base of what goes out: every key is always there."""

    model_config = ConfigDict(from_attributes=True)


ItemT = TypeVar("ItemT")


class Page(OutBody, Generic[ItemT]):
    """A part of a list; `next_cursor` is null at its end."""

    data: list[ItemT]
    next_cursor: str | None
