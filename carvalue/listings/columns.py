"""
Which column of a file says what.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from carvalue.core.catalog import key_of
from carvalue.core.errors import CarvalueError
from carvalue.core.valuation import MileageUnit

KNOWN = {
    "make": ("make", "brand", "manufacturer", "carmake", "marke", "marque", "marca", "makename"),
    "model": ("model", "carmodel", "modelname", "modell", "modele", "modelo"),
    "year": ("year", "modelyear", "yearofmanufacture", "productionyear", "baujahr", "annee", "ano"),
    "mileage": (
        "km", "kms", "mileage", "mileagekm", "miles", "mileagemi", "odometer", "kilometers",
        "kilometres", "kmdriven", "kilometerstand", "kilometrage", "odometerkm", "odometermiles",
    ),
    "trim": (
        "trim", "category", "trimname", "version", "variant", "class", "grade", "ausstattung",
        "modeltrim",
    ),
    "price": ("price", "askingprice", "listprice", "preis", "prix", "precio", "sellingprice"),
    "date": (
        "date", "listed", "listedon", "listedat", "datelisted", "listingdate", "posted", "postedon",
        "postingdate", "created", "createdat", "dateposted", "datedisplayed", "datum", "lastseen",
    ),
    "id": ("id", "listingid", "adid", "reference", "ref", "stockid", "stocknumber", "advertid"),
}  # fmt: skip
"""How columns are called where no setting says it, by key; the first that is there counts."""
NEEDED = ("make", "model", "year", "price")
_MILES = frozenset({"miles", "mileagemi", "odometermiles"})
_KM = frozenset(
    {"km", "kms", "mileagekm", "kilometers", "kilometres", "kmdriven", "kilometerstand"}
    | {"kilometrage", "odometerkm"}
)


class ListingsUnreadable(CarvalueError):
    """A file of listings cannot be used; the message says why, and nothing was changed."""

    code = "listings-unreadable"


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """What the settings call the columns; None is guessed."""

    make: str | None = None
    model: str | None = None
    year: str | None = None
    mileage: str | None = None
    trim: str | None = None
    price: str | None = None
    date: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row each thing stands; None where the file does not say it."""

    make: int
    model: int
    year: int
    price: int
    mileage: int | None = None
    trim: int | None = None
    date: int | None = None
    id: int | None = None
    unit: MileageUnit | None = None
    """What the header says that the mileage is counted in."""


def found_columns(header: Sequence[str], named: ColumnNames) -> Columns:
    """
    The columns of a file with this header.

    Raises `ListingsUnreadable` when one that is needed or named is not there, or is there twice.
    """
    keys = [key_of(name) for name in header]
    places: dict[str, int | None] = {}
    for one in fields(ColumnNames):
        wanted = getattr(named, one.name)
        candidates = (key_of(wanted),) if wanted else KNOWN[one.name]
        place = next((keys.index(key) for key in candidates if key in keys), None)
        if place is not None and keys.count(keys[place]) > 1:
            raise ListingsUnreadable(f"The column for the {one.name} is there twice.")
        if place is None and wanted:
            raise ListingsUnreadable(
                f"The file has no column that is called as the settings say for the {one.name}."
            )
        places[one.name] = place
    missing = [name for name in NEEDED if places[name] is None]
    if missing:
        raise ListingsUnreadable(
            f"The file has no column for: {', '.join(missing)}. Its first line must name the "
            "columns; CARVALUE_LISTINGS__MAKE_COLUMN and the like say which is which."
        )
    at = places["mileage"]
    unit = None
    if at is not None and keys[at] in _MILES | _KM:
        unit = MileageUnit.mi if keys[at] in _MILES else MileageUnit.km
    return Columns(**places, unit=unit)  # type: ignore[arg-type]  # the needed ones are there
