"""
What is told and logged of a failed call: who failed and how, and nothing of what was said.
"""

import logging
from collections.abc import Iterator

import httpx
import pytest
import respx

from carvalue.core.errors import ProviderError
from carvalue.providers.http import Answer, Channel, fetch

pytestmark = pytest.mark.anyio

URL = "http://provider.test/secret-path?key=secret-key"
BODIES = {
    "html": b"<html>secret-answer</html>",
    "truncated": b'{"number": "secret-answer',
    "wrong type": b'{"number": "secret-answer"}',
    "wrong shape": b'["secret-answer"]',
    "unknown key": b'{"secret-answer": {"secret-answer": "secret-answer"}}',
}


class Number(Answer):
    number: int


async def ask(http: httpx.AsyncClient) -> Number:
    return await fetch(
        Channel(http, "someone", 5.0),
        Number,
        "POST",
        URL,
        cost=1,
        auth=("secret-user", "secret-password"),
        headers={"X-Api-Key": "secret-header"},
        json={"vin": "secret-request"},
    )


def chain(error: BaseException | None) -> Iterator[str]:
    """Everything that an error and its causes say of themselves."""
    while error is not None:
        yield f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__


async def failure_of(http: httpx.AsyncClient) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        await ask(http)
    return failed.value


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429, 500])
async def test_a_refusal(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    """
    No key and no word of the provider reaches the phone or the log, whatever it refuses with.
    """
    caplog.set_level(logging.INFO)
    respx_mock.route().respond(
        status, text="secret-answer", headers={"Location": "http://secret-answer.test"}
    )

    failure = await failure_of(http)

    assert "secret" not in "".join(chain(failure))
    assert "secret" not in caplog.text


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_an_unreadable_answer(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
) -> None:
    """
    Not even the answer that could not be read is repeated, in the error or in its cause.
    """
    caplog.set_level(logging.INFO)
    respx_mock.route().respond(content=body)

    failure = await failure_of(http)

    assert "secret" not in "".join(chain(failure))
    assert "secret" not in caplog.text


async def test_no_connection(caplog: pytest.LogCaptureFixture) -> None:
    """
    The cause is kept for whoever debugs; it knows neither key nor path.
    """
    caplog.set_level(logging.INFO)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        failure = await failure_of(http)

    assert isinstance(failure.__cause__, httpx.ConnectError)
    assert "secret" not in f"{failure!r} {vars(failure)} {failure.__cause__!r}"
    assert "secret" not in caplog.text


async def test_what_is_logged(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """
    One line names the provider, the kind of failure and how long it took.
    """
    caplog.set_level(logging.INFO)
    respx_mock.route().respond(503)

    await failure_of(http)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("someone failed: ProviderUnavailable after 0.")


async def test_nothing_is_logged_of_a_success(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """
    httpx would log every URL at INFO, and some providers take their key there.
    """
    caplog.set_level(logging.INFO)
    respx_mock.route().respond(json={"number": 1})

    await ask(http)

    assert caplog.text == ""
