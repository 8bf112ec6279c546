"""
Which language a caller reads (RFC 9110, 12.5.4).
"""

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Header

DEFAULT = "en"
_RANGE = re.compile(
    r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2})\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?"
)

AcceptLanguage = Annotated[
    str | None,
    Header(max_length=2000, description="Texts are in the language preferred most."),
]


def languages_of(accept_language: str | None) -> list[str]:
    """The languages that a caller reads, as BCP 47 tags, the one liked best first."""
    found = [_RANGE.fullmatch(part) for part in (accept_language or "").split(",")]
    liked = {one[1]: float(one[2] or 1) for one in reversed(found) if one}
    return sorted(
        (tag for tag in reversed(liked) if liked[tag] > 0), key=lambda tag: liked[tag], reverse=True
    )


def language_of(accept_language: str | None) -> str:
    """The language that a caller likes best; or English."""
    return next(iter(languages_of(accept_language)), DEFAULT)


def offered_to(accept_language: str | None, offered: Sequence[str]) -> str:
    """The one of the languages `offered` that a caller likes best; or English."""
    for tag in languages_of(accept_language):
        language = tag.partition("-")[0].lower()
        if language in offered:
            return language
    return DEFAULT
