import sqlite3
from collections.abc import Iterator
from importlib.resources import as_file, files
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mocks.cars import KnownCar, known_cars
from mocks.specs_api import routes

pytestmark = pytest.mark.anyio


COROLLA = {"make": "Toyota", "model": "Corolla", "year": 2010, "upgrades": []}

# As printed in the article.
COROLLA_SPECS = {
    "model_id": "45963",
    "model_name": "Corolla",
    "model_trim": "LE",
    "model_year": "2010",
    "model_body": "Sedan",
    "model_engine_position": "Front",
    "model_engine_cc": "1800",
    "model_engine_cyl": "4",
    "model_engine_fuel": "Gasoline",
    "model_drive": "Front",
    "model_transmission_type": "Automatic",
    "model_seats": "5",
    "model_doors": "4",
    "model_weight_kg": "1245",
    "model_length_mm": "4539",
    "model_width_mm": "1760",
    "model_height_mm": "1466",
    "model_wheelbase_mm": "2601",
    "model_lkm_hwy": "6.9",
    "model_lkm_city": "9.0",
    "model_fuel_cap_l": "50",
    "model_mpg_hwy": "34",
    "model_mpg_city": "26",
    "model_mpg_mixed": None,
    "make_display": "Toyota",
    "make_country": "Japan",
}

PLAUSIBLE = {
    "model_year": (1990, 2022),
    "model_engine_cc": (600, 8500),
    "model_engine_cyl": (2, 12),
    "model_seats": (2, 9),
    "model_doors": (2, 5),
    "model_weight_kg": (750, 3000),
    "model_length_mm": (2600, 6000),
    "model_width_mm": (1500, 2100),
    "model_height_mm": (1150, 2050),
    "model_wheelbase_mm": (1800, 4000),
    "model_lkm_hwy": (4, 17),
    "model_lkm_city": (4, 20),
    "model_fuel_cap_l": (30, 165),
    "model_mpg_hwy": (14, 60),
    "model_mpg_city": (11, 60),
    "model_mpg_mixed": (12, 60),
}


def client(key: str = "mock") -> httpx.AsyncClient:
    app = Starlette(routes=routes(delay=0.01))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://mocks",
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )


async def ask(body: Any = COROLLA, *, key: str = "mock") -> httpx.Response:
    async with client(key) as http:
        return await http.post("/specs", json=body)


def name_of(car: KnownCar) -> str:
    return f"{car.make} {car.model} {car.year}"


def complaint(response: httpx.Response) -> str:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    return str(body["error"]["code"])


async def test_the_articles_corolla() -> None:
    """
    The article's question gets the article's answer, key for key in its order.
    """
    response = await ask()

    assert response.status_code == 200
    assert list(response.json().items()) == list(COROLLA_SPECS.items())


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("toyota", "COROLLA", "Corolla"),
        ("Ford", "f150", "F-150"),
        ("mercedes benz", "c class", "C-Class"),
        ("Toyota", "4Runner", "4-Runner"),
    ],
)
async def test_spelling(make: str, model: str, name: str) -> None:
    """
    A car is found however it is spelled, and named as its maker does.
    """
    response = await ask({"make": make, "model": model, "year": 2010, "upgrades": ["Leather"]})

    assert response.json()["model_name"] == name


async def test_each_year_of_a_generation_is_a_car_of_its_own() -> None:
    """
    A generation's years share their figures but neither year nor id.
    """
    older = (await ask(COROLLA | {"year": 2011})).json()
    newer = (await ask(COROLLA | {"year": 2013})).json()

    assert (older["model_year"], newer["model_year"]) == ("2011", "2013")
    assert older["model_id"] != newer["model_id"]
    assert older["model_length_mm"] == newer["model_length_mm"]


@pytest.mark.parametrize(
    "unknown", [{"make": "Trabant"}, {"model": "Corona"}, {"year": 1950}, {"model": ""}]
)
async def test_an_unknown_car(unknown: dict[str, Any]) -> None:
    """
    A car that the service does not know is a 404 that says so.
    """
    response = await ask(COROLLA | unknown)

    assert response.status_code == 404
    assert complaint(response) == "not_found"


@pytest.mark.parametrize(
    "wrong",
    [
        {"year": "2010"},
        {"year": True},
        {"year": 2010.5},
        {"year": None},
        {"make": None},
        {"model": 500},
        {"upgrades": None},
        {"upgrades": "none"},
        {"upgrades": [1]},
    ],
)
async def test_a_key_of_the_wrong_type(wrong: dict[str, Any]) -> None:
    """
    Types are the article's: a year in quotes is refused, and the key is named.
    """
    response = await ask(COROLLA | wrong)

    assert response.status_code == 422
    assert complaint(response) == "invalid_request"
    assert next(iter(wrong)) in response.json()["error"]["message"]


@pytest.mark.parametrize("missing", COROLLA)
async def test_a_missing_key(missing: str) -> None:
    """
    All four keys are needed, `upgrades` too.
    """
    response = await ask({key: value for key, value in COROLLA.items() if key != missing})

    assert response.status_code == 422
    assert missing in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b"null", b"\xff"])
async def test_a_body_that_is_no_object(body: bytes) -> None:
    """
    Anything but a JSON object is refused, never a crash.
    """
    async with client() as http:
        response = await http.post("/specs", content=body)

    assert response.status_code == 422
    assert complaint(response) == "invalid_request"


