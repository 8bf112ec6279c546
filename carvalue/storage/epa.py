"""
Keeps the EPA's records, and how far an import of them has come.

An import writes some thousand records at a time and, in the same transaction, the line that it has
come to. Killed between two of them and run again, it goes on from that line. Two imports at once
cannot mix: the one whose position has changed behind its back stops.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from sqlalchemy import Update, bindparam, delete, insert, update
from sqlmodel import Session, col, select

from carvalue.core.errors import ChangedMeanwhile
from carvalue.storage.database import Database
from carvalue.storage.tables import EpaImportRow, EpaVehicleRow


@dataclass(frozen=True, slots=True)
class EpaRecord:
    """A record as it is kept: its keys for looking it up, and all of it as JSON."""

    id: int
    make_key: str
    model_key: str
    base_key: str | None
    year: int
    document: str


@dataclass(frozen=True, slots=True)
class Position:
    """The last line of a file that is dealt with, and what became of the records up to there."""

    line: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0


class SqlEpaStore:
    """EpaRows in a SQL database, and the import into it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_make(self, make_key: str, year: int) -> Sequence[str]:
        """The documents of a make's records in a model year, by id."""
        query = (
            select(EpaVehicleRow.document)
            .where(EpaVehicleRow.make_key == make_key, EpaVehicleRow.year == year)
            .order_by(col(EpaVehicleRow.id))
        )
        return await self._database.read(lambda session: session.exec(query).all())

    async def any(self) -> bool:
        def read(session: Session) -> bool:
            return session.exec(select(EpaVehicleRow.id).limit(1)).first() is not None

        return await self._database.read(read)

    async def begin(self, file_hash: str) -> Position:
        """Where the import of this file broke off; those of other files are given up."""

        def write(session: Session) -> Position:
            given_up = col(EpaImportRow.file_hash) != file_hash
            session.connection().execute(delete(EpaImportRow).where(given_up))
            row = session.get(EpaImportRow, file_hash)
            if row is None:
                session.add(EpaImportRow(file_hash=file_hash, **asdict(Position())))
                return Position()
            return Position(row.line, row.new, row.changed, row.unchanged)

        return await self._database.write(write)

    async def add(
        self, file_hash: str, position: Position, records: Sequence[EpaRecord], line: int
    ) -> Position:
        """
        Keep the records between `position` and `line`; each id at most once among them.

        Raises `ChangedMeanwhile` when the import of this file is no longer at this position.
        """

        def write(session: Session) -> Position:
            new, changed = _sorted_out(session, records)
            connection = session.connection()
            if new:
                connection.execute(insert(EpaVehicleRow), new)
            if changed:
                values = [{**row, "row_id": row["id"]} for row in changed]
                this = col(EpaVehicleRow.id) == bindparam("row_id")
                connection.execute(update(EpaVehicleRow).where(this), values)
            reached = Position(
                line,
                position.new + len(new),
                position.changed + len(changed),
                position.unchanged + len(records) - len(new) - len(changed),
            )
            moved = connection.execute(_at(file_hash, position).values(**asdict(reached)))
            if moved.rowcount == 0:
                raise ChangedMeanwhile("Another import is running; let it end, then try again.")
            return reached

        return await self._database.write(write)

    async def finish(self, file_hash: str) -> None:
        """The file is imported: the next import of it begins at its first line."""
        done = delete(EpaImportRow).where(col(EpaImportRow.file_hash) == file_hash)
        await self._database.write(lambda session: session.connection().execute(done))


def _at(file_hash: str, position: Position) -> Update:
    return update(EpaImportRow).where(
        col(EpaImportRow.file_hash) == file_hash, col(EpaImportRow.line) == position.line
    )


def _sorted_out(
    session: Session, records: Sequence[EpaRecord]
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The rows that are not there yet, and those that are there with another content."""
    ids = [record.id for record in records]
    known = select(EpaVehicleRow.id, EpaVehicleRow.content_hash).where(
        col(EpaVehicleRow.id).in_(ids)
    )
    hashes = dict(session.exec(known).all())
    new, changed = [], []
    for record in records:
        digest = sha256(record.document.encode()).hexdigest()
        row = {**asdict(record), "content_hash": digest}
        if record.id not in hashes:
            new.append(row)
        elif hashes[record.id] != digest:
            changed.append(row)
    return new, changed
