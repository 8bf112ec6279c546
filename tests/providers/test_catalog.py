"""
The catalogue as it really is: vPIC under the names that people use.
"""

import re
from pathlib import Path

import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.errors import SettingsIncomplete, UnknownYear, YearNotCovered
from carvalue.core.labels import parse_label
from carvalue.providers.catalog import load_catalog
from carvalue.providers.vpic import COVERED_UNTIL
from carvalue.web.fields import ID


@pytest.fixture(scope="module")
def whole() -> Catalog:
    return load_catalog()


def test_the_catalogue_is_whole(whole: Catalog) -> None:
    """
    Nearly every car of the US market can be confirmed.
    """
    models = [model for make in whole.makes() for model in whole.models(make.make_id)]

    assert len(models) >= 2400
    assert len(whole.makes()) >= 80
    assert all(model.years for model in models)
    # An open end is stored as 2999; it must not reach the year picker.
    assert max(model.years[-1] for model in models) <= COVERED_UNTIL + 1


def test_every_model_can_be_confirmed(whole: Catalog) -> None:
    """
    No id of the catalogue is one that the API refuses, and none is there twice.
    """
    cars = [model.make_model for make in whole.makes() for model in whole.models(make.make_id)]

    ids = {id for car in cars for id in (car.make_id, car.model_id)}
    assert [id for id in ids if not re.fullmatch(ID, id)] == []
    assert len({car.model_id for car in cars}) == len(cars)


def test_the_articles_cars(whole: Catalog) -> None:
    """
    The cars of the article are there in the years in which they were sold.
    """
    whole.check_year("toyota-corolla", 2010)
    assert whole.years("bmw-z3") == tuple(range(1996, 2003))
    with pytest.raises(UnknownYear) as unknown:
        whole.check_year("bmw-z3", 2010)
    assert unknown.value.known_years == tuple(range(1996, 2003))


def test_a_year_after_the_data_end(whole: Catalog) -> None:
    """
    We say that our data end, not that the car was not sold.
    """
    with pytest.raises(YearNotCovered):
        whole.check_year("toyota-corolla", COVERED_UNTIL + 2)


@pytest.mark.parametrize(
    ("make", "model", "car"),
    [
        ("Toyota", "Corolla", "Toyota Corolla"),
        ("VW", "golf", "Volkswagen Golf"),
        ("chevy", "Malibu", "Chevrolet Malibu"),
        ("Mercedes", "C-Class", "Mercedes-Benz C-Class"),
        ("land rover", "range rover evoque", "Land Rover Range Rover Evoque"),
        ("Ford", "f 150", "Ford F-150"),
        ("BMW", "3 Series", "BMW 3 Series"),
        ("infiniti", "qx", "Infiniti QX"),
        ("ford", "Econoline", "Ford E-Series"),
        ("chrysler", "Town and Country", "Chrysler Town & Country"),
        ("saab", "9-3", "Saab 9-3"),
    ],
)
def test_names_as_people_use_them(whole: Catalog, make: str, model: str, car: str) -> None:
    assert str(whole.find(make, model)) == car


@pytest.mark.parametrize(("model", "car"), [("Z3", "BMW Z3"), ("F-150", "Ford F-150")])
def test_a_model_without_its_make(whole: Catalog, model: str, car: str) -> None:
    """
    A categorizer that was trained on bare models works too.
    """
    assert str(parse_label(model, whole).make_model) == car


@pytest.mark.parametrize("make", ["Kenworth", "Peterbilt", "Zzknown", "California", "E-One"])
def test_makes_of_no_cars(whole: Catalog, make: str) -> None:
    """
    Nobody has to scroll past fire engines and coaches.
    """
    assert make not in {one.make for one in whole.makes()}


def test_a_name_of_another_market_is_understood(whole: Catalog) -> None:
    """
    An Opel Corsa is read as one, though no year of it can be confirmed here.
    """
    parsed = parse_label("opel corsa 2004", whole)

    assert (parsed.make, parsed.model, parsed.make_model) == ("Opel", "Corsa", None)


