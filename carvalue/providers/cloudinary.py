"""
Cloudinary, a store of pictures whose add-ons tag what is put there; Imagga's is one of them.

https://cloudinary.com/documentation/imagga_auto_tagging_addon
https://cloudinary.com/documentation/image_upload_api_reference
https://cloudinary.com/documentation/admin_api
"""

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic_core import from_json

from carvalue.core import answers
from carvalue.core.answers import Awaited
from carvalue.core.budget import time_budget
from carvalue.core.errors import (
    NoticeRefused,
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, PhotoInfo
from carvalue.core.ports import CategorizerInfo
from carvalue.providers.cloudinary_signature import Algorithm, Signer, Version
from carvalue.providers.http import (
    QUOTA_FROM,
    Answer,
    Channel,
    Refusal,
    fetch,
    retry_after,
    segment,
)

PROVIDER = "cloudinary"
BASE_URL = "https://api.cloudinary.com"

IMAGGA, ENGLISH = "imagga_tagging", "en"
TITLES: Mapping[str, str] = {
    IMAGGA: "Imagga Auto Tagging",
    "google_tagging": "Google Auto Tagging",
    "aws_rek_tagging": "Amazon Rekognition Auto Tagging",
}
JOINT = "."
"""Joins add-ons in the id of a categorizer; Cloudinary's comma is not allowed in our ids."""
FORGET_SECONDS = 2.0
"""Seconds for the removal of a photo: whoever waits for the answer waits for this, too."""
NOTICES = ("upload", "info")
"""The kinds of notices after which an answer may be there: at once, or from an add-on later."""
COMPLETE, PENDING, FAILED = "complete", "pending", "failed"

# Languages are two letters: https://cloudinary.com/documentation/imagga_auto_tagging_addon
_LANGUAGE = re.compile(r"[a-z]{2}(?![a-z])")


def meaning(refusal: Refusal) -> type[ProviderError] | None:
    """
    What Cloudinary means by a status: https://cloudinary.com/documentation/admin_api#error_handling

    403, an add-on that the account has not subscribed to, stays a matter of the key: it is the
    same for every photo until the account is changed, and nothing is billed.
    """
    match refusal.status:
        case 420 | 429:
            return ProviderQuotaUsedUp if _is_quota(refusal.headers) else ProviderBusy
        case 423:  # the photo is being worked on
            return ProviderBusy
        case 400 if refusal.message("error", "message").startswith("Stale request"):
            return ProviderKeyRefused  # our clock is wrong, so no signature of ours is good
    return None


def _is_quota(headers: httpx.Headers) -> bool:
    # The limit is by the hour, and its end a date: not how long to wait, but until when.
    now = datetime.now(UTC)
    waits = (
        retry_after(headers.get(name), now=now)
        for name in ("x-featureratelimit-reset", "retry-after")
    )
    return any((wait or 0) > QUOTA_FROM for wait in waits)


class _MayFail(Answer):
    error: Any = None  # also under a status of 200


class AssetAnswer(_MayFail):
    """A photo at Cloudinary: answer of the upload, of an update, and of the photo's own address."""

    public_id: str = ""
    existing: Any = None  # it was there before, and the upload changed nothing
    info: Any = None


class PingAnswer(_MayFail):
    """Answer of `/ping`: {"status": "ok"}."""

    status: str = ""


class DestroyAnswer(_MayFail):
    """Answer of `/image/destroy`: {"result": "ok"} or {"result": "not found"}."""

    result: str = ""


class _Notice(Answer):
    notification_type: str
    public_id: str = ""


_AnswerT = TypeVar("_AnswerT", bound=_MayFail)


class Cloudinary:
    """
    Categorizer and NoticeReader backed by Cloudinary's tagging add-ons.

    A categorizer's id is an add-on's name, or several joined by dots. A photo is kept at Cloudinary
    under its SHA-256, so it is never there twice, and removed once its answer is there.
    """

    provider = PROVIDER

    def __init__(
        self,
        channel: Channel,
        *,
        base_url: str = BASE_URL,
        cloud_name: str,
        api_key: str,
        api_secret: str,
        addons: Sequence[str] = (IMAGGA,),
        auto_tagging: float | None = None,
        folder: str = "carvalue",
        notification_url: str | None = None,
        keep_photos: bool = False,
        signature_algorithm: Algorithm = "sha1",
        signature_version: Version = 2,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel = replace(channel, meaning=meaning)
        self._root = f"{base_url.rstrip('/')}/v1_1/{quote(cloud_name, safe='')}"
        self._auth = httpx.BasicAuth(api_key, api_secret)
        self._signer = Signer(api_key, api_secret, signature_algorithm, signature_version, now)
        self._addons = tuple(dict.fromkeys(addons))
        self._folder = f"{folder.strip('/')}/".lstrip("/")
        self._keep_photos = keep_photos
        self._options: dict[str, str] = {}
        if auto_tagging is not None:
            self._options["auto_tagging"] = str(auto_tagging)
        if notification_url:
            self._options["notification_url"] = notification_url
        self.default_id = JOINT.join(self._addons)

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> answers.Answer | Awaited:
        addons = categorizer_id.split(JOINT)
        if not set(addons) <= set(self._addons):
            raise ProviderRequestRefused("The account has no such add-on.", provider=PROVIDER)
        local = _two_letters(language)
        wanted = {"categorization": categorization(addons, local), **self._options}
        ticket = f"{self._folder}{photo.info.sha256}"

        asset = await self._upload(photo, {"public_id": ticket, "overwrite": "0", **wanted})
        if asset.existing and not _is_told(asset, addons):
            asset = await self._resource(ticket)  # free, and it may have been told before
            if not _is_told(asset, addons):
                asset = await self._update(ticket, wanted)
        return await self._outcome(asset, ticket, addons, categorizer_id, local)

    async def collect(self, awaited: Awaited) -> answers.Answer | Awaited:
        asset = await self._resource(awaited.ticket)
        addons = (awaited.categorizer_id or self.default_id).split(JOINT)
        return await self._outcome(asset, awaited.ticket, addons, awaited.categorizer_id, None)

    async def forget(self, ticket: str) -> None:
        """Remove a photo from Cloudinary; that there is none is fine. Raises `ProviderError`."""
        body = self._signer.signed({"public_id": ticket})
        await self._ask(DestroyAnswer, "POST", "/image/destroy", data=body)

    async def discard(self, photo: PhotoInfo, awaited: answers.Awaited | None) -> None:
        if awaited is not None:
            await self.forget(awaited.ticket)

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        """The add-ons of our settings, and all at once; Cloudinary has no list of an account's."""
        ids = dict.fromkeys((self.default_id, *self._addons))
        return [CategorizerInfo(id=id, title=_title(id), labels=()) for id in ids]

    async def check(self) -> None:
        """See whether Cloudinary takes our key; it does not tell which add-ons the account has."""
        ping = await self._ask(PingAnswer, "GET", "/ping", auth=self._auth)
        if ping.status != "ok":
            raise _unreadable()

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> str | None:
        self._signer.check_notice(headers, body)
        try:
            notice = _Notice.model_validate(from_json(body, allow_inf_nan=False))
        except (ValueError, RecursionError) as error:
            raise NoticeRefused("The notice cannot be read.") from error
        # An account may keep other pictures than ours, and may be told of those, too.
        ours = notice.public_id.startswith(self._folder)
        return notice.public_id if ours and notice.notification_type in NOTICES else None

    async def _outcome(
        self,
        asset: AssetAnswer,
        ticket: str,
        addons: Sequence[str],
        categorizer_id: str,
        local: str | None,
    ) -> answers.Answer | Awaited:
        """What the add-ons have said by now; when they are done with the photo, so are we."""
        results = results_of(asset, addons)
        states = [result["status"] for result in results]
        if PENDING in states:
            return Awaited(PROVIDER, ticket, categorizer_id)
        if not self._keep_photos:
            # A photo that stays there is untidy; an answer that is lost for it would be worse.
            with contextlib.suppress(ProviderError), time_budget(FORGET_SECONDS):
                await self.forget(ticket)
        if COMPLETE in states:
            return answer_from(results, categorizer_id, local)
        if FAILED in states:
            # The add-on has given up on this very photo, and will not take it up by itself.
            raise ProviderRequestRefused("The categorizer gave up on the photo.", provider=PROVIDER)
        raise _unreadable()

    async def _upload(self, photo: Photo, params: Mapping[str, str]) -> AssetAnswer:
        return await self._asset(
            "POST",
            "/image/upload",
            cost=1,
            data=self._signer.signed(params),
            files={"file": (f"{photo.side.value}.jpg", photo.content, "image/jpeg")},
        )

    async def _update(self, public_id: str, params: Mapping[str, str]) -> AssetAnswer:
        path = _path_of(public_id)
        return await self._asset("POST", path, cost=1, auth=self._auth, json=params)

    async def _resource(self, public_id: str) -> AssetAnswer:
        return await self._asset("GET", _path_of(public_id), auth=self._auth)

    async def _asset(self, method: str, path: str, **request: Any) -> AssetAnswer:
        asset = await self._ask(AssetAnswer, method, path, **request)
        if not asset.public_id:
            raise _unreadable()
        return asset

    async def _ask(
        self, answer: type[_AnswerT], method: str, path: str, **request: Any
    ) -> _AnswerT:
        said = await fetch(self._channel, answer, method, f"{self._root}{path}", **request)
        if said.error is not None:  # it counts before the status, which may be 200
            raise ProviderRequestRefused(
                "The provider does not accept the request.", provider=PROVIDER
            )
        return said


def categorization(addons: Sequence[str], local: str) -> str:
    """
    The add-ons as Cloudinary takes them: `imagga_tagging:en:hu,google_tagging`.

    Without languages labels are English. Only Imagga's add-on is known to take any.
    """
    languages = "" if local == ENGLISH else f":{ENGLISH}:{local}"
    return ",".join(f"{one}{languages}" if one == IMAGGA else one for one in addons)


def results_of(asset: AssetAnswer, addons: Sequence[str]) -> list[Mapping[str, Any]]:
    """What the add-ons say of a photo, as far as they say something that we know."""
    info = asset.info if isinstance(asset.info, Mapping) else {}
    said = info.get("categorization")
    found = [said.get(addon) for addon in addons] if isinstance(said, Mapping) else []
    return [
        one
        for one in found
        if isinstance(one, Mapping) and one.get("status") in (COMPLETE, PENDING, FAILED)
    ]


def answer_from(
    results: Sequence[Mapping[str, Any]], categorizer_id: str, local: str | None
) -> answers.Answer:
    """
    One answer of all that is complete; of a label that several add-ons see the surest counts.

    `local` is the language that labels are shown in. When it is not known the one beside English
    is, if there is but one: nobody would have asked for another.
    """
    told = [
        _read(result.get("data"), categorizer_id, local)
        for result in results
        if result["status"] == COMPLETE
    ]
    if len(told) == 1:
        return told[0]
    best: dict[str, Label] = {}
    for label in (label for answer in told for label in answer.labels):
        known = best.setdefault(label.text.casefold(), label)
        if label.confidence > known.confidence:
            surer = replace(label, local=label.local or known.local)
            best[label.text.casefold()] = surer
    labels = tuple(sorted(best.values(), key=lambda label: -label.confidence))
    flags = {flag for answer in told for flag in answer.flags}
    return answers.Answer(labels, categorizer_id, tuple(sorted(flags)), independent=True)


def _read(data: object, categorizer_id: str, local: str | None) -> answers.Answer:
    """Read `[{"tag": "sea turtle", "confidence": 0.89}]`; a tag may be an object by language."""
    entries: object = data
    if isinstance(data, list):
        entries = [
            {"name": one.get("tag"), "confidence": one.get("confidence")}
            if isinstance(one, Mapping)
            else one
            for one in data
        ]
        tags = [one.get("tag") for one in data if isinstance(one, Mapping)]
        others = {language for tag in tags if isinstance(tag, Mapping) for language in tag}
        others.discard(ENGLISH)
        if local is None and len(others) == 1:
            (local,) = others
    shown = None if local == ENGLISH else local
    return answers.read_answer(
        entries, answers.Scale.unit, categorizer_id, local=shown, independent=True
    )


def _is_told(asset: AssetAnswer, addons: Sequence[str]) -> bool:
    """Every add-on has said, or is about to say, what it sees."""
    states = [result["status"] for result in results_of(asset, addons)]
    return len(states) == len(addons) and FAILED not in states


def _two_letters(language: str) -> str:
    """The language of a BCP 47 tag, as Cloudinary takes it; English in the place of others."""
    found = _LANGUAGE.match(language.lower())
    return found.group() if found else ENGLISH


def _title(categorizer_id: str) -> str:
    return ", ".join(TITLES.get(one, one) for one in categorizer_id.split(JOINT))


def _path_of(public_id: str) -> str:
    steps = (segment(step, PROVIDER) for step in public_id.split("/"))
    return f"/resources/image/upload/{'/'.join(steps)}"


def _unreadable() -> ProviderAnswerUnreadable:
    return ProviderAnswerUnreadable("The provider's answer cannot be read.", provider=PROVIDER)
