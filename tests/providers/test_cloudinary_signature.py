"""
Cloudinary's signatures: ours are those of its official library, and a forged notice is refused.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import cloudinary
import pytest
from cloudinary import utils
from hypothesis import given
from hypothesis import strategies as st

from carvalue.core.errors import NoticeRefused
from carvalue.providers.cloudinary_signature import (
    NEVER_SIGNED,
    Algorithm,
    Signer,
    Version,
    notice_signature,
    signature_of,
    string_to_sign,
)

NOW = 1_315_060_510
SAMPLE = {"public_id": "sample_image", "timestamp": "1315060510"}
EAGER = {**SAMPLE, "eager": "w_400,h_300,c_pad|w_260,h_200,c_crop"}
TAGGING = {"categorization": "imagga_tagging", "auto_tagging": "0.4", "timestamp": "1315060510"}
CARS = {
    "public_id": "cars/corolla",
    "categorization": "imagga_tagging:fi:da",
    "timestamp": "1315060510",
}
VECTORS: list[tuple[dict[str, str], Algorithm, str]] = [
    (SAMPLE, "sha1", "b4ad47fb4e25c7bf5f92a20089f9db59bc302313"),
    (EAGER, "sha1", "bfd09f95f331f558cbd1320e67aa8d488770583e"),
    (TAGGING, "sha1", "5ce092ab1a20af772d0939c6224b4e284f63beaf"),
    (TAGGING, "sha256", "db46e01bf4d1cba041e0da5147f673bb4b446ddd103ead9f15cdf15f660f5119"),
    (CARS, "sha1", "4cbc5e952586ca8c8df791e05bb2d20b2377ce34"),
    (
        {"public_id": "sample", "version": "1369431906"},
        "sha1",
        "ff6f5721acb3cfb1d3870279b5a1ca4e3f6ec43c",
    ),
]
NOTICE = b'{"public_id":"sample"}'
NOTICE_VECTORS: dict[Algorithm, str] = {
    "sha1": "a60a831816895d42a7e83205983ddb0d9bd47d38",
    "sha256": "92c647e231754443648d22b730a810ebed5dd1a5097e6c5ea4847af55a66bda8",
}


@pytest.fixture
def sdk() -> Iterator[Any]:
    """The official library with the same secret."""
    yield cloudinary.config(api_key="key", api_secret="abcd", cloud_name="demo")
    cloudinary.reset_config()


def a_signer(algorithm: Algorithm = "sha1", *, now: float = NOW) -> Signer:
    return Signer("key", "abcd", algorithm, now=lambda: now)


def headers(signature: str, timestamp: str = str(NOW)) -> dict[str, str]:
    return {"x-cld-signature": signature, "x-cld-timestamp": timestamp}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("params", "algorithm", "signature"), VECTORS)
def test_known_signatures(
    params: dict[str, str], algorithm: Algorithm, signature: str, version: Version
) -> None:
    """
    The examples that are known come out as they should, here and in the official library.
    """
    assert signature_of(params, "abcd", algorithm=algorithm, version=version) == signature
    assert utils.api_sign_request(params, "abcd", algorithm, version) == signature


def test_what_is_signed() -> None:
    """
    The file and what names the account are not signed; nor is what is empty. "0" is not empty.
    """
    unsigned = dict.fromkeys(NEVER_SIGNED, "x")

    assert string_to_sign({**unsigned, "overwrite": "0", "folder": "", "a": ["b", "c"]}) == (
        "a=b,c&overwrite=0"
    )


def test_an_ampersand() -> None:
    """
    A value cannot pass for another parameter: in version 2 an ampersand is written differently.
    """
    smuggled = {"context": "a&overwrite=1"}
    honest = {"context": "a", "overwrite": "1"}

    assert signature_of(smuggled, "abcd") != signature_of(honest, "abcd")
    assert signature_of(smuggled, "abcd", version=1) == signature_of(honest, "abcd", version=1)


@given(
    params=st.dictionaries(
        st.text(min_size=1).filter(lambda name: name not in NEVER_SIGNED),
        st.text() | st.lists(st.text()),
    ),
    secret=st.text(min_size=1),
    algorithm=st.sampled_from(["sha1", "sha256"]),
    version=st.sampled_from([1, 2]),
)
def test_any_request(
    params: dict[str, str | list[str]], secret: str, algorithm: Algorithm, version: Version
) -> None:
    """
    Whatever is sent, we sign it as the official library does.
    """
    expected = utils.api_sign_request(params, secret, algorithm, version)

    assert signature_of(params, secret, algorithm=algorithm, version=version) == expected


def test_a_signed_call() -> None:
    """
    A call is dated, says whose it is, and shows the secret nowhere.
    """
    signer = a_signer(now=NOW + 0.9)
    signed = signer.signed({"public_id": "sample_image"})

    assert signed == {**SAMPLE, "api_key": "key", "signature": VECTORS[0][2]}
    assert "abcd" not in repr(signer)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_known_notices(algorithm: Algorithm) -> None:
    signature = NOTICE_VECTORS[algorithm]

    assert notice_signature(NOTICE, str(NOW), "abcd", algorithm=algorithm) == signature
    a_signer(algorithm).check_notice(headers(signature), NOTICE)


@given(body=st.text(), algorithm=st.sampled_from(["sha1", "sha256"]))
def test_any_notice(body: str, algorithm: Algorithm) -> None:
    """
    What the official library takes for genuine, so do we.
    """
    cloudinary.config(api_secret="abcd")
    now = str(int(time.time()))
    signature = notice_signature(body.encode(), now, "abcd", algorithm=algorithm)

    assert utils.verify_notification_signature(body, now, signature, algorithm=algorithm)
    Signer("key", "abcd", algorithm).check_notice(headers(signature, now), body.encode())
    cloudinary.reset_config()


def test_an_account_that_turns_to_another_hash() -> None:
    """
    SHA-256 is taken from an account of SHA-1, but never the other way round.
    """
    a_signer("sha1").check_notice(headers(NOTICE_VECTORS["sha256"]), NOTICE)

    with pytest.raises(NoticeRefused):
        a_signer("sha256").check_notice(headers(NOTICE_VECTORS["sha1"]), NOTICE)


@pytest.mark.parametrize(
    ("altered", "body"),
    [
        ({}, NOTICE),
        ({"x-cld-signature": NOTICE_VECTORS["sha1"]}, NOTICE),
        ({"x-cld-timestamp": str(NOW)}, NOTICE),
        (headers(""), NOTICE),
        (headers("0" * 40), NOTICE),
        (headers("0" * 64), NOTICE),
        (headers("é" * 40), NOTICE),
        (headers(NOTICE_VECTORS["sha1"][:-1]), NOTICE),
        (headers(NOTICE_VECTORS["sha1"], str(NOW + 1)), NOTICE),
        (headers(NOTICE_VECTORS["sha1"], f"-{NOW}"), NOTICE),
        (headers(NOTICE_VECTORS["sha1"], f"{NOW}.0"), NOTICE),
        (headers(NOTICE_VECTORS["sha1"], "٣" * 10), NOTICE),
        (headers(NOTICE_VECTORS["sha1"], "9" * 5000), NOTICE),
        (headers(NOTICE_VECTORS["sha1"]), b'{"public_id":"other"}'),
        (headers(NOTICE_VECTORS["sha1"]), json.dumps(json.loads(NOTICE)).encode()),
        (headers(NOTICE_VECTORS["sha1"]), b""),
        # The body and the date stand side by side: a digit moved over makes the date another.
        (headers(NOTICE_VECTORS["sha1"], str(NOW)[1:]), NOTICE + b"1"),
    ],
)
def test_a_notice_that_is_not_genuine(altered: dict[str, str], body: bytes) -> None:
    """
    Forged, altered, written anew, or without its date: refused, and never a crash.
    """
    with pytest.raises(NoticeRefused):
        a_signer().check_notice(altered, body)


@pytest.mark.parametrize(
    ("seconds", "good"), [(0, True), (7200, True), (7201, False), (-7200, True), (-7201, False)]
)
def test_the_age_of_a_notice(seconds: int, good: bool) -> None:
    """
    A notice that was caught and is sent again after two hours is worth nothing.
    """
    signer = a_signer(now=NOW + seconds)

    if good:
        signer.check_notice(headers(NOTICE_VECTORS["sha1"]), NOTICE)
        return
    with pytest.raises(NoticeRefused):
        signer.check_notice(headers(NOTICE_VECTORS["sha1"]), NOTICE)


def test_an_old_notice_at_the_official_library(sdk: Any) -> None:
    """
    The official library refuses the old one, too.
    """
    old = str(int(time.time()) - 7300)
    signature = notice_signature(NOTICE, old, "abcd")

    assert not utils.verify_notification_signature(NOTICE.decode(), old, signature)
    with pytest.raises(NoticeRefused):
        Signer("key", "abcd").check_notice(headers(signature, old), NOTICE)
