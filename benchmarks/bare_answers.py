"""
What the service is measured against where it shows an appraisal: FastAPI with the same answer.

`python -m benchmarks.bare_answers PORT`: no key, no limits, no log. `SHOWN` in the environment
names a file with an appraisal as the service shows it, and `KEPT` the URL of a database in which
one row is read and written. It stops when its input ends.
"""

import asyncio
import os
import sys
from functools import cache
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy import update

from benchmarks.peers.ending import end_with_input
from carvalue.storage.api_keys import THE_ONE, server_secret
from carvalue.storage.database import Database
from carvalue.storage.key_tables import ServerSecretRow
from carvalue.web import car_schemas, inputs, schemas

app = FastAPI()


@cache
def known() -> schemas.Appraisal:
    return schemas.Appraisal.model_validate_json(Path(os.environ["SHOWN"]).read_bytes())


@app.get("/v1/appraisals/{id}")
async def shown(id: str) -> schemas.Appraisal:
    """An appraisal that is there."""
    return known()


@app.put("/v1/appraisals/{id}/car")
async def confirmed(id: str, choice: inputs.CarConfirm) -> schemas.Appraisal:
    """The same, for a body."""
    return known()


@app.post("/v1/appraisals/{id}/valuations")
async def priced(id: str, usage: inputs.ValuationCreate) -> car_schemas.Valuation:
    """Its valuation."""
    valuation = known().valuation
    assert valuation is not None  # noqa: S101 - it was shown
    return valuation


@cache
def opened() -> Database:
    return Database(os.environ["KEPT"])


@app.get("/v1/kept/{reads}/{writes}")
async def kept(reads: int, writes: int) -> schemas.Appraisal:
    """An appraisal, after as many transactions of one row as the service has for the same."""
    for _ in range(reads):
        await opened().read(lambda session: session.get(ServerSecretRow, THE_ONE))
    for _ in range(writes):
        await opened().write(
            lambda session: session.connection().execute(
                update(ServerSecretRow).values(secret=ServerSecretRow.secret)
            )
        )
    return known()


if __name__ == "__main__":
    end_with_input()
    asyncio.run(server_secret(opened()))  # the row
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False)
