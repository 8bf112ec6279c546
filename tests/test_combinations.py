"""
Every combination of providers, chosen by settings alone, over real sockets against the mocks.
"""

import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import httpx
import pytest

from carvalue.app import create_app
from carvalue.demo import sample_photo
from carvalue.settings import Settings
from tests.servers import ROOT, serving

pytestmark = pytest.mark.journey

EPA = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"

CATEGORIZERS: dict[str, dict[str, str]] = {
    "imagga": {},
    "cloudinary": {},
    "imagekit": {},
    "imagga,cloudinary,imagekit": {"CARVALUE_CATEGORIZER_MODE": "at_once"},
}
SPECS_SOURCES = ["specs_api", "carquery", "epa", "carquery,vpic,epa"]
VALUERS = ["valuation_api", "marketcheck"]

CHOICE = {
    "make_id": "toyota",
    "model_id": "toyota-corolla",
    "year": 2010,
    "mileage": 58000,
    "condition": "very_good",
    "vin": "2T1BU4EE9AC123456",
}


def settings_of(mocks: str, folder: Path, **chosen: str) -> Settings:
    """What a team would write into its `.env`; only the first lines differ between teams."""
    lines = {
        **{f"CARVALUE_{name}": value for name, value in chosen.items()},
        "CARVALUE_IMAGGA__BASE_URL": f"{mocks}/v2",
        "CARVALUE_IMAGGA__API_KEY": "mock",
        "CARVALUE_IMAGGA__API_SECRET": "mock-secret",
        "CARVALUE_IMAGGA__CATEGORIZER_ID": "custom-car-categorizer",
        "CARVALUE_CLOUDINARY__BASE_URL": mocks,
        "CARVALUE_CLOUDINARY__CLOUD_NAME": "demo",
        "CARVALUE_CLOUDINARY__API_KEY": "mock",
        "CARVALUE_CLOUDINARY__API_SECRET": "mock-secret",
        "CARVALUE_IMAGEKIT__BASE_URL": mocks,
        "CARVALUE_IMAGEKIT__UPLOAD_URL": mocks,
        "CARVALUE_IMAGEKIT__PRIVATE_KEY": "mock",
        "CARVALUE_SPECS_API__BASE_URL": mocks,
        "CARVALUE_SPECS_API__API_KEY": "mock",
        "CARVALUE_CARQUERY__BASE_URL": f"{mocks}/api/0.3/",
        "CARVALUE_CARQUERY__PAUSE": "0",
        "CARVALUE_VPIC__BASE_URL": f"{mocks}/api/vehicles",
        "CARVALUE_VALUATION_API__BASE_URL": mocks,
        "CARVALUE_VALUATION_API__API_KEY": "mock",
        "CARVALUE_MARKETCHECK__BASE_URL": f"{mocks}/v2",
        "CARVALUE_MARKETCHECK__API_KEY": "mock",
        "CARVALUE_DATABASE_URL": f"sqlite:///{folder / 'carvalue.db'}",
    }
    path = folder / "some.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return Settings(_env_file=path)


@pytest.fixture
def mocks(environment: dict[str, str]) -> str:
    return environment["CARVALUE_SPECS_API__BASE_URL"]


@pytest.fixture(scope="module")
def imported(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the EPA's cars."""
    path = tmp_path_factory.mktemp("epa") / "carvalue.db"
    subprocess.run(
        [sys.executable, "-m", "carvalue", "specs", "import", str(EPA)],
        env=environment | {"CARVALUE_DATABASE_URL": f"sqlite:///{path}"},
        cwd=path.parent,
        check=True,
        timeout=60,
    )
    return path


COMBINATIONS = [
    (categorizers, specs_sources, valuer)
    for categorizers, specs_sources, valuer in product(CATEGORIZERS, SPECS_SOURCES, VALUERS)
    # The article's valuation knows cars by the ids of its own specs API, as CarQuery does.
    if (specs_sources, valuer) != ("epa", "valuation_api")
]


@pytest.mark.parametrize(("categorizers", "specs_sources", "valuer"), COMBINATIONS)
def test_from_photos_to_price(
    categorizers: str, specs_sources: str, valuer: str, mocks: str, imported: Path, tmp_path: Path
) -> None:
    """
    Whoever is asked, the photos become the car, its specs and a price, and each says its source.
    """
    settings = settings_of(
        mocks,
        tmp_path,
        CATEGORIZERS=categorizers,
        SPECS_SOURCES=specs_sources,
        VALUERS_DEFAULT=valuer,
        **{k.removeprefix("CARVALUE_"): v for k, v in CATEGORIZERS[categorizers].items()},
    )
    shutil.copy(imported, tmp_path / "carvalue.db")
    photos = {side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")}

    with (
        serving(create_app(settings, open_to_all=True)) as address,
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        started = client.post("/v1/appraisals", files=photos)
        assert started.status_code == 201, started.text
        appraisal = started.json()
        confirmed = client.put(f"/v1/appraisals/{appraisal['id']}/car", json=CHOICE).json()
        ready = client.get("/readyz").json()

    first = appraisal["candidates"][0]
    assert (first["make"], first["model"]) == ("Toyota", "Corolla")
    asked = {answer["source"] for answer in appraisal["answers"]}
    assert asked == set(categorizers.split(","))
    assert confirmed["specs"]["source"] == specs_sources.split(",")[0]
    assert confirmed["specs"]["engine_displacement_cc"] in (1798, 1800)
    assert confirmed["status"] == "valued", confirmed["steps"]
    assert confirmed["valuation"]["source"] == valuer
    price = confirmed["valuation"]["price"]
    assert price["min"] <= price["median"] <= price["max"]
    assert {one["state"] for one in ready["providers"].values()} == {"ok"}
