"""
CarQuery 0.3, an open database of cars and their trims.

https://www.carqueryapi.com/documentation/api-usage/

It needs no key, but sends HTTP libraries away by their User-Agent, and callers that are too fast
with them. Its JSON may come wrapped in a function's call (JSONP), and its errors with status 200.
Everything that we show is in the answer of `getTrims` with all fields, so `getModel` is not asked:
it would be one more call for the same figures in US units.
"""

import asyncio
import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field, ValidationError

from carvalue.core.budget import seconds_left, time_budget
from carvalue.core.cars import Car, MakeModel, SpecsSheet, Trim
from carvalue.core.catalog import key_of, slug_of
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderRequestRefused,
    ProviderUnavailable,
    UnknownTrim,
)
from carvalue.providers.carquery_units import Record, Text, specs_from
from carvalue.providers.http import Answer, AnswerT, Channel, Refusal, fetch

PROVIDER = "carquery"
PAUSE = 1.5
"""Seconds between two calls; who asks faster is reported to be blocked."""
BLOCKED_FOR = 600
"""Seconds for which we stay away when CarQuery turns us away without saying for how long."""
MOST_TRIMS = 200
"""Trims of one car that are read."""

_JSONP = re.compile(rb"[\w.$?]*\s*\((.*)\)\s*;?", re.DOTALL)
_AFTER_A_MODEL = re.compile(r"(?<=.)(series|class)$")


class TurnedAway(ProviderUnavailable):
    """
    CarQuery answers 403: it dislikes our User-Agent, or how fast we ask.

    There is no key that could be refused. It passes, or another source may be asked meanwhile, but
    it does not pass in the seconds after which a call would be repeated.
    """

    def __init__(self, message: str, *, provider: str, retry_after: int | None = None) -> None:
        super().__init__(message, provider=provider, retry_after=retry_after or BLOCKED_FOR)


def meaning(refusal: Refusal) -> type[ProviderError] | None:
    return TurnedAway if refusal.status == 403 else None


class _Envelope(Answer):
    error: Any = None


class TrimsAnswer(_Envelope):
    """Answer of `getTrims`; records are read one by one, a broken one must not cost the others."""

    rows: Any = Field(None, alias="Trims")


class ModelsAnswer(_Envelope):
    """Answer of `getModels`."""

    rows: Any = Field(None, alias="Models")


class MakesAnswer(_Envelope):
    """Answer of `getMakes`."""

    rows: Any = Field(None, alias="Makes")


class _Years(Answer):
    min_year: int
    max_year: int


class YearsAnswer(_Envelope):
    """Answer of `getYears`: the first and the last, as text."""

    years: _Years | None = Field(None, alias="Years")


class _Model(Answer):
    model_name: Text = None


class _Make(Answer):
    make_id: Text = None
    make_display: Text = None


@dataclass(frozen=True, slots=True)
class Make:
    """A make as CarQuery names it; `make_id` is what it is asked by."""

    make_id: str
    name: str


