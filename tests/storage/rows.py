"""
The rows of a database as a file, one a line: what an older version has written, for the tests.

    python -m tests.storage.rows sqlite:///carvalue.db > tests/storage/revisions/0003.json
"""

import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, select

FOLDER = Path(__file__).parent / "revisions"
BYTES = "base64:"


def insert_rows(connection: Connection, revision: str) -> None:
    """Write what a version of this revision wrote, into tables of this revision."""
    tables = MetaData()
    tables.reflect(connection)
    rows = json.loads((FOLDER / f"{revision}.json").read_text("utf-8"))
    for table in tables.sorted_tables:
        for row in rows.get(table.name, ()):
            values = {
                name: table.c[name].type.python_type.fromisoformat(value)
                if hasattr(table.c[name].type.python_type, "fromisoformat")
                else _read(value)
                for name, value in row.items()
            }
            connection.execute(table.insert().values(values))


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, str) and value.startswith(BYTES):
        return b64decode(value.removeprefix(BYTES))
    return value


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return BYTES + b64encode(value).decode()
    if name == "document":
        return json.loads(value)
    return value if value is None or isinstance(value, str | int | float) else value.isoformat()


def _dump(url: str) -> str:
    tables = MetaData()
    engine = create_engine(url)
    with engine.connect() as connection:
        tables.reflect(connection)
        lines = []
        for table in tables.sorted_tables:
            found = connection.execute(select(table)).mappings().all()
            rows = [json.dumps({k: _shown(k, v) for k, v in row.items()}) for row in found]
            if rows and table.name != "alembic_version":
                lines.append(f'"{table.name}": [\n' + ",\n".join(rows) + "\n]")
    engine.dispose()
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    print(_dump(sys.argv[1]))
