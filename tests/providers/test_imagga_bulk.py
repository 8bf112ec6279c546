"""
Imagga asked about many pictures at once.
"""

import json
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.core.labels import Label
from carvalue.providers.http import Channel, NotFoundAtProvider
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_bulk import ImaggaBulk, UrlAnswer
from carvalue.providers.imagga_wire import GoneAtProvider

pytestmark = pytest.mark.anyio

BASE = "http://imagga.test/v2"
BATCHES = f"{BASE}/batches"
SUCCESS = {"text": "", "type": "success"}
TICKET = f"{BASE}/tickets/c248b87d"
URLS = ["https://x.test/a.jpg", "https://x.test/b.jpg", "https://x.test/c.jpg"]


class Time:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Metered:
    """A gate that counts what calls cost."""

    def __init__(self) -> None:
        self.costs: list[int] = []

    def call(self, cost: int = 0) -> "Metered":
        self.costs.append(cost)
        return self

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        pass


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def meter() -> Metered:
    return Metered()


@pytest.fixture
def bulk(http: httpx.AsyncClient, time: Time, meter: Metered) -> ImaggaBulk:
    imagga = Imagga(
        Channel(http, "imagga", 5.0, meter),
        base_url=BASE,
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
    )
    return ImaggaBulk(imagga, batch_size=2, seconds=60, sleep=time.sleep, clock=time)


def taken(respx_mock: respx.MockRouter) -> respx.Route:
    result = {"status": SUCCESS, "ticket_id": "c248b87d"}
    return respx_mock.post(BATCHES).respond(json={"result": result, "status": SUCCESS})


def ticket(is_final: Any, result: Any = None) -> httpx.Response:
    body = {"is_final": is_final, "ticket_result": result}
    return httpx.Response(200, json={"result": body, "status": SUCCESS})


def categories(label: str, percent: float = 90) -> dict[str, Any]:
    result = {"categories": [{"confidence": percent, "name": {"en": label}}]}
    return {"result": result, "status": SUCCESS}


def said(label: str, confidence: float = 0.9, id: str = "cars") -> Answer:
    return Answer((Label(label, confidence),), id, independent=id.startswith("tags"))


async def answers(bulk: ImaggaBulk, urls: list[str], id: str = "cars") -> list[UrlAnswer]:
    return [one async for batch in bulk.categorize(urls, id) for one in batch]


async def test_batches(bulk: ImaggaBulk, respx_mock: respx.MockRouter, meter: Metered) -> None:
    """
    Pictures go in batches, and every answer belongs to its picture.
    """
    batches = taken(respx_mock)
    respx_mock.get(TICKET).mock(
        side_effect=[
            ticket(True, {"/categories": [categories("toyota corolla"), categories("bmw z3")]}),
            ticket(True, {"/categories": [categories("ford f-150", 40)]}),
        ]
    )

    found = await answers(bulk, URLS)

    assert found == [
        UrlAnswer(URLS[0], said("toyota corolla")),
        UrlAnswer(URLS[1], said("bmw z3")),
        UrlAnswer(URLS[2], said("ford f-150", 0.4)),
    ]
    sent = [json.loads(call.request.content) for call in batches.calls]
    assert sent[0] == {
        "/categories": [
            {"params": {"categorizer_id": "cars", "image_url": URLS[0]}},
            {"params": {"categorizer_id": "cars", "image_url": URLS[1]}},
        ]
    }
    assert len(sent[1]["/categories"]) == 1
    assert meter.costs == [2, 0, 1, 0]  # a batch costs its pictures, a ticket nothing


@pytest.mark.parametrize(
    ("id", "params"), [("tags", {}), ("tags/our-cars", {"tagger_id": "our-cars"})]
)
async def test_a_batch_of_tags(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, id: str, params: dict[str, str]
) -> None:
    """
    Taggers take batches too. Few tags each: hundreds would make the result too long to read.
    """
    batches = taken(respx_mock)
    tags = {"result": {"tags": [{"confidence": 61, "tag": {"en": "car"}}]}, "status": SUCCESS}
    respx_mock.get(TICKET).mock(return_value=ticket(True, {"/tags": [tags]}))

    assert await answers(bulk, URLS[:1], id) == [UrlAnswer(URLS[0], said("car", 0.61, id))]
    assert json.loads(batches.calls.last.request.content) == {
        "/tags": [{"params": {**params, "limit": "20", "image_url": URLS[0]}}]
    }


