import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carvalue.core.catalog import Catalog, CatalogRow, MakeName
from carvalue.core.labels import parse_label


@pytest.mark.parametrize(
    ("text", "model_id", "years"),
    [
        ("toyota corolla", "toyota-corolla", ()),
        ("Toyota COROLLA", "toyota-corolla", ()),
        ("toyota_corolla", "toyota-corolla", ()),
        ("Corolla", "toyota-corolla", ()),
        ("Corolla 2005", "toyota-corolla", (2005,)),
        ("2005 toyota corolla", "toyota-corolla", (2005,)),
        ("toyota corolla (1999-2004)", "toyota-corolla", (1999, 2004)),
        ("Toyota Corolla Sedan 2012", "toyota-corolla", (2012,)),
        ("F-150", "ford-f-150", ()),
        ("F150", "ford-f-150", ()),
        ("ford f 150", "ford-f-150", ()),
        ("Ford F-150 Regular Cab 2012", "ford-f-150", (2012,)),
        ("Z3", "bmw-z3", ()),
        ("land_rover_range_rover_evoque_2016", "land-rover-range-rover-evoque", (2016,)),
        ("landrover range rover evoque", "land-rover-range-rover-evoque", ()),
        ("range rover evoque", "land-rover-range-rover-evoque", ()),
        ("opel astra", "opel-astra", ()),
        ("vauxhall astra", "vauxhall-astra", ()),
        ("peugeot 2008", "peugeot-2008", ()),
        ("Péugeot 2008", "peugeot-2008", ()),
        ("peugeot 2008 2016", "peugeot-2008", (2016,)),
        ("2016 peugeot 2008", "peugeot-2008", (2016,)),
    ],
)
def test_a_label_means_a_catalogued_car(
    text: str, model_id: str, years: tuple[int, ...], catalog: Catalog
) -> None:
    """
    However a categorizer's owner spells a car, the user reads one name for it.
    """
    parsed = parse_label(text, catalog)

    assert parsed.make_model is not None
    assert (parsed.make_model.model_id, parsed.years) == (model_id, years)


@pytest.mark.parametrize(
    ("text", "words", "years"),
    [
        ("trabant 601", "trabant 601", ()),
        ("Trabant_601 1985", "trabant 601", (1985,)),
        ("toyota corola", "toyota corola", ()),  # a typing error is not corrected silently
        ("toyota", "toyota", ()),
        ("ford corolla", "ford corolla", ()),
        ("astra", "astra", ()),  # Opel's or Vauxhall's
        ("1929 ford", "1929 ford", ()),  # too early for a year
        ("20052006 tractor", "20052006 tractor", ()),
        ("", "", ()),
        ("?!", "", ()),
    ],
)
def test_a_label_outside_the_catalogue(
    text: str, words: str, years: tuple[int, ...], catalog: Catalog
) -> None:
    """
    A car that the catalogue does not have keeps its own words; it is never bent to one it has.
    """
    parsed = parse_label(text, catalog)

    assert parsed.make_model is None
    assert (parsed.words, parsed.years) == (words, years)


SOLD = [
    ("Mercedes-Benz", "GLE"),
    ("Volkswagen", "Golf"),
    ("Chevrolet", "Silverado 1500"),
    ("Chevrolet", "Silverado"),
    ("Alfa Romeo", "Giulia"),
    ("McLaren", "MP4-12C"),
    ("Audi", "100"),
    ("Fiat", "500"),
    ("Chrysler", "300"),
    ("Chrysler", "Town & Country"),
    ("BMW", "2002"),
]
CALLED = [
    MakeName("Mercedes-Benz", ("Mercedes",)),
    MakeName("Volkswagen", ("VW",)),
    MakeName("Chevrolet", ("Chevy",)),
]


@pytest.mark.parametrize(
    ("text", "name", "years"),
    [
        ("2001 mercedes-benz gle", "Mercedes-Benz GLE", (2001,)),
        ("mercedes gle", "Mercedes-Benz GLE", ()),
        ("VW Golf", "Volkswagen Golf", ()),
        ("chevrolet_silverado_1500_2007", "Chevrolet Silverado 1500", (2007,)),
        ("chevy silverado", "Chevrolet Silverado", ()),
        ("alfa romeo giulia", "Alfa Romeo Giulia", ()),
        ("mclaren mp4-12c (2008-2014)", "McLaren MP4-12C", (2008, 2014)),
        ("Audi 100 Wagon 1994", "Audi 100", (1994,)),
        ("FIAT 500 Abarth 2012", "Fiat 500", (2012,)),
        ("Chrysler 300 SRT-8 2010", "Chrysler 300", (2010,)),
        ("chrysler town country", "Chrysler Town & Country", ()),
        ("bmw 2002", "BMW 2002", ()),
    ],
)
def test_the_longest_make_and_model_count(text: str, name: str, years: tuple[int, ...]) -> None:
    """
    Names of several words and numbers that are names are read as people mean them.
    """
    rows = [CatalogRow(make, model, (2000,)) for make, model in SOLD]

    parsed = parse_label(text, Catalog(rows, covered_until=2024, makes=CALLED))

    assert (str(parsed.make_model), parsed.years) == (name, years)


def test_a_number_is_a_year_only_if_a_name_remains(catalog: Catalog) -> None:
    """
    A label of nothing but a number names something; it does not date nothing.
    """
    parsed = parse_label("2011", catalog)

    assert (parsed.words, parsed.years) == ("2011", ())


@given(st.text())
@example("\x00\x1b[2J\ud800")
@example("corolla " * 1300)
@example("\ufdfa" * 10_000)  # 18 letters each, once decomposed
@example("٢٠٠٨ ²⁰⁰⁸ ⅯⅯ")
@settings(deadline=None)
def test_any_text_is_a_label(catalog: Catalog, text: str) -> None:
    """
    Whatever a provider calls a car, reading it neither fails nor makes years up.
    """
    parsed = parse_label(text, catalog)

    assert all(1930 <= year <= 2100 for year in parsed.years)
    assert all(str(year) in text for year in parsed.years)
