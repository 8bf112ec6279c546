"""
The EPA's records in the database, and imports that break off or meet.
"""

from dataclasses import replace

import pytest

from carvalue.core.errors import ChangedMeanwhile
from carvalue.storage.database import Database
from carvalue.storage.epa import EpaRecord, Position, SqlEpaStore

pytestmark = pytest.mark.anyio

FILE, OTHER_FILE = "a" * 64, "b" * 64


@pytest.fixture
def store(database: Database) -> SqlEpaStore:
    return SqlEpaStore(database)


def a_record(id: int, *, make: str = "toyota", year: int = 2010, says: str = "1.8") -> EpaRecord:
    document = f'{{"id":{id},"displ":{says}}}'
    return EpaRecord(id, make, "corolla", "corolla", year, document)


async def test_looking_up(store: SqlEpaStore) -> None:
    """
    A make and a model year find their records, and no others.
    """
    at = await store.begin(FILE)
    records = [a_record(3), a_record(1), a_record(2, year=2011), a_record(4, make="honda")]

    await store.add(FILE, at, records, 5)

    assert await store.of_make("toyota", 2010) == [a_record(1).document, a_record(3).document]
    assert await store.of_make("opel", 2010) == []


async def test_an_empty_table(store: SqlEpaStore) -> None:
    """
    Whether anything was imported is known before and after.
    """
    assert not await store.any()

    await store.add(FILE, await store.begin(FILE), [a_record(1)], 2)

    assert await store.any()


async def test_what_became_of_the_records(store: SqlEpaStore) -> None:
    """
    New, changed and unchanged records are told apart, whatever their order.
    """
    first = await store.add(FILE, await store.begin(FILE), [a_record(1), a_record(2)], 3)
    await store.finish(FILE)
    assert first == Position(line=3, new=2)

    again = await store.add(
        OTHER_FILE,
        await store.begin(OTHER_FILE),
        [a_record(3), a_record(2, says="2.4"), a_record(1)],
        4,
    )

    assert again == Position(line=4, new=1, changed=1, unchanged=1)
    assert await store.of_make("toyota", 2010) == [
        a_record(1).document,
        a_record(2, says="2.4").document,
        a_record(3).document,
    ]


async def test_a_record_that_moves_to_another_make(store: SqlEpaStore) -> None:
    """
    A corrected record is found where it belongs now, and only there.
    """
    at = await store.add(FILE, await store.begin(FILE), [a_record(1)], 2)
    moved = replace(a_record(1, make="lexus", year=2011), document='{"id":1,"make":"Lexus"}')

    await store.add(FILE, at, [moved], 3)

    assert await store.of_make("toyota", 2010) == []
    assert await store.of_make("lexus", 2011) == [moved.document]


async def test_going_on_where_it_broke_off(store: SqlEpaStore, url: str) -> None:
    """
    Another process finds the line and the counts of an import that was killed.
    """
    reached = await store.add(FILE, await store.begin(FILE), [a_record(1)], 2)

    elsewhere = Database(url)
    assert await SqlEpaStore(elsewhere).begin(FILE) == reached
    elsewhere.close()


async def test_after_the_end(store: SqlEpaStore) -> None:
    """
    A file that was imported to its end is looked at from its beginning again.
    """
    await store.add(FILE, await store.begin(FILE), [a_record(1)], 2)
    await store.finish(FILE)

    assert await store.begin(FILE) == Position()


async def test_another_file_in_between(store: SqlEpaStore) -> None:
    """
    An older file does not go on over a newer one: it would mix the two.
    """
    await store.add(FILE, await store.begin(FILE), [a_record(1)], 2)
    await store.begin(OTHER_FILE)

    assert await store.begin(FILE) == Position()


async def test_two_imports_at_once(store: SqlEpaStore) -> None:
    """
    The slower of two imports of one file stops, and writes nothing.
    """
    slow, fast = await store.begin(FILE), await store.begin(FILE)
    await store.add(FILE, fast, [a_record(1)], 2)

    with pytest.raises(ChangedMeanwhile, match="Another import"):
        await store.add(FILE, slow, [a_record(1, says="2.4"), a_record(2)], 3)

    assert await store.of_make("toyota", 2010) == [a_record(1).document]


async def test_an_import_that_another_file_replaced(store: SqlEpaStore) -> None:
    """
    An import that was given up elsewhere stops as well.
    """
    at = await store.begin(FILE)
    await store.begin(OTHER_FILE)

    with pytest.raises(ChangedMeanwhile):
        await store.add(FILE, at, [a_record(1)], 2)

    assert not await store.any()
