"""
A provider that answers as badly as it can, on the wire: one step of one appraisal fails, and can
be repeated.
"""

import asyncio
import logging
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from httpx_aiohttp import HttpxAiohttpClient

from carvalue.core.errors import ProviderError, ProviderTimedOut
from tests.providers.conftest import Wire
from tests.providers.everyone import PROVIDERS, SECRETS, Provider
from tests.providers.faults import FAULTS, MB, Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
async def real_http(certificates: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """The client that the service itself uses."""
    async with HttpxAiohttpClient(verify=certificates, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.__name__)
async def test_whatever_comes(
    provider: Provider,
    fault: Fault,
    real_http: httpx.AsyncClient,
    wire: Wire,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    It is a provider's error in time and within bounds, and tells nobody our keys.
    """
    caplog.set_level(logging.DEBUG)
    url = await wire(
        fault.answer,
        then_drip=fault.then_drip,
        then_abort=fault.then_abort,
        then_wait=fault.then_wait,
    )
    # Being late is one of the faults; a machine that is busy is none.
    asked = provider(real_http, url, 1.0 if fault.kind is ProviderTimedOut else 5.0)
    tracemalloc.start()
    begun = time.monotonic()
    try:
        with pytest.raises(ProviderError) as failed:
            await asyncio.wait_for(asked.ask(), timeout=10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert isinstance(failed.value, fault.kind), failed.value
    assert failed.value.provider == asked.name
    assert time.monotonic() - begun < 6
    assert peak < 8 * MB
    told = f"{caplog.text} {failed.value} {failed.value!r} {vars(failed.value)}"
    assert not any(secret in told for secret in SECRETS)
