"""
Sessions of devices: what an app gets instead of a key that counts for long.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from carvalue.core import errors
from carvalue.core.callers import Tier
from carvalue.core.devices import SESSION_FOR, Attestation, DeviceSessions
from carvalue.web.dependencies import CallerDep
from carvalue.web.fields import InBody, Instant, OutBody
from carvalue.web.problems import problems

router = APIRouter(prefix="/v1", tags=["devices"])

LONGEST_EVIDENCE = 32_000
"""Characters; App Attest's attestation object has some 8,000."""


async def _sessions(request: Request) -> DeviceSessions:
    sessions: DeviceSessions = request.app.state.services.sessions
    return sessions


SessionsDep = Annotated[DeviceSessions, Depends(_sessions)]


class DeviceChallenge(OutBody):
    """What an attestation is to be made for."""

    challenge: str = Field(description="Good for one session, until `expires_at`.")
    expires_at: Instant


class DeviceAttestation(InBody):
    """The proof that this is the team's own app, on a genuine device."""

    method: Annotated[str, Field(pattern="^[a-z_]{1,40}$", examples=["app_attest"])]
    challenge: Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,400}$")]
    evidence: Annotated[
        str,
        Field(
            pattern=f"^[A-Za-z0-9+/=._~-]{{1,{LONGEST_EVIDENCE}}}$",
            description="As the platform gave it; what is not text is sent in Base64.",
        ),
    ]


class DeviceSessionCreate(InBody):
    """Which device it is; and, where an app asks by itself, what proves it."""

    device_id: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9._~-]{16,128}$",
            description="Yours, always the same for one device, which finds its appraisals by it. "
            "A random UUID in the keychain: whoever knows it can be this device.",
        ),
    ]
    attestation: DeviceAttestation | None = None


class DeviceSession(OutBody):
    """A token for `Authorization: Bearer`."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(description="Seconds.")
    expires_at: Instant
    tier: Tier = Field(description="unattested: nothing has proved the device; it gets less.")


@router.post("/device-challenges", status_code=201, responses=problems())
async def create_device_challenge(
    caller: CallerDep, sessions: SessionsDep, response: Response
) -> DeviceChallenge:
    """Get a challenge to attest for."""
    response.headers["Cache-Control"] = "no-store"
    made = sessions.challenge(caller)
    return DeviceChallenge(challenge=made.text, expires_at=made.expires_at)


@router.post(
    "/device-sessions", status_code=201, responses=problems(errors.AttestationFailed, body=True)
)
async def create_device_session(
    body: DeviceSessionCreate, caller: CallerDep, sessions: SessionsDep, response: Response
) -> DeviceSession:
    """
    Open a session for a device; what it makes belongs to it, and to the key that opens it.

    A server vouches for its devices. An app whose key is for nothing else attests; a device that
    cannot is let in all the same, as `unattested`.
    """
    response.headers["Cache-Control"] = "no-store"
    made = await sessions.open(caller, body.device_id, _attestation(body))
    return DeviceSession(
        access_token=made.token,
        token_type="Bearer",  # noqa: S106 - the name of a kind of token
        expires_in=int(SESSION_FOR.total_seconds()),
        expires_at=made.expires_at,
        tier=made.caller.tier,
    )


def _attestation(body: DeviceSessionCreate) -> Attestation | None:
    given = body.attestation
    if given is None:
        return None
    return Attestation(given.method, given.challenge, given.evidence, body.device_id)
