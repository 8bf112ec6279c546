"""
Which name a misspelt one can only mean.
"""

from collections.abc import Collection

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

SHORTEST = 5
"""Letters and digits; of a shorter name one letter is too much of it."""
LONG = 9
"""Letters and digits from which on two letters may be wrong."""


def nearest(key: str, keys: Collection[str]) -> str | None:
    """
    The one of `keys` that is a typing error away from `key`, None if there is none, or two.

    A typing error is a letter too many, too few, wrong, or swapped with its neighbour (optimal
    string alignment, Boytsov 2011). The first letter and all digits must be right: "a6" is no
    misspelt "a8".
    """
    if len(key) < SHORTEST:
        return None
    allowed = 2 if len(key) >= LONG else 1
    found = extract(key, keys, scorer=OSA.distance, score_cutoff=allowed, limit=8)
    close = [name for name, _, _ in found if name[0] == key[0] and _digits(name) == _digits(key)]
    return close[0] if len(close) == 1 else None


def _digits(key: str) -> str:
    return "".join(filter(str.isdigit, key))
