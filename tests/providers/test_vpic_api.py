"""
vPIC online: which of its answers are believed.
"""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import respx
from starlette.applications import Starlette

from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.providers.vpic_api import VpicApi, error_codes
from mocks.vpic import routes
from tests.providers.vpic_answers import COROLLA, DECODE, VIN, answer, asked_over, read

pytestmark = pytest.mark.anyio


@pytest.fixture
def hasty(http: httpx.AsyncClient) -> VpicApi:
    """One that has no time to ask again."""
    return asked_over(http, seconds=0.1)


@pytest.fixture
async def mocked() -> AsyncIterator[VpicApi]:
    """vPIC as the mock plays it."""
    transport = httpx.ASGITransport(app=Starlette(routes=routes()))
    async with httpx.AsyncClient(transport=transport) as http:
        yield asked_over(http)


async def test_a_corolla(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    """
    A VIN brings the very car's engine, drive and body; its trim's id tells nothing of the VIN.
    """
    route = respx_mock.get(DECODE).respond(json=answer())

    sheet = await vpic.specs_of_vin(VIN, COROLLA)

    assert dict(route.calls.last.request.url.params) == {"format": "json", "modelyear": "2010"}
    assert sheet == SpecsSheet(
        trims=(Trim("toyota-2010-corolla-le", "LE", is_default=True),),
        specs=Specs(
            trim_id="toyota-2010-corolla-le",
            source="vpic",
            body="Sedan",
            engine_type="Inline",
            engine_displacement_cc=1798,
            engine_cylinders=4,
            engine_power_kw=98,
            fuel="Gasoline",
            drive="Front",
            transmission="Automatic",
            seats=5,
            doors=4,
        ),
    )


async def test_a_recorded_pickup(mocked: VpicApi) -> None:
    """
    A row as vPIC gave it: long decimals, a blank after a word, and seats that are not known.
    """
    f150 = Car(MakeModel("ford", "Ford", "ford-f-150", "F-150"), 2021)

    sheet = await mocked.specs_of_vin("1FTMW1T88MFA00001", f150)

    assert sheet is not None
    assert sheet.trims[0].name == "SuperCrew-SSV"
    specs = sheet.specs
    assert (specs.engine_displacement_cc, specs.engine_type, specs.engine_power_kw) == (
        3500,
        "V",
        280,
    )
    assert (specs.body, specs.drive, specs.seats, specs.transmission) == (
        "Pickup",
        "4WD",
        None,
        None,
    )


async def test_without_a_vin(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    """
    vPIC knows cars, not trims: nobody is asked where there is no VIN.
    """
    assert await vpic.trims(COROLLA.make_model, 2010) == ()
    assert await vpic.specs(COROLLA) is None
    assert not respx_mock.calls


@pytest.mark.parametrize("vin", [" 2t1bu4ee9ac123456", "2T1BU-4EE9AC-123456"])
async def test_a_vin_as_people_write_it(
    vpic: VpicApi, respx_mock: respx.MockRouter, vin: str
) -> None:
    respx_mock.get(DECODE).respond(json=answer())

    assert await vpic.specs_of_vin(vin, COROLLA) is not None


@pytest.mark.parametrize("vin", ["", "..", "2T1BU4EE9AC12345", "2T1BU4EEOAC123456", "a/b?c=d#e"])
async def test_what_is_no_vin(vpic: VpicApi, respx_mock: respx.MockRouter, vin: str) -> None:
    """
    No path is made of what is no VIN.
    """
    assert await vpic.specs_of_vin(vin, COROLLA) is None
    assert not respx_mock.calls


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("0", {0}),
        ("6", {6}),
        ("1,7,400", {1, 7, 400}),
        ("5, 6, 14", {5, 6, 14}),
        ("0 - VIN decoded clean. Check Digit (9th position) is correct", {0}),
        ("1 - Check Digit (9th position) wrong; 14 - Unable, 3 of them - as such", {1, 14}),
        ("", set()),
        (None, set()),
        ("clean", set()),
    ],
)
def test_error_codes(said: str | None, codes: set[int]) -> None:
    """
    Several codes come at once, and older answers hold their texts.
    """
    assert error_codes(said) == codes


@pytest.mark.parametrize("codes", ["0", "1", "14", "1,14", "9,10,12"])
async def test_a_warning(vpic: VpicApi, respx_mock: respx.MockRouter, codes: str) -> None:
    """
    A wrong check digit or a character without a meaning leaves the car recognised.
    """
    assert (await read(vpic, respx_mock, ErrorCode=codes)).body == "Sedan"