class CarQuery:
    """SpecsSource backed by CarQuery's `getTrims`."""

    def __init__(
        self,
        channel: Channel,
        *,
        base_url: str = "https://www.carqueryapi.com/api/0.3/",
        user_agent: str,
        source: str = PROVIDER,
        pause: float = PAUSE,
    ) -> None:
        self._channel = replace(channel, meaning=meaning)
        self._url = f"{base_url.rstrip('/')}/"  # without the slash it redirects
        self._headers = {"User-Agent": user_agent}
        self.source = source
        self._pause = pause
        self._next_turn = 0.0
        self._names: dict[MakeModel, tuple[str, str]] = {}
        """What CarQuery calls a make and model that it does not call as the catalogue does."""

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        return trims_from(await self._records(make_model, year))

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        records = await self._records(car.make_model, car.year)
        return sheet_from(records, car.trim_id, source=self.source) if records else None

    async def check(self) -> None:
        """See whether CarQuery answers; nothing of it costs anything."""
        await self.years()

    async def years(self) -> range:
        """The model years that CarQuery knows of."""
        answer = await self._ask(YearsAnswer, "getYears")
        if answer.years is None:
            raise _unreadable()
        return range(answer.years.min_year, answer.years.max_year + 1)

    async def makes(self, year: int) -> list[Make]:
        rows = await self._rows(MakesAnswer, "getMakes", year=str(year))
        return [
            Make(one.make_id, one.make_display or one.make_id)
            for one in _read(_Make, rows)
            if one.make_id
        ]

    async def models(self, make_id: str, year: int) -> list[str]:
        """The names of a make's models."""
        rows = await self._rows(ModelsAnswer, "getModels", make=make_id, year=str(year))
        return [one.model_name for one in _read(_Model, rows) if one.model_name]

    async def _records(self, make_model: MakeModel, year: int) -> Sequence[Record]:
        """The trims of a car, by the catalogue's name, or else by CarQuery's own for it."""
        usual = slug_of(make_model.make), make_model.model
        name = self._names.get(make_model, usual)
        with time_budget(self._channel.seconds):
            if found := await self._trims(*name, year):
                return found
            other = await self._name(make_model, year)
            if other is None or other == name:
                return ()
            if found := await self._trims(*other, year):
                self._names[make_model] = other
            return found

    async def _trims(self, make_id: str, model: str, year: int) -> Sequence[Record]:
        rows = await self._rows(
            TrimsAnswer,
            "getTrims",
            make=make_id,
            model=model,
            year=str(year),
            full_results="1",
            sold_in_us="",  # wherever it was sold
        )
        return [
            one
            for one in _read(Record, rows[:MOST_TRIMS])
            # A filter that was not understood is one that was not applied.
            if one.model_year in (None, str(year))
        ]

    async def _name(self, make_model: MakeModel, year: int) -> tuple[str, str] | None:
        make_id = slug_of(make_model.make)
        models = await self.models(make_id, year)
        if not models:
            named = (one for one in await self.makes(year) if one.make_id != make_id)
            key = key_of(make_model.make)
            found = next((one for one in named if key in (key_of(one.name), one.make_id)), None)
            if found is None:
                return None
            make_id, models = found.make_id, await self.models(found.make_id, year)
        model = same_model(make_model, models)
        return (make_id, model) if model else None

    async def _rows(
        self, answer: type[TrimsAnswer | ModelsAnswer | MakesAnswer], cmd: str, **query: str
    ) -> list[Any]:
        rows = (await self._ask(answer, cmd, **query)).rows
        if isinstance(rows, dict):  # lists with gaps come as objects
            rows = list(rows.values())
        if not isinstance(rows, list):
            raise _unreadable()
        return rows

    async def _ask(self, answer: type[AnswerT], cmd: str, **query: str) -> AnswerT:
        await self._turn()
        read = await fetch(
            self._channel,
            answer,
            "GET",
            self._url,
            unwrap=unwrapped,
            headers=self._headers,
            params={"cmd": cmd, **query},
        )
        if isinstance(read, _Envelope) and read.error is not None:  # comes with status 200
            raise ProviderRequestRefused(
                "The provider does not accept the request.", provider=PROVIDER
            )
        return read

    async def _turn(self) -> None:
        """Wait for our turn, unless that takes longer than the call may."""
        now = time.monotonic()
        wait = max(0.0, self._next_turn - now)
        if wait and wait >= seconds_left(self._channel.seconds):
            raise ProviderBusy(
                "The provider takes no more calls at the same time.",
                provider=PROVIDER,
                retry_after=math.ceil(wait),
            )
        self._next_turn = now + wait + self._pause
        if wait:
            await asyncio.sleep(wait)


def unwrapped(body: bytes) -> bytes:
    """The JSON of an answer, which may stand in a call: `?({...});`."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    wrapped = _JSONP.fullmatch(text)
    return wrapped[1] if wrapped else text


def trims_from(records: Iterable[Record]) -> tuple[Trim, ...]:
    """
    The trims in CarQuery's order, each once.

    CarQuery has no default trim: it is the one that most is known of, of two such the older entry.
    """
    unique: dict[str, Record] = {}
    for one in records:
        unique.setdefault(one.model_id, one)
    default = min(unique.values(), key=_least_known, default=None)
    return tuple(
        Trim(one.model_id, one.model_trim, is_default=one is default) for one in unique.values()
    )


def sheet_from(records: Sequence[Record], trim_id: str | None, *, source: str) -> SpecsSheet:
    """The specs of the trim, or of the default one. Raises `UnknownTrim`."""
    trims = trims_from(records)
    wanted = trim_id or next(one.trim_id for one in trims if one.is_default)
    chosen = next((one for one in records if one.model_id == wanted), None)
    if chosen is None:
        raise UnknownTrim("The car does not come in this trim.")
    return SpecsSheet(trims=trims, specs=specs_from(chosen, source=source))


def same_model(make_model: MakeModel, names: Iterable[str]) -> str | None:
    """
    The one of CarQuery's names that means the catalogue's model; None if there is none, or two.

    Case, accents and punctuation do not count; then neither do the make before the name and
    "Series" or "Class" after it.
    """
    known = list(dict.fromkeys(names))
    model = make_model.model
    if same := [name for name in known if key_of(name) == key_of(model)]:
        return same[0]
    bare = _bare(make_model.make, model)
    alike = [name for name in known if _bare(make_model.make, name) == bare]
    return alike[0] if len(alike) == 1 else None


def _bare(make: str, model: str) -> str:
    key = key_of(model)
    return _AFTER_A_MODEL.sub("", key.removeprefix(key_of(make)) or key)


def _least_known(record: Record) -> tuple[int, int, str]:
    return -record.filled, len(record.model_id), record.model_id


def _read(row: type[AnswerT], rows: Sequence[object]) -> list[AnswerT]:
    """The rows that can be read. Raises `ProviderAnswerUnreadable` when there are only others."""
    read: list[AnswerT] = []
    for one in rows:
        try:
            read.append(row.model_validate(one))
        except ValidationError:
            continue
    if rows and not read:
        raise _unreadable()
    return read


def _unreadable() -> ProviderAnswerUnreadable:
    return ProviderAnswerUnreadable("The provider's answer cannot be read.", provider=PROVIDER)