@pytest.mark.parametrize("key", ["", "someone", "mock-refused", "mock-unheard-of"])
async def test_keys_that_are_refused(key: str) -> None:
    """
    No key and an unknown key are refused before the body is looked at.
    """
    response = await ask({}, key=key)

    assert response.status_code == 401
    assert complaint(response) == "unauthorized"


async def test_only_bearer_counts() -> None:
    """
    The right key under another scheme is no key.
    """
    async with client() as http:
        response = await http.post("/specs", json=COROLLA, auth=("mock", "mock"))

    assert response.status_code == 401


async def test_a_used_up_quota_and_too_many_calls() -> None:
    """
    Both are 429: their codes and the time to wait tell them apart.
    """
    quota = await ask(key="mock-quota")
    busy = await ask(key="mock-busy")

    assert (quota.status_code, complaint(quota)) == (429, "quota_exceeded")
    assert int(quota.headers["Retry-After"]) > 3600
    assert (busy.status_code, complaint(busy)) == (429, "too_many_requests")
    assert busy.headers["Retry-After"] == "1"


async def test_down() -> None:
    """
    Maintenance is a 503 with the error object.
    """
    response = await ask(key="mock-down")

    assert response.status_code == 503
    assert complaint(response) == "unavailable"


async def test_nonsense() -> None:
    """
    Nonsense looks like success and is a web page.
    """
    response = await ask(key="mock-nonsense")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<html>" in response.text


async def test_slow() -> None:
    """
    Slow answers late, and then as usual.
    """
    response = await ask(key="mock-slow")

    assert response.elapsed.total_seconds() >= 0.01
    assert response.json() == COROLLA_SPECS


def test_there_are_many_cars() -> None:
    """
    A demo meets at least sixty models, and none twice in a year.
    """
    cars = known_cars()

    assert len({(car.make, car.model) for car in cars}) >= 60
    assert len({(car.make, car.model, car.year) for car in cars}) == len(cars)
    assert len({car.model_id for car in cars}) == len(cars)


def test_keys_and_types() -> None:
    """
    Every car has the 26 keys in the article's order, strings or nulls.
    """
    for car in known_cars():
        assert list(car.specs) == list(COROLLA_SPECS)
        assert all(
            value is None or (isinstance(value, str) and value) for value in car.specs.values()
        )
        assert (car.specs["model_id"], car.specs["model_year"]) == (car.model_id, str(car.year))


@pytest.mark.parametrize("key", PLAUSIBLE)
def test_plausible_figures(key: str) -> None:
    """
    Every figure is one that a car can have, and most cars have it.
    """
    least, most = PLAUSIBLE[key]
    figures = {
        name_of(car): float(figure)
        for car in known_cars()
        if (figure := car.specs[key]) is not None
    }

    assert {name: f for name, f in figures.items() if not least <= f <= most} == {}
    assert len(figures) > len(known_cars()) / 3


def test_proportions() -> None:
    """
    A car is longer than its wheelbase, and not twice as long.
    """
    for car in known_cars():
        length, wheelbase = car.specs["model_length_mm"], car.specs["model_wheelbase_mm"]
        assert length is not None
        assert wheelbase is not None
        assert 1.2 < int(length) / int(wheelbase) < 2, name_of(car)


@pytest.mark.parametrize("where", ["hwy", "city"])
def test_consumption(where: str) -> None:
    """
    The two ways to tell consumption agree, or neither is known.
    """
    for car in known_cars():
        mpg, litres = car.specs[f"model_mpg_{where}"], car.specs[f"model_lkm_{where}"]
        assert (mpg is None) == (litres is None), name_of(car)
        if mpg is not None and litres is not None:
            assert int(mpg) == pytest.approx(235.2146 / float(litres), abs=1), name_of(car)


def test_mixed_consumption() -> None:
    """
    Where it is known, mixed consumption lies between city and highway.
    """
    for car in known_cars():
        mixed, *both = (car.specs[f"model_mpg_{where}"] for where in ("mixed", "city", "hwy"))
        if mixed is not None:
            city, highway = (int(mpg) for mpg in both if mpg is not None)
            assert min(city, highway) <= int(mixed) <= max(city, highway), name_of(car)


def test_electric_cars_burn_nothing() -> None:
    """
    An electric car has no engine, no tank and no mpg; every other car has an engine.
    """
    burning = {"position", "cc", "cyl"}
    for car in known_cars():
        engine = {part for part in burning if car.specs[f"model_engine_{part}"] is not None}
        if car.specs["model_engine_fuel"] == "Electric":
            assert engine == set()
            assert car.specs["model_fuel_cap_l"] is None
            assert car.specs["model_mpg_city"] is None
        else:
            assert engine == burning


@pytest.fixture(scope="module")
def vehicle_db() -> Iterator[sqlite3.Connection]:
    """The vehicle database that carvalue takes its makes and models from."""
    with as_file(files("vin") / "vehicle.db") as path:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        yield connection
        connection.close()


def test_names_are_the_catalogs(vehicle_db: sqlite3.Connection) -> None:
    """
    Every make and model has its name from the catalogue, in the years it was sold.
    """
    sold: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for make, model, first, last in vehicle_db.execute(
        """
        select distinct lower(make.name), lower(model.name), from_year, to_year from make
        join make_model on make_model.make_id = make.id
        join model on model.id = make_model.model_id
        join pattern on pattern.model_id = model.id
        """
    ):
        sold.setdefault((make, model), []).append((first, last))

    unknown = [
        name_of(car)
        for car in known_cars()
        if not any(
            first <= car.year <= last
            for first, last in sold.get((car.make.lower(), car.model.lower()), [])
        )
    ]
    assert unknown == []
