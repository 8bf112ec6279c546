"""
Every real provider that the environment names, asked as the service asks it; calls are billed.

`make live` runs them. A provider is named by the service's own settings, `CARVALUE_CATEGORIZERS`,
`CARVALUE_SPECS_SOURCES` and `CARVALUE_VALUERS_DEFAULT`, and needs its keys; see docs/providers.md.
"""

import asyncio
from typing import get_args

import pytest

from carvalue.core.answers import Answer, Awaited
from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.photos import Side
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.imaging import prepare_photo
from carvalue.settings import CategorizerName, SpecsSourceName, ValuerName
from tests.live.conftest import Live
from tests.servers import ROOT

pytestmark = pytest.mark.anyio

PHOTO = ROOT / "mocks" / "photos" / "demo" / "toyota_corolla" / "front.jpg"
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
VIN = "2T1BU4EE9AC123456"
"""Of a Corolla of 2010; its last digits are made up."""
USED = Usage(58000, MileageUnit.mi, Condition.good)
OF_THE_ARTICLE = Specs(trim_id="45963", source="specs_api")
"""The id in the article's example, for where no specs source is named."""
LATEST = 120.0
"""Seconds that an answer may come later."""


def asking(chosen_by: str, names: tuple[str, ...]) -> pytest.MarkDecorator:
    """One test for each provider that a setting may name."""
    return pytest.mark.parametrize(
        "settings", [(chosen_by, name) for name in names], ids=names, indirect=True
    )


@asking("categorizers", get_args(CategorizerName))
async def test_a_categorizer(live: Live) -> None:
    """
    It takes our key, and says what a photo shows, in confidences from 0 to 1.
    """
    (categorizer,) = live.providers.categorizers.members
    photo = prepare_photo(PHOTO.read_bytes(), Side.front)

    await categorizer.check()
    said = await categorizer.categorize(photo, categorizer.default_id)
    async with asyncio.timeout(LATEST):
        while isinstance(said, Awaited):
            await asyncio.sleep(2)
            said = await categorizer.collect(said)

    assert isinstance(said, Answer)
    assert said.labels
    assert all(0 < label.confidence <= 1 for label in said.labels)
    assert not said.flags
    assert (await live.providers.usage())[categorizer.provider].calls >= 1
    live.assert_answers_fit(categorizer.provider)


@asking("specs_sources", tuple(name for name in get_args(SpecsSourceName) if name != "epa"))
async def test_a_specs_source(live: Live) -> None:
    """
    It knows the Corolla of 2010, by its name or by its VIN, and its engine.
    """
    (name,) = live.providers.checks

    await live.providers.checks[name]()
    live.recorder.exchanges.clear()  # its check may be answered by anything
    sheet = await live.providers.specs_source.specs(COROLLA, VIN)

    assert sheet is not None
    assert sheet.specs.trim_id in {trim.trim_id for trim in sheet.trims}
    assert sum(trim.is_default for trim in sheet.trims) == 1
    assert sheet.specs.engine_displacement_cc is not None
    assert 1500 <= sheet.specs.engine_displacement_cc <= 2600
    assert sheet.specs.corrected == ()  # its records are older than those in US units
    live.assert_answers_fit(name)


@asking("valuers_default", get_args(ValuerName))
async def test_a_valuer(live: Live) -> None:
    """
    It knows what Corollas of 2010 are sold for in the US.
    """
    *_, name = live.providers.checks
    sheet = await live.providers.specs_source.specs(COROLLA, VIN)
    specs = sheet.specs if sheet else OF_THE_ARTICLE

    await live.providers.checks[name]()
    live.recorder.exchanges.clear()  # its check may be answered by anything
    price = await live.providers.valuers.value(COROLLA, specs, USED, "US", VIN)

    assert price is not None
    assert price.currency == "USD"
    assert 0 < price.min <= price.median <= price.max
    assert price.min <= price.mean <= price.max
    assert (await live.providers.usage())[name].calls >= 1
    live.assert_answers_fit(name)
