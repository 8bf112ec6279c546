"""
Looks through everything that the suite has the service log, for the keys that the suite uses.

Records are rendered as in service, but by a handler that has been told no secret: what is found
has passed the first rule, not to log it, and is not saved by the second, redaction. What tests
log under names of their own is not looked at, since some of them try to leak.
"""

import io
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from carvalue.observing.logs import log_handler

ROOT = Path(__file__).parent.parent
SHORTEST = 7
"""Of a shorter key, such as the mocks' "mock", or a plain word, nobody could say what was meant."""
_NAMED = r"(?:api_key|api_secret|private_key|webhook_secret|imagga_key|valuation_api_key)"
_QUOTED = rf'"([^"\\\n]{{{SHORTEST},}})"'
_KEYS = re.compile(
    rf"{_NAMED}={_QUOTED}"
    rf'|"CARVALUE_\w+_(?:KEY|SECRET)": {_QUOTED}'
    rf"|SecretStr\({_QUOTED}\)"
    rf"|^(?:[A-Z_]+_)?(?:KEY|SECRET|PASSWORD) = {_QUOTED}",
    re.MULTILINE,
)


def keys_of_the_suite() -> set[str]:
    """The keys that tests and mocks write down: handed to adapters, settings and environments."""
    paths = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "mocks").rglob("*.py")]
    texts = [path.read_text("utf-8") for path in (*paths, ROOT / "carvalue" / "settings.py")]
    found = {key for text in texts for some in _KEYS.findall(text) for key in some}
    return {key for key in found if key and not key.isalpha()}


@dataclass
class Watched:
    """What was logged with a key in it: the test that ran, the logger, and which key it was."""

    keys: set[str] = field(default_factory=keys_of_the_suite)
    leaks: list[str] = field(default_factory=list)
    looked_at: int = 0

    def look_at(self, text: str, *, where: str) -> None:
        """Note every key in a text that was logged."""
        self.looked_at += 1
        for key in self.keys:
            if key in text:
                test = os.environ.get("PYTEST_CURRENT_TEST", "between tests")
                self.leaks.append(f"{test}: {where} has logged {key!r}")


class WatchingHandler(logging.Handler):
    """Renders each record as the service would, and looks at it."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self.formatter = log_handler(io.StringIO(), "json").formatter
        self._watched = watched

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("tests"):
            self._watched.look_at(self.format(record), where=record.name)


WATCHED = Watched()


@pytest.fixture(autouse=True, scope="session")
def _no_key_is_logged() -> Iterator[None]:
    """At the end of a worker's run: fails if any key was logged, and says by which test."""
    handler, root = WatchingHandler(WATCHED), logging.getLogger()
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    assert not WATCHED.leaks, "\n".join(WATCHED.leaks)
