import pytest

from carvalue.core.catalog import Catalog, CatalogRow, MakeName, key_of, slug_of
from carvalue.core.errors import MakeNotFound, ModelNotFound, UnknownYear, YearNotCovered


@pytest.mark.parametrize("name", ["F-150", "f 150", "F150", "f_150", "Ｆ－150"])
def test_spellings_of_one_name_share_a_key(name: str) -> None:
    """
    Case, accents and what stands between the letters do not tell two cars apart.
    """
    assert key_of(name) == "f150"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Range Rover Evoque", "range-rover-evoque"),
        ("Town & Country", "town-country"),
        ("3 / x", "3-x"),
        ("F-150", "f-150"),
    ],
)
def test_an_id_reads_like_the_name(name: str, slug: str) -> None:
    """
    An id can stand in a URL, and a person recognises the car in it.
    """
    assert slug_of(name) == slug


def test_makes_and_models_are_listed_by_name(catalog: Catalog) -> None:
    """
    The user finds a car where the alphabet puts it.
    """
    makes = [make.make for make in catalog.makes()]
    toyotas = [model.make_model.model for model in catalog.models("toyota")]

    assert makes == sorted(makes)
    assert toyotas == ["Camry", "Corolla"]


def test_each_make_is_listed_once(catalog: Catalog) -> None:
    """
    A make of many models is one line of the list.
    """
    assert len(catalog.makes()) == len({make.make_id for make in catalog.makes()})


def test_the_lists_cannot_be_spoiled(catalog: Catalog) -> None:
    """
    Who sorts or empties an answer changes nothing for the next one.
    """
    catalog.makes().clear()
    catalog.models("toyota").clear()

    assert catalog.makes()
    assert catalog.models("toyota")


@pytest.mark.parametrize(
    ("called", "make_id"),
    [
        ("vw", "volkswagen"),
        ("Chevy", "chevrolet"),
        ("mercedes", "mercedes-benz"),
        ("Mercedes-Benz", "mercedes-benz"),
        ("landrover", "land-rover"),
        ("range rover", "land-rover"),
        ("alfa", "alfa-romeo"),
    ],
)
def test_makes_go_by_what_people_call_them(called: str, make_id: str) -> None:
    """
    "Chevy" and "VW" are understood.
    """
    makes = [
        MakeName("Volkswagen", ("VW",)),
        MakeName("Chevrolet", ("Chevy",)),
        MakeName("Mercedes-Benz", ("Mercedes",)),
        MakeName("Land Rover", ("Range Rover",)),
        MakeName("Alfa Romeo", ("Alfa",)),
    ]
    rows = [CatalogRow(one.make, "One", (2000,)) for one in makes]
    catalog = Catalog(rows, covered_until=2024, makes=makes)

    assert catalog.find_make(called) == make_id


def test_an_alias_needs_its_make(catalog: Catalog) -> None:
    """
    Nothing is called "VW" in a catalogue without Volkswagen.
    """
    assert catalog.find_make("vw") is None
    assert catalog.find("vw", "Golf") is None


def test_a_make_without_models_is_not_listed() -> None:
    """
    A make that is only known by name is understood, but nobody is led to an empty list.
    """
    rows = [CatalogRow("Toyota", "Corolla", (2010,)), CatalogRow("Trabant", "601")]
    makes = [MakeName("Volkswagen", ("VW",))]
    catalog = Catalog(rows, covered_until=2024, makes=makes)

    assert [make.make for make in catalog.makes()] == ["Toyota"]
    assert catalog.find_make("vw") == "volkswagen"
    assert catalog.find("trabant", "601") is None
    with pytest.raises(MakeNotFound):
        catalog.models("volkswagen")


def test_a_model_of_two_makes_is_not_guessed(catalog: Catalog) -> None:
    """
    "Astra" alone may be Opel's or Vauxhall's.
    """
    corollas = [one.make_model.model_id for one in catalog.bare("corolla")]
    astras = [one.make_model.model_id for one in catalog.bare("astra")]

    assert corollas == ["toyota-corolla"]
    assert astras == ["opel-astra", "vauxhall-astra"]
    assert catalog.bare("flyingsaucer") == ()


def test_models_whose_ids_would_be_equal_stay_apart() -> None:
    """
    Two models of one make never answer to the same id.
    """
    rows = [CatalogRow("Kia", "Ceed é", (2010,)), CatalogRow("Kia", "Ceed é中", (2011,))]
    catalog = Catalog(rows, covered_until=2024)

    ids = [model.make_model.model_id for model in catalog.models("kia")]

    assert len(set(ids)) == 2
    assert sorted(catalog.years(id) for id in ids) == [(2010,), (2011,)]


def test_what_is_not_in_the_catalogue(catalog: Catalog) -> None:
    """
    A make or model that is not there is said not to be there.
    """
    with pytest.raises(MakeNotFound):
        catalog.models("trabant")
    with pytest.raises(ModelNotFound):
        catalog.model("trabant-601")
    with pytest.raises(ModelNotFound):
        catalog.years("trabant-601")
    with pytest.raises(ModelNotFound):
        catalog.check_year("trabant-601", 1985)


@pytest.mark.parametrize("year", [1996, 1999, 2002])
def test_a_year_in_which_the_model_was_sold(year: int, catalog: Catalog) -> None:
    """
    The first and the last year of a model can be confirmed like those between.
    """
    catalog.check_year("bmw-z3", year)

    assert year in catalog.years("bmw-z3")


@pytest.mark.parametrize("year", [1995, 2003, 2025])
def test_a_year_in_which_it_was_not_sold(year: int, catalog: Catalog) -> None:
    """
    A wrong year comes back with the right ones, so that the app can fill its picker.
    """
    with pytest.raises(UnknownYear, match="from 1996 to 2002") as refused:
        catalog.check_year("bmw-z3", year)

    assert not isinstance(refused.value, YearNotCovered)
    assert refused.value.known_years == tuple(range(1996, 2003))


def test_a_gap_in_the_years(catalog: Catalog) -> None:
    """
    "From 2008 to 2012" would be a lie about a car that was not sold in 2010.
    """
    with pytest.raises(UnknownYear, match="with gaps") as refused:
        catalog.check_year("opel-astra", 2010)

    assert refused.value.known_years == (2008, 2009, 2012)


def test_a_model_of_one_year() -> None:
    """
    One year is named as one year.
    """
    catalog = Catalog([CatalogRow("Vauxhall", "Astra", (2008,))], covered_until=2024)

    with pytest.raises(UnknownYear, match=r"sold in 2008\.$"):
        catalog.check_year("vauxhall-astra", 2009)


def test_a_year_past_the_data(catalog: Catalog) -> None:
    """
    Where our data end the user is told so, not told to be wrong.
    """
    with pytest.raises(YearNotCovered, match="2024") as refused:
        catalog.check_year("toyota-corolla", 2025)

    assert refused.value.known_years[-1] == 2024


def test_the_version_follows_the_data() -> None:
    """
    A cached catalogue is fetched again when, and only when, it would read differently.
    """
    corolla = CatalogRow("Toyota", "Corolla", (2005, 2006))
    camry = CatalogRow("Toyota", "Camry", (2005,))
    version = Catalog([corolla, camry], covered_until=2024).version

    assert Catalog([camry, corolla], covered_until=2024).version == version
    assert version != Catalog([corolla, camry], covered_until=2025).version
    assert version != Catalog([corolla], covered_until=2024).version
    longer = CatalogRow("Toyota", "Camry", (2005, 2006))
    assert version != Catalog([corolla, longer], covered_until=2024).version
