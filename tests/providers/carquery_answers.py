"""
CarQuery's address, and an adapter that asks there.
"""

import json
from pathlib import Path

import httpx

from carvalue.core.cars import MakeModel
from carvalue.providers.carquery import CarQuery
from carvalue.providers.http import Channel

URL = "https://carquery.test/api/0.3/"
AGENT = "carvalue (tests)"
ANSWERS = Path("mocks/answers/carquery/recorded.json")
VIPER = json.loads(ANSWERS.read_text("utf-8"))["trims"][0]
A_VIPER = MakeModel("dodge", "Dodge", "dodge-viper", "Viper")


def asked_over(http: httpx.AsyncClient, *, seconds: float = 5.0, pause: float = 0.0) -> CarQuery:
    return CarQuery(
        Channel(http, "carquery", seconds), base_url=URL[:-1], user_agent=AGENT, pause=pause
    )
