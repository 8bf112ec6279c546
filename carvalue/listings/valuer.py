"""
The valuer `listings`: prices from asking prices that a team has imported.

Nobody is asked over the network. What is read, the store and the model, is read anew when an
import or a training has put other files in their place.
"""

import asyncio
import threading
from pathlib import Path

from carvalue.core.cars import Car, Specs
from carvalue.core.catalog import key_of
from carvalue.core.errors import ProviderUnavailable, StoreUnavailable
from carvalue.core.valuation import KM_PER_MILE, MileageUnit, Price, Usage
from carvalue.listings.model_file import NAME, load_model
from carvalue.listings.naming import Naming
from carvalue.listings.pricing import Wanted, price_of
from carvalue.listings.rows import UNKNOWN
from carvalue.listings.store import Reader
from carvalue.listings.training import Model

PROVIDER = "listings"


class ListingsValuer:
    """Valuer of the cars of one country, in its currency. Conditions are not told by listings."""

    mileage_band = 1

    def __init__(
        self,
        folder: Path,
        *,
        currency: str,
        country: str | None = None,
        source: str = PROVIDER,
    ) -> None:
        self.source = source
        self._folder = folder
        self._currency = currency
        self._country = country
        self._lock = threading.Lock()
        self._opened: tuple[Reader, Model, int] | None = None

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        if self._country not in (None, country):
            return None
        return await asyncio.to_thread(self._value, car, specs, usage)

    async def check(self) -> None:
        await asyncio.to_thread(self._current)

    def close(self) -> None:
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None

    def _value(self, car: Car, specs: Specs | None, usage: Usage) -> Price | None:
        listings, model = self._current()
        of = car.make_model
        naming = Naming(of.make_id, of.make, of.model_id, of.model, "", True)
        trim = listings.number_of_trim(key_of(specs.trim_name or "") if specs else "")
        number = listings.number_of_car(of.model_id)
        km = usage.mileage
        if usage.mileage_unit is MileageUnit.mi:
            km = round(km * KM_PER_MILE)
        wanted = Wanted(
            naming,
            UNKNOWN if number is None else number,
            UNKNOWN if trim is None else trim,
            car.year,
            km,
        )
        try:
            return price_of(wanted, listings, model, currency=self._currency)
        except StoreUnavailable as error:
            raise ProviderUnavailable(str(error), provider=PROVIDER) from error

    def _current(self) -> tuple[Reader, Model]:
        """The store and the model as they are now. Raises `ProviderUnavailable`."""
        with self._lock:
            try:
                learnt = _changed_at(self._folder / NAME)
                if self._opened is not None:
                    reader, model, known = self._opened
                    if known == learnt and reader.is_current(self._folder):
                        return reader, model
                # The old reader is closed when the last who reads with it has let it go.
                model = load_model(self._folder)
                self._opened = Reader(self._folder), model, learnt
                return self._opened[0], model
            except StoreUnavailable as error:
                raise ProviderUnavailable(str(error), provider=PROVIDER) from error


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
