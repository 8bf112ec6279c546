"""
MarketCheck, what dealers in the US and in Canada ask for the cars on their lots.

https://docs.marketcheck.com/docs/api/cars/inventory/inventory-search

One call counts the listings of a car and sums up their prices; the listings stay there. Prices are
those of a band of miles, whatever the condition, which no listing tells. The key goes in the URL,
as MarketCheck wants it, so no error that knows the URL leaves this file.
"""

import contextlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from pydantic import Field

from carvalue.core.cars import Car, Specs
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
)
from carvalue.core.valuation import Basis, Price, PriceKind, Usage
from carvalue.providers.http import Answer, AnswerT, Channel, Refusal, fetch, reach

PROVIDER = "marketcheck"
BASE_URL = "https://api.marketcheck.com/v2"
SEARCH = "/search/car/active"
PREDICTION = "/predict/car/us/marketcheck_price"

CURRENCIES = {"US": "USD", "CA": "CAD"}
"""The markets that it knows, and what they pay in."""
PREDICTED_COUNTRY = "US"
MILEAGE_BAND = 10_000
ENOUGH = 5
"""With fewer priced listings than this the search is widened."""
HIGHEST_PRICE = 1_000_000_000

# Values must be spelt as they are indexed, or nothing is found. Which of these spellings is the
# indexed one is not documented; several in one parameter cost nothing.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "Fiat": ("Fiat", "FIAT"),
    "Infiniti": ("Infiniti", "INFINITI"),
    "Mini": ("MINI", "Mini"),
    "Ram": ("RAM", "Ram"),
    "smart": ("smart", "Smart"),
    "Mazda3": ("Mazda3", "MAZDA3"),
    "Mazda6": ("Mazda6", "MAZDA6"),
    "MX-5": ("MX-5 Miata", "MX-5"),
    "MX-5 Miata": ("MX-5 Miata", "MX-5"),
    "Town & Country": ("Town & Country", "Town and Country"),
    "4-Runner": ("4Runner", "4-Runner"),
}
LONGEST_TRIM = 30
"""Letters of a trim's name; "Limited Platinum Crew Cab" has 25."""

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def meaning(refusal: Refusal) -> type[ProviderError] | None:
    """
    A 429 is too many calls a second, or the month's calls used up; one text has served for both.

    https://docs.marketcheck.com/docs/get-started/api/rate-limit-headers
    """
    if refusal.status != 429:
        return None
    used_up = "quota" in refusal.message("message").casefold()
    if used_up or refusal.headers.get("quota-remaining", "").strip() == "0":
        return ProviderQuotaUsedUp
    return None  # how long we are to stay away tells


def meaning_of_prediction(refusal: Refusal) -> type[ProviderError] | None:
    # The search has just taken our key: this says that the plan lacks predictions. A refused key
    # would close the way to the prices, too.
    return ProviderRequestRefused if refusal.status in (401, 403) else meaning(refusal)


class _PriceStats(Answer):
    # Read one by one: with no listing at all a figure may be absent, null, or the text "NaN".
    count: Any = None
    min: Any = None
    median: Any = None
    max: Any = None
    mean: Any = None
    percentiles: Any = None


class _Stats(Answer):
    price: _PriceStats | None = None


class SearchAnswer(Answer):
    """Answer of `/search/car/active` with `stats=price`; listings without a price are counted."""

    num_found: int = Field(ge=0)
    stats: _Stats | None = None


class PredictionAnswer(Answer):
    """https://docs.marketcheck.com/docs/api/cars/market-insights/marketcheck-price"""

    marketcheck_price: Any = None


