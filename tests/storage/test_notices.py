"""
Notices that came before: remembered by every store alike, for as long as they would pass again.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from carvalue.core.notices import NoticeBook
from carvalue.storage.notices import SqlNoticeBook
from carvalue.storage.retention import SqlRetention
from tests.fakes import Clock
from tests.memory import MemoryNoticeBook
from tests.storage.conftest import KINDS, opened, url_of

pytestmark = pytest.mark.anyio

A_WHILE = timedelta(hours=4)


@pytest.fixture(params=[*KINDS, "memory"])
def book(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[NoticeBook]:
    if request.param == "memory":
        yield MemoryNoticeBook(clock)
        return
    with opened(url_of(request.param, request, tmp_path)) as database:
        yield SqlNoticeBook(database, now=clock)


async def test_the_second_time(book: NoticeBook, clock: Clock) -> None:
    """
    A notice is new once; another one is another.
    """
    until = clock() + A_WHILE

    assert await book.first("one", until=until)
    assert not await book.first("one", until=until)
    assert await book.first("other", until=until)


async def test_it_is_remembered_long_enough_and_no_longer(book: NoticeBook, clock: Clock) -> None:
    assert await book.first("one", until=clock() + A_WHILE)

    clock.advance(hours=3, minutes=59)
    assert not await book.first("one", until=clock() + A_WHILE)
    clock.advance(minutes=2)
    assert await book.first("one", until=clock() + A_WHILE)


async def test_one_without_effect(book: NoticeBook, clock: Clock) -> None:
    """
    What could not be worked at may come again.
    """
    until = clock() + A_WHILE
    assert await book.first("one", until=until)

    await book.forget("one")

    assert await book.first("one", until=until)


async def test_at_the_same_moment(book: NoticeBook, clock: Clock) -> None:
    """
    Of many at once one is the first, wherever they arrive.
    """
    until = clock() + A_WHILE

    first = await asyncio.gather(*(book.first("one", until=until) for _ in range(20)))

    assert sum(first) == 1


async def test_they_go_with_their_time(url: str, clock: Clock) -> None:
    """
    The book does not grow for ever.
    """
    with opened(url) as database:
        await SqlNoticeBook(database, now=clock).first("one", until=clock() + A_WHILE)
        clock.advance(hours=5)

        removed = await SqlRetention(database, timedelta(hours=24), now=clock).prune()

    assert removed.kept_answers == 1
