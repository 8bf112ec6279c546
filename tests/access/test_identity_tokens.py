"""
Tokens of the team's own identity provider, which a local one signs here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from carvalue.core.callers import Caller, Scope
from carvalue.core.errors import IdentityProviderUnavailable, Unauthorized
from carvalue.identity_tokens import (
    ASKED_EVERY,
    ASKED_EVERY_WITHOUT,
    KEYS_FRESH_FOR,
    KEYS_GOOD_FOR,
    OidcTokens,
)
from carvalue.providers.http import Channel

pytestmark = pytest.mark.anyio

ISSUER = "https://identity.example/team"
DESCRIPTION = f"{ISSUER}/.well-known/openid-configuration"
JWKS = "https://identity.example/keys"
RSA = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("a", "b")}
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Seconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Issuer:
    """An identity provider as far as we see it: its description and its public keys."""

    router: respx.MockRouter
    keys: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.description = self.router.get(DESCRIPTION).respond(
            json={"issuer": ISSUER, "jwks_uri": JWKS}
        )
        self.jwks = self.router.get(JWKS).mock(
            side_effect=lambda _: httpx.Response(200, json={"keys": self.keys})
        )

    def shows(self, *names: str) -> None:
        self.keys[:] = [public(name) for name in names]


def public(name: str, **more: Any) -> dict[str, Any]:
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA[name].public_key()))
    return {**shown, "kid": name, "use": "sig", "alg": "RS256", **more}


def pem(name: str) -> bytes:
    """The public key as text, which an HS256 token could be forged with."""
    return (
        RSA[name]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def claims(**given: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    usual = {
        "iss": ISSUER,
        "aud": "the-app",
        "sub": "user-1",
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return {name: value for name, value in {**usual, **given}.items() if value is not None}


def token(key: str = "a", kid: str | None = "a", **given: Any) -> str:
    headers = {"kid": kid} if kid else {}
    return jwt.encode(claims(**given), RSA[key], algorithm="RS256", headers=headers)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with respx.mock(assert_all_called=False) as router:
        made = Issuer(router)
        made.shows("a")
        yield made


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def tokens(issuer: Issuer, seconds: Seconds) -> Any:
    async with httpx.AsyncClient() as http:
        channel = Channel(http, "identity_provider", 5.0)
        yield OidcTokens(channel, issuer=ISSUER, audience="the-app", clock=seconds)


async def test_a_user(tokens: OidcTokens) -> None:
    """
    A user is a caller of its own, who may appraise and nothing else; its name is not in the id.
    """
    caller = await tokens.caller(token())

    assert caller == Caller(caller.owner, frozenset({Scope.appraise}))
    assert caller.owner.startswith("usr_")
    assert "user-1" not in caller.owner
    assert caller == await tokens.caller(token(aud=["another", "the-app"]))
    assert caller != await tokens.caller(token(sub="user-2"))


async def test_the_same_name_at_another_issuer(issuer: Issuer, tokens: OidcTokens) -> None:
    """
    Whoever changes the identity provider hands nobody's appraisals to a namesake.
    """
    other = "https://other.example"
    async with httpx.AsyncClient() as http:
        theirs = OidcTokens(
            Channel(http, "identity_provider", 5.0), issuer=other, audience="the-app", jwks_url=JWKS
        )
        caller = await theirs.caller(token(iss=other))

    assert caller.owner != (await tokens.caller(token())).owner


def hours(count: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=count)


REFUSED = {
    "another issuer": token(iss="https://identity.example"),
    "no issuer": token(iss=None),
    "another audience": token(aud="another-app"),
    "no audience": token(aud=None),
    "expired": token(exp=hours(-1)),
    "without an end": token(exp=None),
    "not yet": token(nbf=hours(1)),
    "issued tomorrow": token(iat=hours(24)),
    "nobody": token(sub=None),
    "an empty name": token(sub=""),
    "a number as name": jwt.encode(claims() | {"sub": 1}, RSA["a"], "RS256", {"kid": "a"}),
    "another key": token(key="b"),
    "an unknown key": token(key="b", kid="b"),
    "not signed": jwt.encode(claims(), None, "none", {"kid": "a"}),
    "signed with the public key": "",
    "a symmetric key": jwt.encode(claims(), "x" * 40, "HS256", {"kid": "a"}),
    "another algorithm than the key's": jwt.encode(claims(), RSA["a"], "RS512", {"kid": "a"}),
    "an elliptic key of that name": jwt.encode(claims(), ELLIPTIC, "ES256", {"kid": "a"}),
    "cut": token()[:-20],
    "words": "let me in",
    "dots": "..",
    "no JSON": "e30.e30.e30",
}


def forged_with_the_public_key() -> str:
    """PyJWT refuses to make it, as it should."""
    import base64
    import hashlib
    import hmac

    def packed(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    told = {**claims(), "iat": 1, "exp": 9_999_999_999}
    head = packed(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "a"}).encode())
    body = packed(json.dumps(told).encode())
    digest = hmac.digest(pem("a"), f"{head}.{body}".encode(), hashlib.sha256)
    return f"{head}.{body}.{packed(digest)}"


@pytest.mark.parametrize("why", REFUSED)
async def test_what_is_no_token_of_ours(tokens: OidcTokens, why: str) -> None:
    """
    Nothing but a token of this issuer, for this app, in its time, with its key, says who it is.
    """
    sent = REFUSED[why] or forged_with_the_public_key()

    with pytest.raises(Unauthorized):
        await tokens.caller(sent)


async def test_clocks_that_differ_a_little(tokens: OidcTokens) -> None:
    a_little = datetime.now(UTC)

    await tokens.caller(token(exp=a_little - timedelta(seconds=10)))
    await tokens.caller(token(nbf=a_little + timedelta(seconds=10)))


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "a"},
        public("a", use="enc"),
        {"kty": "RSA", "kid": "a"},
        {"kid": "a"},
        {},
    ],
)
async def test_a_key_that_signs_nothing(
    issuer: Issuer, tokens: OidcTokens, key: dict[str, Any]
) -> None:
    """
    A provider's symmetric or broken key lets nobody in, and is no fault of ours either.
    """
    issuer.keys[:] = [key]

    with pytest.raises(Unauthorized):
        await tokens.caller(token())


async def test_an_elliptic_key(issuer: Issuer, tokens: OidcTokens) -> None:
    shown = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ELLIPTIC.public_key()))
    issuer.keys[:] = [{**shown, "kid": "e"}]

    await tokens.caller(jwt.encode(claims(), ELLIPTIC, "ES256", {"kid": "e"}))


async def test_keys_are_kept(issuer: Issuer, tokens: OidcTokens, seconds: Seconds) -> None:
    """
    The provider is asked once an hour, not for every request.
    """
    for _ in range(20):
        await tokens.caller(token())
    assert issuer.jwks.call_count == 1

    seconds.now += KEYS_FRESH_FOR
    await tokens.caller(token())
    assert issuer.jwks.call_count == 2


async def test_a_key_that_was_changed(issuer: Issuer, tokens: OidcTokens, seconds: Seconds) -> None:
    """
    A new key is found when it is first seen, and the old one counts no more.
    """
    await tokens.caller(token())
    issuer.shows("b")
    seconds.now += ASKED_EVERY

    await tokens.caller(token("b", "b"))

    with pytest.raises(Unauthorized):
        await tokens.caller(token())


async def test_unknown_keys_cost_the_provider_little(issuer: Issuer, tokens: OidcTokens) -> None:
    """
    A stranger's nonsense is no reason to ask the provider again and again.
    """
    await tokens.caller(token())
    for number in range(20):
        with pytest.raises(Unauthorized):
            await tokens.caller(token("b", f"unknown-{number}"))

    assert issuer.jwks.call_count == 1


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, text="<html>")])
async def test_a_provider_that_is_down(
    issuer: Issuer, tokens: OidcTokens, seconds: Seconds, answer: httpx.Response
) -> None:
    """
    Without keys nobody can tell whether a token is good, so it is not called bad; and soon after
    the provider is back, tokens count again.
    """
    issuer.router.get(JWKS).mock(return_value=answer)
    with pytest.raises(IdentityProviderUnavailable):
        await tokens.caller(token())
    asked = issuer.jwks.call_count
    with pytest.raises(IdentityProviderUnavailable):
        await tokens.caller(token())
    assert issuer.jwks.call_count == asked

    issuer.router.get(JWKS).mock(return_value=httpx.Response(200, json={"keys": [public("a")]}))
    seconds.now += ASKED_EVERY_WITHOUT
    await tokens.caller(token())


async def test_a_provider_that_goes_away_for_a_while(
    issuer: Issuer, tokens: OidcTokens, seconds: Seconds
) -> None:
    """
    Its keys count on for a day, and no longer.
    """
    await tokens.caller(token())
    issuer.router.get(JWKS).mock(side_effect=httpx.ConnectError("down"))

    seconds.now += KEYS_FRESH_FOR
    await tokens.caller(token())

    seconds.now += KEYS_GOOD_FOR
    with pytest.raises(IdentityProviderUnavailable):
        await tokens.caller(token())


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://identity.example/other", "jwks_uri": JWKS},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": "http://identity.example/keys"},
        {"issuer": ISSUER},
        [],
    ],
)
async def test_a_description_that_leads_elsewhere(
    issuer: Issuer, tokens: OidcTokens, description: Any
) -> None:
    """
    Keys are taken from the issuer that was named, over the same safe way, and from nobody else.
    """
    issuer.router.get(DESCRIPTION).respond(json=description)

    with pytest.raises(IdentityProviderUnavailable):
        await tokens.caller(token())

    assert issuer.jwks.call_count == 0


async def test_one_key_without_a_name(issuer: Issuer, tokens: OidcTokens, seconds: Seconds) -> None:
    """
    A provider with one key may leave its name out; with two it may not.
    """
    await tokens.caller(token(kid=None))
    issuer.shows("a", "b")
    seconds.now += KEYS_FRESH_FOR

    await tokens.caller(token())
    with pytest.raises(Unauthorized):
        await tokens.caller(token(kid=None))