@pytest.mark.parametrize(
    "changed",
    [
        *({"ErrorCode": code} for code in ("2", "3", "4", "5", "6", "7", "8", "11", "400")),
        {"ErrorCode": "0,400"},
        {"ErrorCode": "1,99"},
        {"ErrorCode": ""},
        {"Make": ""},
        {"Model": ""},
        {"ModelYear": ""},
        {"Model": "Not Applicable"},
    ],
    ids=repr,
)
async def test_a_vin_that_vpic_does_not_understand(
    vpic: VpicApi, respx_mock: respx.MockRouter, changed: dict[str, str]
) -> None:
    """
    A corrected, foreign or half-read VIN is nothing known: vPIC answers 200 to any of them.
    """
    respx_mock.get(DECODE).respond(json=answer(**changed))

    assert await vpic.specs_of_vin(VIN, COROLLA) is None


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ({}, True),
        ({"Model": "COROLLA"}, True),
        ({"Model": "ZRE142", "Series": "Corolla"}, True),
        ({"Model": "Corolla Cross"}, False),
        ({"Make": "HONDA"}, False),
        ({"ModelYear": "2011"}, False),
    ],
    ids=repr,
)
async def test_the_vin_of_another_car(
    vpic: VpicApi, respx_mock: respx.MockRouter, changed: dict[str, str], fits: bool
) -> None:
    """
    The user has said which car it is; the specs of another one are not put beside it.
    """
    respx_mock.get(DECODE).respond(json=answer(**changed))

    assert (await vpic.specs_of_vin(VIN, COROLLA) is not None) is fits


async def test_no_row(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    respx_mock.get(DECODE).respond(json=answer() | {"Results": []})

    assert await vpic.specs_of_vin(VIN, COROLLA) is None


@pytest.mark.parametrize(
    "body",
    [
        "<html>It works!</html>",
        "<Response><Count>1</Count></Response>",
        "",
        "[]",
        "{}",
        '{"Results": {}}',
        '{"Results": ["VIN"]}',
    ],
)
async def test_another_answer(hasty: VpicApi, respx_mock: respx.MockRouter, body: str) -> None:
    respx_mock.get(DECODE).respond(text=body)

    with pytest.raises(ProviderAnswerUnreadable):
        await hasty.specs_of_vin(VIN, COROLLA)


NOT_FOUND = {"message": f"No HTTP resource was found that matches {DECODE}", "messageDetail": ""}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"message": "The request is invalid."}', ProviderRequestRefused),
        (403, "<html>Forbidden</html>", ProviderRequestRefused),
        (404, json.dumps(NOT_FOUND), ProviderRequestRefused),
        (429, "", ProviderBusy),
        (500, '{"Message": "An error has occurred."}', ProviderUnavailable),
        (503, "<html>Service Unavailable</html>", ProviderUnavailable),
    ],
)
async def test_every_status(
    hasty: VpicApi,
    respx_mock: respx.MockRouter,
    status: int,
    body: str,
    kind: type[ProviderError],
) -> None:
    """
    There is no quota to use up: 429 is traffic control, however long it asks us to wait.
    """
    respx_mock.get(DECODE).respond(status, text=body, headers={"Retry-After": "600"})

    with pytest.raises(ProviderError) as failed:
        await hasty.specs_of_vin(VIN, COROLLA)

    assert type(failed.value) is kind
    assert failed.value.provider == "vpic"
    assert VIN not in f"{failed.value!r} {vars(failed.value)}"


async def test_an_outage_that_passes(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    """
    A free call is repeated, so that a moment's outage is not the user's.
    """
    respx_mock.get(DECODE).mock(
        side_effect=[httpx.Response(502), httpx.Response(200, json=answer())]
    )

    assert await vpic.specs_of_vin(VIN, COROLLA) is not None


async def test_models(mocked: VpicApi) -> None:
    """
    vPIC finds "kia" in "Mardikian" too; only Kia's models are Kia's.
    """
    assert await mocked.models("Kia", 2015) == ["Optima", "Soul"]
    assert await mocked.models("Trabant", 2015) == []


async def test_a_make_is_one_step_of_the_path(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(host="vpic.test").respond(json={"Results": []})

    await vpic.models("A/B & Co.?", 2015)

    path = route.calls.last.request.url.raw_path.partition(b"?")[0]
    assert path.endswith(b"/GetModelsForMakeYear/make/A%2FB%20%26%20Co.%3F/modelyear/2015")


async def test_the_check(mocked: VpicApi, hasty: VpicApi, respx_mock: respx.MockRouter) -> None:
    await mocked.check()

    respx_mock.get(host="vpic.test").mock(side_effect=httpx.ConnectError)
    with pytest.raises(ProviderUnavailable):
        await hasty.check()
