"""
The corpus of bad photos: what editors, broken phones and attackers send, each with what is to come.

Made by code, the same each time. Some are good photos in bad company: they must be prepared.
"""

from collections.abc import Iterator

from tests.bad_photos import bombs, headers, liars, strangers, tails
from tests.bad_photos.kinds import Bad

PARTS = (strangers, tails, liars, headers, bombs)


def corpus() -> Iterator[Bad]:
    """All of them; seconds of work, and 100 MB if all are kept."""
    for part in PARTS:
        yield from part.photos()