async def test_waiting(bulk: ImaggaBulk, respx_mock: respx.MockRouter, time: Time) -> None:
    """
    A ticket is asked for less and less often, and an outage in between costs nothing.
    """
    taken(respx_mock)
    done = ticket(True, {"/categories": [categories("toyota corolla")]})
    busy = httpx.Response(429, headers={"Retry-After": "5"})
    down = httpx.Response(503, headers={"Retry-After": "5"})
    waiting = [ticket(False), ticket(False, {}), busy, down]
    pending = httpx.Response(200, json={"result": {"is_final": False}, "status": SUCCESS})
    respx_mock.get(TICKET).mock(side_effect=[*waiting, pending, done])

    assert await answers(bulk, URLS[:1]) == [UrlAnswer(URLS[0], said("toyota corolla"))]
    assert time.slept == pytest.approx([0.2 * 1.5**look for look in range(6)])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ticket(False), ProviderTimedOut),
        (httpx.Response(503, headers={"Retry-After": "9"}), ProviderUnavailable),
    ],
)
async def test_waiting_in_vain(
    bulk: ImaggaBulk,
    respx_mock: respx.MockRouter,
    time: Time,
    answer: httpx.Response,
    kind: type[Exception],
) -> None:
    """
    Nobody waits for ever.
    """
    taken(respx_mock)
    respx_mock.get(TICKET).mock(return_value=answer)

    with pytest.raises(kind):
        await answers(bulk, URLS)

    assert 60 <= time.now < 80
    assert max(time.slept) == 15


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundAtProvider), (410, GoneAtProvider), (400, Exception)]
)
async def test_a_lost_ticket(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, time: Time, status: int, kind: type[Exception]
) -> None:
    """
    A ticket that Imagga does not have is not waited for.
    """
    taken(respx_mock)
    respx_mock.get(TICKET).respond(status)

    with pytest.raises(kind):
        await answers(bulk, URLS)

    assert time.slept == [0.2]


ERROR = {"status": {"text": "No image", "type": "error"}}


@pytest.mark.parametrize(
    "broken",
    [ERROR, {**ERROR, "result": {"categories": []}}, {}, None, 7, "car", [], {"result": 7}],
)
async def test_a_picture_that_could_not_be_seen(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, broken: Any
) -> None:
    """
    One dead link does not cost the rest of the batch.
    """
    taken(respx_mock)
    result = {"/categories": [broken, categories("bmw z3")]}
    respx_mock.get(TICKET).mock(return_value=ticket(True, result))

    assert await answers(bulk, URLS[:2]) == [
        UrlAnswer(URLS[0], None),
        UrlAnswer(URLS[1], said("bmw z3")),
    ]


@pytest.mark.parametrize(
    "result",
    [
        {"categories": [categories("bmw z3")]},
        {"/categories/cars": [categories("bmw z3")], "callback_url": None},
        {"/categories": [categories("bmw z3")["result"]]},
        {"/categories": [{"result": categories("bmw z3")["result"]}]},
    ],
)
async def test_other_ways_to_write_a_result(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, result: Any
) -> None:
    """
    The form of a batch's result is documented nowhere; what can only mean one thing is read.
    """
    taken(respx_mock)
    respx_mock.get(TICKET).mock(return_value=ticket(True, result))

    assert await answers(bulk, URLS[:1]) == [UrlAnswer(URLS[0], said("bmw z3"))]


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        [],
        "done",
        {"/categories": {}},
        {"/categories": []},
        {"/categories": [categories("a"), categories("b")]},
        {"/categories": [categories("a")], "/tags": [categories("b")]},
    ],
)
async def test_a_result_that_cannot_be_told_apart(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, result: Any
) -> None:
    """
    An answer is never given to a picture that it may not belong to.
    """
    taken(respx_mock)
    respx_mock.get(TICKET).mock(return_value=ticket(True, result))

    with pytest.raises(ProviderAnswerUnreadable):
        await answers(bulk, URLS[:1])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(403), ProviderQuotaUsedUp),
        (httpx.Response(400), ProviderRequestRefused),
        (httpx.Response(200, json=ERROR), ProviderRequestRefused),
        (httpx.Response(200, json={"result": {}, "status": SUCCESS}), ProviderAnswerUnreadable),
    ],
)
async def test_a_batch_that_is_refused(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, answer: httpx.Response, kind: type[Exception]
) -> None:
    """
    What was not taken is not waited for.
    """
    respx_mock.post(BATCHES).mock(return_value=answer)

    with pytest.raises(kind):
        await answers(bulk, URLS)

    assert len(respx_mock.calls) == 1


@pytest.mark.parametrize("is_final", [None, "soon", {}])
async def test_a_ticket_that_cannot_be_read(
    bulk: ImaggaBulk, respx_mock: respx.MockRouter, is_final: Any
) -> None:
    """
    Whether it is done is said plainly, or not at all.
    """
    taken(respx_mock)
    respx_mock.get(TICKET).mock(return_value=ticket(is_final))

    with pytest.raises(ProviderAnswerUnreadable):
        await answers(bulk, URLS)
