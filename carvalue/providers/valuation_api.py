"""
The valuation API of the article that this product started from.

POST model_id, mileage and condition; min, median, max and mean come back, in US dollars. They are
raw asking prices: the article's own example has a maximum of 849,995 beside a median of 7,995.
The article gives the bodies only: path (`/valuation`), Bearer key, statuses, and that the mileage
is in miles, are our choice. So is what an API may say beside its four figures: what they stand
on, what the median is made of, and what the car costs in other kinds of sale.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import Field

from carvalue.core.cars import Car, Specs
from carvalue.core.errors import ProviderAnswerUnreadable
from carvalue.core.valuation import (
    Adjustments,
    Basis,
    Condition,
    KindOfPrice,
    Price,
    PriceKind,
    Usage,
)
from carvalue.providers.http import Answer, Channel, JsonEndpoint

PROVIDER = "valuation_api"
CURRENCY = "USD"
COUNTRY = "US"
"""The one market that it knows: the article's figures are in US dollars."""
HIGHEST_PRICE = 1_000_000_000
# Strict: true is no dollar, and a figure in quotes is none.
Dollars = Annotated[int, Field(strict=True, ge=0, le=HIGHEST_PRICE)]

WORDS = {
    Condition.excellent: "excellent",
    Condition.very_good: "very good",
    Condition.good: "good",
    Condition.fair: "fair",
    Condition.poor: "poor",
}


Difference = Annotated[int, Field(strict=True, ge=-HIGHEST_PRICE, le=HIGHEST_PRICE)]


class Figures(Answer):
    """Whole dollars; all null when there are no listings."""

    min: Dollars | None = None
    median: Dollars | None = None
    max: Dollars | None = None
    mean: Dollars | None = None


class Parts(Answer):
    """What the median is made of, and adds up to."""

    base: Dollars
    mileage: Difference = 0
    condition: Difference = 0
    region: Difference = 0


class ValuationAnswer(Figures):
    """The four figures, and what an API may add to them."""

    kind: PriceKind | None = None
    count: Annotated[int, Field(strict=True, ge=0)] | None = None
    as_of: date | None = None
    basis: Basis | None = None
    typical_low: Dollars | None = None
    typical_high: Dollars | None = None
    typical_percent: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    adjustments: Parts | None = None
    trade_in: Figures | None = None
    private_party: Figures | None = None
    retail: Figures | None = None


class ValuationApi:
    """Valuer backed by the article's valuation API. It knows cars by the specs API's ids only."""

    mileage_band = 1_000
    """Miles within which the price of the one asked for first is given to the others too."""

    def __init__(
        self, channel: Channel, *, base_url: str, api_key: str, source: str = PROVIDER
    ) -> None:
        url = f"{base_url.rstrip('/')}/valuation"
        self._endpoint = JsonEndpoint(channel, url, api_key)
        self.source = source

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        if specs is None or country != COUNTRY:
            return None
        body = {
            "model_id": specs.trim_id,
            "mileage": usage.miles,
            "condition": WORDS[usage.condition],
        }
        answer = await self._endpoint.ask(ValuationAnswer, body)
        if answer is None:
            return None
        return price_from(answer)

    async def check(self) -> None:
        await self._endpoint.check()


def price_from(answer: ValuationAnswer) -> Price | None:
    """
    The price as the API gave it; None when it knows of no listings.

    Raises `ProviderAnswerUnreadable` when some figures are missing or contradict each other.
    """
    told = _figures(answer)
    if told is None or answer.count == 0:
        return None
    low, median, high, mean = told
    first, last = answer.typical_low, answer.typical_high
    if (first is None) != (last is None):
        raise ProviderAnswerUnreadable("The typical range is incomplete.", provider=PROVIDER)
    if first is not None and last is not None and not first <= median <= last:
        raise _contradiction()
    parts = Adjustments(**answer.adjustments.model_dump()) if answer.adjustments else None
    if parts is not None and parts.total != median:
        raise _contradiction()
    return Price(
        currency=CURRENCY,
        min=low,
        median=median,
        max=high,
        mean=mean,
        typical_low=first,
        typical_high=last,
        typical_percent=answer.typical_percent,
        comparables=answer.count,
        basis=answer.basis,
        as_of=answer.as_of,
        adjustments=parts,
        kind=answer.kind,
        other_kinds=tuple(_others(answer)),
    )


def _others(answer: ValuationAnswer) -> Iterator[KindOfPrice]:
    of_kinds = {
        PriceKind.trade_in: answer.trade_in,
        PriceKind.private_party: answer.private_party,
        PriceKind.retail: answer.retail,
    }
    for kind, figures in of_kinds.items():
        told = _figures(figures) if figures is not None and kind is not answer.kind else None
        if told is not None:
            low, median, high, mean = told
            yield KindOfPrice(kind, min=low, median=median, max=high, mean=mean)


def _figures(answer: Figures) -> tuple[int, int, int, int] | None:
    low, median, high, mean = answer.min, answer.median, answer.max, answer.mean
    if low is None and median is None and high is None and mean is None:
        return None
    if low is None or median is None or high is None or mean is None:
        raise ProviderAnswerUnreadable("The price is incomplete.", provider=PROVIDER)
    if not (low <= median <= high and low <= mean <= high):
        raise _contradiction()
    return low, median, high, mean


def _contradiction() -> ProviderAnswerUnreadable:
    return ProviderAnswerUnreadable("The price contradicts itself.", provider=PROVIDER)
