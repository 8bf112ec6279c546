"""
What holds for every provider that is asked, whichever it is.

A new provider joins the list of `PROVIDERS` in `everyone.py` and must keep the same promises.
"""

import asyncio

import httpx
import pytest
import respx

from carvalue.core.errors import (
    LogicalError,
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderTimedOut,
    ProviderUnavailable,
    TechnicalError,
)
from tests.providers.everyone import PROVIDERS, SECRETS, Asked, Provider

pytestmark = pytest.mark.anyio

BASE = "http://provider.test"
SECONDS = 0.2


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.__name__)
def asked(request: pytest.FixtureRequest, http: httpx.AsyncClient) -> Asked:
    provider: Provider = request.param
    return provider(http, BASE, SECONDS)


async def failure_of(asked: Asked) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        await asyncio.wait_for(asked.ask(), timeout=5)
    return failed.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
        (302, ProviderAnswerUnreadable),
    ],
)
async def test_a_failure_that_passes(
    asked: Asked, respx_mock: respx.MockRouter, status: int, kind: type[ProviderError]
) -> None:
    """
    The user is told to try again later, and nothing that costs a call is asked twice behind their
    back. What a provider was too busy to take has cost none.
    """
    route = respx_mock.route().respond(status)

    failure = await failure_of(asked)

    assert type(failure) is kind
    assert isinstance(failure, TechnicalError)
    assert failure.provider == asked.name
    assert route.call_count == 1 or asked.repeats or kind is ProviderBusy


@pytest.mark.parametrize("status", [401, 400, 422])
async def test_a_failure_that_stays(
    asked: Asked, respx_mock: respx.MockRouter, status: int
) -> None:
    """
    Asking again would not help: somebody has to change something.
    """
    respx_mock.route().respond(status)

    failure = await failure_of(asked)

    assert isinstance(failure, LogicalError)
    assert failure.provider == asked.name


async def test_a_key_that_is_refused(asked: Asked, respx_mock: respx.MockRouter) -> None:
    """
    The message says whose fault it is; it does not say the key.
    """
    respx_mock.route().respond(401, json={"status": {"type": "error", "text": "secret-key"}})

    failure = await failure_of(asked)

    assert type(failure) is ProviderKeyRefused
    shown = f"{failure} {failure!r} {vars(failure)}"
    assert not any(secret in shown for secret in SECRETS)


async def test_nobody_there(asked: Asked, respx_mock: respx.MockRouter) -> None:
    respx_mock.route().mock(side_effect=httpx.ConnectError)

    assert type(await failure_of(asked)) is ProviderUnavailable


async def test_no_answer(asked: Asked, respx_mock: respx.MockRouter) -> None:
    """
    Every provider is given the time that the settings allow, and no more.
    """

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    respx_mock.route().mock(side_effect=never)

    assert type(await failure_of(asked)) is ProviderTimedOut


@pytest.mark.parametrize(
    "body",
    [b"<html>It works!</html>", b"", b"[]", b"null", b'{"result": 7, "model_id": 7, "min": []}'],
)
async def test_nonsense_with_status_200(
    asked: Asked, respx_mock: respx.MockRouter, body: bytes
) -> None:
    """
    A friendly page instead of an answer is not taken for "nothing found".
    """
    respx_mock.route().respond(content=body)

    assert type(await failure_of(asked)) is ProviderAnswerUnreadable


async def test_the_check_of_one_that_is_gone(asked: Asked, respx_mock: respx.MockRouter) -> None:
    """
    An outage shows up in the health checks of every provider.
    """
    respx_mock.get().mock(side_effect=httpx.ConnectError)

    with pytest.raises(ProviderUnavailable):
        await asked.check()
