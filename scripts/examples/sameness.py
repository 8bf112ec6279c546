"""
What is another each time (ids, instants, secrets) made the same, and long lists cut short.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Json = Any

THEN = datetime(2026, 11, 20, 22, 24, 3, 83000, UTC)
"""When everything in the examples happens."""
UNCUT = {"years", "known_years", "trims", "photos", "errors", "event_types"}
LONGEST_LIST = 3

ID = re.compile(r"\b(apr|val|whe|msg)_[0-9a-f]{32}\b")
INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
UUID_TEXT = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
SECRETS = {
    "secret": "whsec_" + "ZXhhbXBsZQ" * 4,
    "access_token": "cv_dev_example.of.a.token",
    "challenge": "example-of-a-challenge",
    "next_cursor": "ZXhhbXBsZQ.of-a-cursor",
}


def cut_short(value: Json, name: str = "") -> Json:
    """The same with the first few items of its lists, but where all of them are of use."""
    if isinstance(value, dict):
        return {key: cut_short(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        items = value if name in UNCUT else value[:LONGEST_LIST]
        return [cut_short(one) for one in items]
    return value


def made_the_same(value: Json, replaced: dict[str, str], began: datetime) -> Json:
    """Without anything that is another in the next recording; `replaced` is taken literally."""
    known: dict[str, str] = {}

    def of_its_own(kind: str) -> Callable[[re.Match[str]], str]:
        def one(found: re.Match[str]) -> str:
            prefix = f"{found[1]}_" if kind == "id" else ""
            if found[0] not in known:
                name = f"{kind} {prefix}{len(known)}"
                known[found[0]] = _number(name) if kind == "id" else _uuid(name)
            return prefix + known[found[0]]

        return one

    def text(plain: str) -> str:
        for old, new in replaced.items():
            plain = plain.replace(old, new)
        plain = ID.sub(of_its_own("id"), plain)
        plain = UUID_TEXT.sub(of_its_own("uuid"), plain)
        return INSTANT.sub(lambda found: _moved(found[0], began), plain)

    def walk(one: Json, name: str = "") -> Json:
        match one:
            case dict():
                return {key: walk(inner, key) for key, inner in one.items()}
            case list():
                return [walk(inner) for inner in one]
            case str() if name in SECRETS:
                return SECRETS[name]
            case str():
                return text(one)
            case _:
                return one

    return walk(value)


def _moved(instant: str, began: datetime) -> str:
    """As far from `THEN` as it was from the beginning, to five minutes; older ones stay."""
    at = datetime.fromisoformat(instant)
    if at < began - timedelta(days=1):
        return instant
    steps = round((at - began) / timedelta(minutes=5))
    moved = THEN + steps * timedelta(minutes=5)
    return moved.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moved.microsecond // 1000:03}Z"


def _number(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _uuid(name: str) -> str:
    digits = _number(name)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
