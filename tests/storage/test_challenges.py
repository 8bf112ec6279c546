"""
What a phone was challenged with counts once, at whichever replica.
"""

import pytest

from carvalue.storage.api_keys import SqlKeys
from carvalue.storage.database import Database
from tests.fakes import Clock
from tests.storage.conftest import opened

pytestmark = pytest.mark.anyio


async def test_a_challenge_is_used_once(url: str, database: Database, clock: Clock) -> None:
    with opened(url) as another:
        assert await SqlKeys(database).use("challenge", clock())
        assert not await SqlKeys(another).use("challenge", clock())
        assert not await SqlKeys(database).use("challenge", clock())
        assert await SqlKeys(another).use("another one", clock())