class MarketCheck:
    """
    Valuer backed by MarketCheck's active listings, and by its own model where a VIN is known.

    Trims are told apart where the user has chosen one. With a place, listings around it are looked
    at, within `radius` miles; a `zip` is a place in the US.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        base_url: str = BASE_URL,
        api_key: str,
        source: str = PROVIDER,
        mileage_band: int = MILEAGE_BAND,
        predict: bool = True,
        dealer_type: str = "franchise",
        zip: str | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        radius: int | None = None,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._channel = replace(channel, meaning=meaning)
        self._prediction_channel = replace(channel, meaning=meaning_of_prediction)
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self.source = source
        self.mileage_band = mileage_band
        self._predict = predict
        self._dealer_type = dealer_type
        self._zip = zip
        self._point = (latitude, longitude)
        self._radius = radius
        self._today = today

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        if country not in CURRENCIES:
            return None
        cars = cars_like(car, _trim_of(car, specs), mileage_band(usage.miles, self.mileage_band))
        price = await self._price(cars, country)
        if price is None or country != PREDICTED_COUNTRY or not self._predict:
            return price
        return replace(price, predicted=await self._predicted(usage, vin or ""))

    async def check(self) -> None:
        """
        See whether MarketCheck can be reached. Every call with a key is billed, so it goes without
        one; that it is refused for it is an answer. Whether the key is good is not seen.
        """
        with contextlib.suppress(ProviderKeyRefused):
            await reach(self._channel, f"{self._base_url}{SEARCH}")

    async def _price(self, cars: Sequence[Mapping[str, str]], country: str) -> Price | None:
        """The first of these searches that finds enough, or the one that finds most."""
        best: Price | None = None
        for query in cars:
            try:
                answer = await self._ask(
                    self._channel,
                    SearchAnswer,
                    SEARCH,
                    append_api_key="false",  # else links in the answer hold it
                    car_type="used",
                    country=country,
                    rows="0",
                    stats="price,miles",
                    **query,
                    **self._around(country),
                )
                price = price_from(answer, currency=CURRENCIES[country])
                if price is not None:
                    basis = Basis.same_trim if "trim" in query else Basis.same_year
                    price = replace(price, basis=basis, as_of=self._today())
            except ProviderError:
                if best is None:
                    raise
                return best  # few listings, but paid for
            best = max(filter(None, (price, best)), key=_listings, default=None)
            if best is not None and _listings(best) >= ENOUGH:
                break
        return best

    async def _predicted(self, usage: Usage, vin: str) -> int | None:
        if not _VIN.fullmatch(vin.upper()):
            return None
        # A parameter that it does not know is refused here, so there is no append_api_key.
        query = {"vin": vin.upper(), "miles": str(usage.miles), "dealer_type": self._dealer_type}
        if self._zip:
            query["zip"] = self._zip
        try:
            answer = await self._ask(
                self._prediction_channel, PredictionAnswer, PREDICTION, **query
            )
        except ProviderError:
            return None  # the prices are known all the same
        return predicted_from(answer)

    async def _ask(
        self, channel: Channel, answer: type[AnswerT], path: str, **query: str
    ) -> AnswerT:
        params = {"api_key": self._api_key, **query}
        try:
            return await fetch(
                channel, answer, "GET", f"{self._base_url}{path}", cost=1, params=params
            )
        except ProviderError as error:
            raise error from None  # the cause may know the URL, and with it the key

    def _around(self, country: str) -> dict[str, str]:
        place: dict[str, str] = {}
        latitude, longitude = self._point
        if self._zip and country == PREDICTED_COUNTRY:
            place = {"zip": self._zip}
        elif latitude is not None and longitude is not None:
            place = {"latitude": str(latitude), "longitude": str(longitude)}
        if place and self._radius is not None:
            place["radius"] = str(self._radius)
        return place


def mileage_band(miles: int, width: int) -> str:
    """The band that the miles lie in; its edges are multiples of its width."""
    low = miles // width * width
    return f"{low}-{low + width}"


def _trim_of(car: Car, specs: Specs | None) -> str | None:
    """
    The chosen trim's name, if it is one; each name that MarketCheck does not know costs a call.

    "LE" is a name, "Executive 4dr Sedan (2.0L 4cyl Turbo 6AM)" a description.
    """
    if specs is None or car.trim_id is None:
        return None
    name = specs.trim_name or ""
    return name if 0 < len(name) <= LONGEST_TRIM and "(" not in name and "," not in name else None


def cars_like(car: Car, trim: str | None, miles: str) -> Sequence[dict[str, str]]:
    """
    What to search for, from the likest cars to those that have little more than the name.

    A trim that MarketCheck spells otherwise finds nothing, so it is the first thing to go.
    """
    any_miles = {
        "year": str(car.year),
        "make": _spelt(car.make_model.make),
        "model": _spelt(car.make_model.model),
    }
    any_trim = any_miles | {"miles_range": miles}
    if trim is None:
        return (any_trim, any_miles)
    return (any_trim | {"trim": trim}, any_trim, any_miles)


def price_from(answer: SearchAnswer, *, currency: str) -> Price | None:
    """
    The price of the listings; None when none has one.

    The typical range is that of the middle half, from the 25th percentile to the 75th. Raises
    `ProviderAnswerUnreadable` when some figures are missing or contradict each other.
    """
    stats = answer.stats.price if answer.stats else None
    if stats is None or (count := _whole(stats.count)) == 0:
        return None
    figures = (stats.min, stats.median, stats.max, stats.mean)
    if count is None and all(figure is None for figure in figures):
        return None
    low, median, high, mean = map(_whole, figures)
    if low is None or median is None or high is None or mean is None:
        raise ProviderAnswerUnreadable("The price is incomplete.", provider=PROVIDER)
    if not (low <= median <= high and low <= mean <= high and median):
        raise ProviderAnswerUnreadable("The price contradicts itself.", provider=PROVIDER)
    typical_low, typical_high = _middle_half(stats, low, median, high)
    return Price(
        currency=currency,
        min=low,
        median=median,
        max=high,
        mean=mean,
        typical_low=typical_low,
        typical_high=typical_high,
        typical_percent=None if typical_low is None else 50,
        comparables=count,
        kind=PriceKind.retail,  # dealers' listings
    )


def predicted_from(answer: PredictionAnswer) -> int | None:
    return _whole(answer.marketcheck_price) or None


def _spelt(name: str) -> str:
    return ",".join(SPELLINGS.get(name, (name,)))


def _listings(price: Price) -> int:
    """How many listings a price stands on; one that does not say stands on enough."""
    return ENOUGH if price.comparables is None else price.comparables


def _middle_half(
    stats: _PriceStats, low: int, median: int, high: int
) -> tuple[int, int] | tuple[None, None]:
    """From the 25th percentile to the 75th; None where it is not told, or cannot be."""
    found = stats.percentiles if isinstance(stats.percentiles, Mapping) else {}
    first, last = (_whole(found.get(f"{n}.0", found.get(f"{n}"))) for n in (25, 75))
    if first is None or last is None or not low <= first <= median <= last <= high:
        return None, None
    return first, last


def _whole(value: object) -> int | None:
    """A number of 0 or more, rounded; MarketCheck has some in quotes. None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:40] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return round(number) if math.isfinite(number) and 0 <= number <= HIGHEST_PRICE else None
