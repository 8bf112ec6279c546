"""
vPIC's answers in its wire format, and an adapter that reads them.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import respx

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.providers.http import Channel
from carvalue.providers.vpic_api import VpicApi

BASE = "https://vpic.test/api/vehicles"
VIN = "2T1BU4EE9AC123456"
DECODE = f"{BASE}/DecodeVinValues/{VIN}"
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
RECORDED = json.loads(Path("mocks/answers/vpic/decoded.json").read_text("utf-8"))
ROW = RECORDED["blank"] | RECORDED["cars"][2] | {"ErrorCode": "0"}


def asked_over(http: httpx.AsyncClient, *, seconds: float = 5.0) -> VpicApi:
    return VpicApi(Channel(http, "vpic", seconds), base_url=f"{BASE}/")


def answer(**changed: Any) -> dict[str, Any]:
    # The recorded `Count` of one row is that of the variables.
    return {"Count": 134, "Message": "", "SearchCriteria": None, "Results": [ROW | changed]}


async def read(vpic: VpicApi, respx_mock: respx.MockRouter, **changed: Any) -> Specs:
    respx_mock.get(DECODE).respond(json=answer(**changed))
    sheet = await vpic.specs_of_vin(VIN, COROLLA)
    assert sheet is not None
    return sheet.specs
