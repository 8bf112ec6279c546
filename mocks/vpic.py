"""
NHTSA's vPIC: VIN decoding and lists of makes and models, without a key.

https://vpic.nhtsa.dot.gov/api/

The wire is vPIC's, with its oddities: JSON only where it is asked for (XML otherwise), all values
as text and "" for what is not known, "Not Applicable" here and there, a `Count` that is none of
rows, 200 for VINs that are none, and makes that are found by a part of their name. Cars and
models are in `answers/vpic/`; a VIN of a car that is there may have another serial number.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mocks.scenarios import GOOD_KEY, Scenario, scenario_of

PREFIX = "/api/vehicles"
_FOLDER = Path(__file__).parent / "answers" / "vpic"

DONE = "Results returned successfully"
LISTED = "Response returned successfully"
DECODED = (
    f"{DONE}. NOTE: Any missing decoded values should be interpreted as NHTSA does not have data on"
    " the specific variable. Missing value should NOT be interpreted as an indication that a"
    " feature or technology is unavailable for a vehicle."
)
TEXTS = {
    0: "VIN decoded clean. Check Digit (9th position) is correct",
    1: "Check Digit (9th position) does not calculate properly",
    6: "Incomplete VIN",
    7: (
        "Manufacturer is not registered with NHTSA for sale or importation in the U.S. for use on"
        " U.S roads; Please contact the manufacturer directly for more information"
    ),
    8: "No detailed data available currently",
    11: "Incorrect Model Year - Position 10 does not match valid model year codes",
    400: "Invalid Characters Present",
}
"""0, 1, 7 and 400 as recorded, 6 in part; the wording of 8 and 11 is from general knowledge."""

# Names and numbers of `DecodeVin`; 29 is recorded, the others are from general knowledge. The real
# one has some 134.
_VARIABLES = (
    ("Suggested VIN", 142, "SuggestedVIN"),
    ("Error Code", 143, "ErrorCode"),
    ("Possible Values", 144, "PossibleValues"),
    ("Additional Error Text", 156, "AdditionalErrorText"),
    ("Error Text", 191, "ErrorText"),
    ("Vehicle Descriptor", 196, "VehicleDescriptor"),
    ("Make", 26, "Make"),
    ("Manufacturer Name", 27, "Manufacturer"),
    ("Model", 28, "Model"),
    ("Model Year", 29, "ModelYear"),
    ("Series", 34, "Series"),
    ("Trim", 38, "Trim"),
    ("Vehicle Type", 39, "VehicleType"),
    ("Plant Country", 75, "PlantCountry"),
    ("Body Class", 5, "BodyClass"),
    ("Doors", 14, "Doors"),
    ("Drive Type", 15, "DriveType"),
    ("Engine Number of Cylinders", 9, "EngineCylinders"),
    ("Displacement (CC)", 11, "DisplacementCC"),
    ("Displacement (L)", 13, "DisplacementL"),
    ("Fuel Type - Primary", 24, "FuelTypePrimary"),
    ("Transmission Style", 37, "TransmissionStyle"),
    ("Number of Seats", 33, "Seats"),
    ("Engine Brake (hp) From", 71, "EngineHP"),
)
VARIABLES_OF_THE_REAL_ONE = 134

_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
_YEAR = re.compile(r"[0-9]{4}")
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_YEAR_CODES = "ABCDEFGHJKLMNPRSTVWXY123456789"

Row = Mapping[str, object]


class NoSuchPath(Exception):
    """The path is that of no action."""


def routes(
    *, scenario: Callable[[str], Scenario] = scenario_of, delay: float = 60.0
) -> list[Route]:
    """Serve `/api/vehicles/...`; `delay` is how many seconds the slow scenario takes."""

    async def answered(request: Request) -> Response:
        match scenario(GOOD_KEY):  # there is no key to choose by
            case Scenario.refused:
                return HTMLResponse("<html><body><h1>403 Forbidden</h1></body></html>", 403)
            case Scenario.quota | Scenario.busy:  # there is no quota, only traffic control
                return JSONResponse({"message": "Too many requests."}, 429, {"Retry-After": "1"})
            case Scenario.down:
                return HTMLResponse("<html><body><h1>Service Unavailable</h1></body></html>", 503)
            case Scenario.nonsense:
                return HTMLResponse("<html><body><h1>It works!</h1></body></html>")
            case Scenario.slow:
                await anyio.sleep(delay)
            case Scenario.ok | Scenario.later:
                pass
        try:
            body = answer_to(request.path_params["path"])
        except NoSuchPath:
            # The real one repeats the address here.
            return JSONResponse(
                {
                    "message": "No HTTP resource was found that matches the request URI.",
                    "messageDetail": "No action was found on the controller 'Vehicles' that"
                    " matches the request.",
                },
                404,
            )
        if request.query_params.get("format", "").casefold() != "json":
            return Response(_as_xml(body), media_type="application/xml")
        return JSONResponse(body)

    return [Route(f"{PREFIX}/{{path:path}}", answered, methods=["GET"])]


def answer_to(path: str) -> dict[str, Any]:
    """The JSON that answers a path, in which case does not matter. Raises `NoSuchPath`."""
    steps = path.strip("/").split("/")
    match [steps[0].casefold(), *steps[1:]]:
        case ["decodevinvalues" | "decodevinvaluesextended", vin]:
            # The recorded `Count` of one row is that of the variables.
            said = f"VIN(s): {vin}"
            return _envelope([decoded(vin)], said, DECODED, count=VARIABLES_OF_THE_REAL_ONE)
        case ["decodevin" | "decodevinextended", vin]:
            return _envelope(_by_variable(decoded(vin)), f"VIN:{vin}", DECODED)
        case ["getallmakes"]:
            makes = {one["make"]: one["make_id"] for one in _read("models")["models"]}
            rows = [{"Make_ID": makes[name], "Make_Name": name} for name in sorted(makes)]
            return _envelope(rows, None, LISTED)
        case ["getmodelsformakeyear", word, make, other_word, year] if (
            word.casefold(),
            other_word.casefold(),
        ) == ("make", "modelyear") and _YEAR.fullmatch(year):
            said = f"Make:{make} | ModelYear:{year}"
            return _envelope(_models(make, int(year)), said, DONE)
    raise NoSuchPath


def decoded(vin: str) -> dict[str, str]:
    """The flat row of a VIN, of any VIN."""
    text = vin.strip().upper()
    data = _read("decoded")
    car: Mapping[str, str] = next((one for one in data["cars"] if _is_of(text, one["VIN"])), {})
    codes = _codes(text, known=bool(car), wmis={one["VIN"][:3] for one in data["cars"]})
    row: dict[str, str] = {**data["blank"], **car, "VIN": text}
    row["ErrorCode"] = ",".join(map(str, codes))
    row["ErrorText"] = "; ".join(f"{code} - {TEXTS[code]}" for code in codes)
    if 400 in codes:
        bad = "".join(f"{at}:{char}" for at, char in enumerate(text, 1) if not _is_vin_char(char))
        row["AdditionalErrorText"] = f"Invalid character(s): {bad}"
    return row


def _codes(text: str, *, known: bool, wmis: set[str]) -> Sequence[int]:
    codes = []
    if any(not _is_vin_char(char) for char in text):
        codes.append(400)
    if len(text) < 17:
        codes.append(6)
    elif len(text) == 17 and 400 not in codes:
        if text[9] not in _YEAR_CODES:
            codes.append(11)
        if text[8] != check_digit(text):
            codes.append(1)
    if not known:
        codes.append(8 if text[:3] in wmis else 7)
    return sorted(codes) or [0]


def check_digit(vin: str) -> str:
    """The ninth character that the others ask for (49 CFR 565.15)."""
    values = (int(char) if char.isdigit() else _LETTERS[char] for char in vin)
    rest = sum(value * weight for value, weight in zip(values, _WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def _is_of(vin: str, known: str) -> bool:
    """Whether two VINs are of one kind of car: all but the check digit and the serial number."""
    return len(vin) == 17 and (vin[:8], vin[9:11]) == (known[:8], known[9:11])


def _is_vin_char(char: str) -> bool:
    return char == "*" or char in _LETTERS or (char.isascii() and char.isdigit())


def _by_variable(row: Mapping[str, str]) -> list[Row]:
    # What is missing is null here, and "" in the flat form. `ValueId` is told for words from lists.
    return [
        {
            "Value": row[key] or None,
            "ValueId": row.get("MakeID", "") if key == "Make" else "" if row[key] else None,
            "Variable": name,
            "VariableId": number,
        }
        for name, number, key in _VARIABLES
    ]


def _models(make: str, year: int) -> list[Row]:
    return [
        {
            "Make_ID": one["make_id"],
            "Make_Name": one["make"],
            "Model_ID": one["model_id"],
            "Model_Name": one["model"],
        }
        for one in _read("models")["models"]
        if make.casefold() in one["make"].casefold()
        and one["first_year"] <= year <= one["last_year"]
    ]


def _envelope(
    rows: Sequence[Row], said: str | None, message: str, *, count: int | None = None
) -> dict[str, Any]:
    return {
        "Count": len(rows) if count is None else count,
        "Message": message,
        "SearchCriteria": said,
        "Results": rows,
    }


def _as_xml(body: Mapping[str, Any]) -> str:
    results = "".join(
        "<Result>"
        + "".join(f"<{key}>{escape(str(value or ''))}</{key}>" for key, value in row.items())
        + "</Result>"
        for row in body["Results"]
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Response><Count>{body['Count']}</Count><Message>{escape(body['Message'])}</Message>"
        f"<Results>{results}</Results>"
        f"<SearchCriteria>{escape(body['SearchCriteria'] or '')}</SearchCriteria></Response>"
    )


@cache
def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read
