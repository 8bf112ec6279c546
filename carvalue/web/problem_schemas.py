"""
The shape of a problem (RFC 9457).
"""

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema


class ProblemField(BaseModel):
    """What is wrong with one field."""

    pointer: str = Field(
        description="JSON pointer into the body, such as `#/year`; "
        "`query:limit`, `path:side` or `header:If-Match` outside it.",
        examples=["#/year"],
    )
    code: str = Field(examples=["unknown_year"])
    detail: str


class Problem(BaseModel):
    """An error, after RFC 9457. Match on `code`; texts may change."""

    type: str = Field(examples=["/problems/unknown-year"])
    title: str
    status: int
    code: str = Field(examples=["unknown-year"])
    detail: str
    instance: str = Field(description="The request's id, for support.")
    errors: list[ProblemField]
    retryable: bool = Field(description="Whether the same request may succeed later.")
    known_years: list[int] | SkipJsonSchema[None] = Field(
        default=None, description="The years to choose from, where the year is the problem."
    )
