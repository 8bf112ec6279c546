"""
Takes out of a log record what must not be kept, whatever text it has slipped into.

The first rule is not to log it; this is the second. Errors of libraries quote what they were
given: SQL parameters, URLs, the input.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

LONGEST_TEXT = 2000
"""Characters of one text that are kept."""
LONGEST_SECRET = 500
"""Characters beyond `LONGEST_TEXT` that are searched, so that no half of a secret is left."""
SHORTEST_SECRET = 8
"""A key that is shorter is a word, as the mocks' are; taking it out would spoil other texts."""
DEEPEST = 8

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # What SQLAlchemy and PostgreSQL quote runs to the end of their message.
    (re.compile(r"\[parameters: .*|DETAIL: .*", re.DOTALL), "[...]"),
    # What Pydantic quotes.
    (re.compile(r"input_value=.*?, input_type", re.DOTALL), "input_value=[...], input_type"),
    (re.compile(r"://[^/\s@\"']{1,300}@"), "://[...]@"),
    (re.compile(r"(://[^?\s\"']{1,500})\?[^\s\"'<>)]*"), r"\1?[...]"),
    (re.compile(r"\b(Bearer|Basic) [A-Za-z0-9+/=._~-]+", re.IGNORECASE), r"\1 [...]"),
    (
        re.compile(r"(?<![A-Z0-9])(?=[A-Z]{0,16}[0-9])[A-HJ-NPR-Z0-9]{17}(?![A-Z0-9])", re.I),
        "[vin]",
    ),
)


class Redaction:
    """Takes out the secrets that it is told, VINs, query strings and what libraries quote."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({one for one in secrets if len(one) >= SHORTEST_SECRET}, key=len)
        longest_first = (re.escape(one) for one in reversed(known))
        self._secrets = re.compile("|".join(longest_first)) if known else None

    def text(self, text: str) -> str:
        """The text without them, and not longer than `LONGEST_TEXT`."""
        text = text[: LONGEST_TEXT + LONGEST_SECRET]
        if self._secrets is not None:
            text = self._secrets.sub("[...]", text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} [...]"

    def value(self, value: object, depth: int = 0) -> Any:
        """The same of anything that is logged; what is neither number nor text becomes text."""
        if depth > DEEPEST:
            return "[...]"
        match value:
            case None | bool() | int():
                return value
            case float():
                return value if math.isfinite(value) else str(value)
            case str():
                # An enum's member, or whatever else is a string: JSON wants the plain one.
                return self.text(str(value))
            case bytes() | bytearray() | memoryview():
                return f"[{len(value)} bytes]"
            case Mapping():
                return {str(key): self.value(one, depth + 1) for key, one in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(one, depth + 1) for one in value]
            case _:
                return self.text(repr(value))


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """Every secret in the settings: those declared so, and passwords in URLs."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from secrets_of(value)
        elif isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, str) and "://" in value:
            yield from _passwords_in(value)


def _passwords_in(url: str) -> Iterator[str]:
    """The passwords of a URL, as they are written and as they are meant."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))
    yield from (value for name, value in parse_qsl(parts.query) if name.endswith("password"))
