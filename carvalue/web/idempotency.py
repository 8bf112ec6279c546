"""
`Idempotency-Key`: the same request twice does its work once.

A key stands for everything that is asked for: the path, the fields and the photos' bytes. What
failed is not kept, so a request that was refused can be mended and sent again.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Header, Response

from carvalue.core.appraisal import Appraisal
from carvalue.core.appraiser import Appraiser
from carvalue.core.callers import Caller
from carvalue.core.errors import (
    AppraisalDeleted,
    AppraisalNotFound,
    IdempotencyInProgress,
    MalformedKey,
)
from carvalue.core.ports import AppraisalStore
from carvalue.core.request_keys import RequestKey

_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_PLAIN = re.compile(r"[\x21\x23-\x7e]+")
_LONGEST = 255


async def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=600,
            description="Chosen by the caller, new for each thing to do, best a UUID; in quotes "
            "or without. The same request with the same key does its work once, for 24 hours.",
        ),
    ] = None,
) -> str | None:
    """The key, without quotes. Raises `MalformedKey`."""
    if idempotency_key is None:
        return None
    text = idempotency_key.strip()
    if quoted := _QUOTED.fullmatch(text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif not _PLAIN.fullmatch(text):
        text = ""
    if not 0 < len(text) <= _LONGEST:
        raise MalformedKey("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return text


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]


def request_key(
    key: str | None, caller: Caller, operation: str, *asked: object, photos: tuple[bytes, ...] = ()
) -> RequestKey | None:
    """The key of a caller's request; None where it gave none. `asked` is what it asks for."""
    if key is None:
        return None
    digests = [hashlib.sha256(photo).hexdigest() for photo in photos]
    told = json.dumps([*asked, *digests], default=str)
    return RequestKey(caller.owner, operation, key, hashlib.sha256(told.encode()).hexdigest())


class InProgress:
    """The requests of this process that are being read; a second one is told to come back."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str, str]] = set()

    @asynccontextmanager
    async def reading(self, key: RequestKey | None) -> AsyncIterator[None]:
        """Within the block the request is being read. Raises `IdempotencyInProgress`."""
        if key is None:
            yield
            return
        who = (key.caller, key.operation, key.key)
        if who in self._keys:
            raise IdempotencyInProgress("The same request is being read.")
        self._keys.add(who)
        try:
            yield
        finally:
            self._keys.discard(who)


async def made_before(
    store: AppraisalStore, key: RequestKey | None, response: Response
) -> str | None:
    """
    The id of what the same request has made before, which the answer then says.

    Raises `IdempotencyKeyReused`.
    """
    id = await store.resource(key) if key else None
    if id is not None:
        response.headers["Idempotent-Replayed"] = "true"
    return id


async def as_it_is_now(appraiser: Appraiser, id: str, wait: float, response: Response) -> Appraisal:
    """The appraisal that a request has made; raises `AppraisalDeleted` if that was long ago."""
    try:
        return await appraiser.settled(id, wait)
    except AppraisalNotFound as error:
        if "Idempotent-Replayed" in response.headers:
            raise AppraisalDeleted("The appraisal was deleted.") from error
        raise
