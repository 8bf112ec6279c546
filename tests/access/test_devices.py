"""
Sessions of devices: opened by a server, or by an app that attests.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from carvalue.core.callers import Caller, Scope, Tier
from carvalue.core.devices import (
    CHALLENGE,
    CHALLENGE_FOR,
    SESSION_FOR,
    Attestation,
    DeviceSessions,
    SharedSecretVerifier,
    evidence_of,
)
from carvalue.core.errors import AttestationFailed, Unauthorized
from carvalue.core.signing import Signer
from carvalue.settings import Settings
from tests.access.conftest import TEST_SECRET, client_of, device, made_key, running
from tests.fakes import Clock
from tests.web.conftest import problem_of

pytestmark = pytest.mark.anyio

DEVICE = "0a3b54c0-d9b7-4b1f-9c0e"
SERVER = Caller("key_server", frozenset(Scope))
APP = Caller("key_app", frozenset({Scope.devices}))


class Challenges:
    """ChallengeBook in memory."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    async def use(self, challenge: str, until: Any) -> bool:
        fresh = challenge not in self.used
        self.used.add(challenge)
        return fresh


@pytest.fixture
def sessions(clock: Clock) -> DeviceSessions:
    verifiers = {"test": SharedSecretVerifier(TEST_SECRET)}
    return DeviceSessions(Signer(b"secret"), Challenges(), verifiers, now=clock)


def attested(sessions: DeviceSessions, opener: Caller = APP, **changed: str) -> Attestation:
    challenge = sessions.challenge(opener).text
    evidence = evidence_of(TEST_SECRET, challenge, DEVICE)
    given = {"method": "test", "challenge": challenge, "evidence": evidence, "device_id": DEVICE}
    return Attestation(**{**given, **changed})


async def test_a_server_vouches_for_its_devices(sessions: DeviceSessions, clock: Clock) -> None:
    """
    Who could appraise itself may let its phones do so, as themselves and in full.
    """
    session = await sessions.open(SERVER, DEVICE)

    assert session.caller.tenant == "key_server"
    assert session.caller.owner.startswith("key_server/dev_")
    assert session.caller.scopes == {Scope.appraise}
    assert session.caller.tier is Tier.full
    assert sessions.caller(session.token, clock()) == session.caller


async def test_an_app_that_attests(sessions: DeviceSessions, clock: Clock) -> None:
    session = await sessions.open(APP, DEVICE, attested(sessions))

    assert session.caller.tier is Tier.full
    assert sessions.caller(session.token, clock()).tier is Tier.full


async def test_a_device_that_cannot_attest(sessions: DeviceSessions, clock: Clock) -> None:
    """
    An old phone is let in and trusted less; so is one whose kind of attestation we cannot check.
    """
    unknown = attested(sessions, method="play_integrity")

    for attestation in (None, unknown):
        session = await sessions.open(APP, DEVICE, attestation)
        assert sessions.caller(session.token, clock()).tier is Tier.unattested


async def test_one_device_is_one_caller(sessions: DeviceSessions) -> None:
    """
    With or without an attestation, the same device finds its appraisals; no other does, nor the
    same one of another team. What the device is called shows in no id.
    """
    session = await sessions.open(APP, DEVICE, attested(sessions))
    again = await sessions.open(APP, DEVICE)
    others = [
        await sessions.open(APP, f"{DEVICE}-2"),
        await sessions.open(Caller("key_other", APP.scopes), DEVICE),
    ]

    assert session.caller.owner == again.caller.owner
    assert session.caller.owner not in [one.caller.owner for one in others]
    assert DEVICE not in session.caller.owner + session.token


@pytest.mark.parametrize(
    "changed",
    [
        {"evidence": "0" * 64},
        {"evidence": "é"},
        {"device_id": "another-device-id"},
        {"challenge": "e30.e30"},
        {"challenge": "words"},
    ],
)
async def test_an_attestation_that_fails(sessions: DeviceSessions, changed: dict[str, str]) -> None:
    with pytest.raises(AttestationFailed):
        await sessions.open(APP, DEVICE, attested(sessions, **changed))


async def test_a_challenge_is_for_one_session(sessions: DeviceSessions) -> None:
    """
    An attestation that somebody has overheard opens nothing.
    """
    attestation = attested(sessions)
    await sessions.open(APP, DEVICE, attestation)

    with pytest.raises(AttestationFailed, match="used already"):
        await sessions.open(APP, DEVICE, attestation)


async def test_a_challenge_of_somebody_else(sessions: DeviceSessions) -> None:
    with pytest.raises(AttestationFailed):
        await sessions.open(APP, DEVICE, attested(sessions, opener=SERVER))


async def test_a_challenge_that_is_over(sessions: DeviceSessions, clock: Clock) -> None:
    attestation = attested(sessions)
    clock.now += CHALLENGE_FOR

    with pytest.raises(AttestationFailed, match="expired"):
        await sessions.open(APP, DEVICE, attestation)