def test_a_teams_own_cars(tmp_path: Path, whole: Catalog) -> None:
    """
    A team's file makes cars of other markets confirmable, and teaches it names.
    """
    own = tmp_path / "cars.csv"
    own.write_text(
        "make,model,years,aliases\n"
        'Opel,Corsa,"1993-2006, 2015-",Vauxhall/Corsa|Corsa C\n'
        "Toyota,Corolla,1975,Rolla\n"
    )
    catalog = load_catalog(own)

    catalog.check_year("opel-corsa", 2004)
    assert str(catalog.find("opel", "corsa c")) == "Opel Corsa"
    assert catalog.years("opel-corsa")[-1] == COVERED_UNTIL
    catalog.check_year("toyota-corolla", 1975)
    catalog.check_year("toyota-corolla", 2010)
    assert str(catalog.find("toyota", "rolla")) == "Toyota Corolla"
    assert catalog.version != whole.version


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the first line"),
        ("make,price\nOpel,7\n", "the first line"),
        ("make,model,years\nOpel,Corsa,2004\nOpel,Astra,soon\n", "line 3: write years"),
        ("make,model,years\nOpel,Corsa,2006-2004\n", "line 2: years go up"),
        ("make,model\nOpel,\n", "line 2: make and model"),
        ("make,model\n" + "x" * 200_000 + ",y\n", "CATALOG_EXTRA"),
    ],
)
def test_a_teams_file_that_does_not_fit(tmp_path: Path, text: str, why: str) -> None:
    """
    The service does not start with half a catalogue; it says which line is wrong.
    """
    own = tmp_path / "cars.csv"
    own.write_text(text)

    with pytest.raises(SettingsIncomplete, match=why) as wrong:
        load_catalog(own)

    assert "soon" not in str(wrong.value)


def test_a_teams_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsIncomplete, match="CARVALUE_CATALOG_EXTRA"):
        load_catalog(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"make,model\nOpel,\xff\n",
        b"make,model\nOpel,Cor\0sa\n",
        b"\0",
        b"\n\n\n",
        b"make,model,make\nOpel,Corsa,Ford\n",
        b"make,model,years\nOpel,Corsa,2004,2005,2006\n",
        b'make,model,years\n"Opel,Corsa,2004\n',
        b"make,model,years\n,,\n\nOpel\n",
        b"make,model,years\nOpel,Corsa,0000-9999\n",
        "make,model,years\nOpel,Corsa,\u0662\u0660\u0660\u0664\n".encode(),
        b"make,model,years\nOpel,Corsa," + b"9" * 5000 + b"\n",
        b"make,model,years\n[*,[!,none\n",
        b"make,model,aliases,versions\nOpel,Corsa,||/|//,[|*|[!\n",
        b"make,model,aliases\n/,/,/\n",
        "make,model\n\u4e2d\u6587,\U0001f697\n".encode(),
    ],
    ids=repr,
)
def test_a_teams_file_of_any_kind(tmp_path: Path, content: bytes) -> None:
    """
    Whatever lies in the file, it is read, or refused as a setting; nothing else goes wrong.
    """
    own = tmp_path / "cars.csv"
    own.write_bytes(content)

    try:
        catalog = load_catalog(own)
    except SettingsIncomplete as error:
        refused = str(error)
    else:
        refused = "CARVALUE_CATALOG_EXTRA was read"
        catalog.check_year("toyota-corolla", 2010)
        models = [model for make in catalog.makes() for model in catalog.models(make.make_id)]
        ids = [model.make_model.model_id for model in models]
        assert [id for id in ids if not re.fullmatch(ID, id)] == []
    assert "CARVALUE_CATALOG_EXTRA" in refused


def test_a_folder_in_the_place_of_a_teams_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsIncomplete, match="CARVALUE_CATALOG_EXTRA"):
        load_catalog(tmp_path)
