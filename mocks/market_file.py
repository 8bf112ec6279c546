"""
The made-up market of `mocks.market` as a file of listings, as a dealer would have it.
"""

import csv
from datetime import date, timedelta
from pathlib import Path

from mocks.cars import known_cars
from mocks.market import TODAY, listings

COLUMNS = ("Id", "Make", "Model", "Year", "Miles", "Trim", "Condition", "Price", "Date")
LAST_DAY = date(TODAY, 12, 31)
DAYS = 120
"""Days over which the listings were made."""


def write(path: Path, *, last_day: date = LAST_DAY) -> int:
    """Write the file; tells how many listings it has. The same every time, but for its days."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for car in known_cars():
            trim = car.specs["model_trim"] or ""
            for number, offer in enumerate(listings(car.model_id)):
                day = last_day - timedelta(days=number * 17 % DAYS)
                row = (car.make, car.model, offer.year, offer.mileage, trim, offer.condition)
                writer.writerow([f"{car.model_id}-{number}", *row, offer.price, day.isoformat()])
                count += 1
    return count