async def test_a_session_that_is_over(sessions: DeviceSessions, clock: Clock) -> None:
    session = await sessions.open(SERVER, DEVICE)

    just_before = session.expires_at - timedelta(seconds=1)
    assert sessions.caller(session.token, just_before) == session.caller
    with pytest.raises(Unauthorized):
        sessions.caller(session.token, session.expires_at)


async def test_a_token_that_we_have_not_made(sessions: DeviceSessions, clock: Clock) -> None:
    """
    Another secret, another purpose, or one letter, and it is no session.
    """
    token = (await sessions.open(SERVER, DEVICE)).token
    others = DeviceSessions(Signer(b"another"), Challenges(), {}, now=clock)
    forged = [
        (await others.open(SERVER, DEVICE)).token,
        "cv_device_" + sessions.challenge(SERVER).text,
        "cv_device_" + Signer(b"secret").sign('["key_server", "full", "9999-01-01"]', CHALLENGE),
        *(
            token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            for at in range(len("cv_device_"), len(token))
        ),
    ]

    for one in forged:
        with pytest.raises(Unauthorized):
            sessions.caller(one, clock())


# Over HTTP


async def test_from_a_challenge_to_an_appraisal(service: FastAPI, url: str) -> None:
    """
    The app's key opens sessions and nothing else; the session does the work.
    """
    _, secret = await made_key(url, scopes=[Scope.devices])
    async with client_of(service, secret) as app:
        challenge = (await app.post("/v1/device-challenges")).json()["challenge"]
        attestation = {
            "method": "test",
            "challenge": challenge,
            "evidence": evidence_of(TEST_SECRET, challenge, DEVICE),
        }
        opened = await app.post(
            "/v1/device-sessions", json={"device_id": DEVICE, "attestation": attestation}
        )
        again = await app.post(
            "/v1/device-sessions", json={"device_id": DEVICE, "attestation": attestation}
        )
        problem_of(await app.get("/v1/appraisals"), 403, "forbidden")

    problem_of(again, 403, "attestation-failed")
    assert opened.status_code == 201
    assert opened.headers["cache-control"] == "no-store"
    session = opened.json()
    assert session["token_type"] == "Bearer"
    assert session["expires_in"] == SESSION_FOR.total_seconds() == 3600
    assert session["tier"] == "full"
    async with client_of(service, session["access_token"]) as phone:
        assert (await phone.get("/v1/appraisals")).status_code == 200
        problem_of(await phone.post("/v1/device-challenges"), 403, "forbidden")
        problem_of(
            await phone.post("/v1/device-sessions", json={"device_id": DEVICE}), 403, "forbidden"
        )
        problem_of(await phone.get("/v1/webhook-endpoints"), 403, "forbidden")


@pytest.fixture
async def without_test_devices(settings: Settings) -> AsyncIterator[FastAPI]:
    async with running(settings.model_copy(update={"attestation_test_secret": None})) as app:
        yield app


async def test_nobody_knows_the_test_secret_by_default(
    without_test_devices: FastAPI, url: str
) -> None:
    """
    The verifier for tests is not there unless a setting says so.
    """
    _, secret = await made_key(url, scopes=[Scope.devices])
    async with client_of(without_test_devices, secret) as app:
        challenge = (await app.post("/v1/device-challenges")).json()["challenge"]
        for known in (TEST_SECRET, ""):
            attestation = {
                "method": "test",
                "challenge": challenge,
                "evidence": evidence_of(known, challenge, DEVICE),
            }
            opened = await app.post(
                "/v1/device-sessions", json={"device_id": DEVICE, "attestation": attestation}
            )
            assert opened.json()["tier"] == "unattested"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"device_id": "short"},
        {"device_id": "with blanks in between"},
        {"device_id": DEVICE, "tier": "full"},
        {"device_id": DEVICE, "owner": "key_other"},
        {"device_id": DEVICE, "attestation": {"method": "test"}},
    ],
)
async def test_a_body_that_does_not_fit(alice: httpx.AsyncClient, body: dict[str, Any]) -> None:
    problem_of(await alice.post("/v1/device-sessions", json=body), 422, "validation-failed")


async def test_a_session_outlives_a_restart(settings: Settings, url: str) -> None:
    """
    Any replica, and the same one after a restart, knows a session that another has opened.
    """
    _, secret = await made_key(url)
    async with running(settings) as first, client_of(first, secret) as server:
        token = (await device(server, DEVICE))["access_token"]

    changed = settings.model_copy(update={"api_key": SecretStr("another-key-of-all-tests")})
    async with running(changed) as second, client_of(second, token) as phone:
        assert (await phone.get("/v1/appraisals")).status_code == 200
