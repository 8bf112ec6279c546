"""
Imagga, an image tagger with custom categorizers.

https://docs.imagga.com/#categories
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import Field

from carvalue.core import answers
from carvalue.core.errors import ProviderBusy, ProviderQuotaUsedUp, ProviderRequestRefused
from carvalue.core.photos import Photo
from carvalue.core.ports import CategorizerInfo
from carvalue.core.steps import StepCode
from carvalue.providers.http import Answer, AnswerT, fetch

PROVIDER = "imagga"

# https://docs.imagga.com/#categorizers: two that every account has.
PERSONAL_PHOTOS, NSFW = "personal_photos", "nsfw_beta"
CAR_FROM = 0.1
"""A photo whose "cars vehicles" is surer than this may be one of a car; not measured, lenient."""
UNSAFE_FROM = 0.5
""""nsfw" from here on is refused; not measured."""

# https://docs.imagga.com/#errors: 403 is the subscription's quota and 429 its concurrency; neither
# says anything about the key.
MEANING = {403: ProviderQuotaUsedUp, 429: ProviderBusy}


class _Status(Answer):
    type: str = ""


class _Enveloped(Answer):
    status: _Status = _Status()


class _Categories(Answer):
    categories: list[Any]  # read one by one: a broken entry must not cost the others


class CategoriesAnswer(_Enveloped):
    """Answer of `/categories/<id>`."""

    result: _Categories | None = None


class _Categorizer(Answer):
    id: str
    title: str = ""
    labels: list[str] = Field(default_factory=list)


class _Categorizers(Answer):
    categorizers: list[_Categorizer]


class CategorizersAnswer(_Enveloped):
    """Answer of `/categorizers`."""

    result: _Categorizers | None = None


class Imagga:
    """Categorizer backed by Imagga's `/categories/<id>`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: str,
        api_secret: str,
        categorizer_id: str,
        seconds: float,
        scale: answers.Scale = answers.Scale.percent,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._auth = httpx.BasicAuth(api_key, api_secret)
        self._seconds = seconds
        self._scale = scale
        self.default_id = categorizer_id

    async def categorize(self, photo: Photo, categorizer_id: str) -> answers.Answer:
        path = f"/categories/{quote(categorizer_id, safe='')}"
        name = f"{photo.side.value}.jpg"
        files = {"image": (name, photo.content, "image/jpeg")}
        answer = await self._ask(CategoriesAnswer, "POST", path, files=files)
        entries = _succeeded(answer, answer.result).categories
        own = categorizer_id in (PERSONAL_PHOTOS, NSFW)  # the setting is of the account's own
        scale = answers.Scale.percent if own else self._scale
        return answers.read_answer(entries, scale, categorizer_id)

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        answer = await self._ask(CategorizersAnswer, "GET", "/categorizers")
        return categorizers_from(answer)

    async def check(self) -> None:
        """See whether Imagga takes our key and has our categorizer; costs no quota."""
        if self.default_id not in {one.id for one in await self.categorizers()}:
            raise ProviderRequestRefused("The account has no such categorizer.", provider=PROVIDER)

    async def _ask(self, answer: type[AnswerT], method: str, path: str, **request: Any) -> AnswerT:
        return await fetch(
            self._http,
            answer,
            method,
            f"{self._base_url}{path}",
            provider=PROVIDER,
            seconds=self._seconds,
            meaning=MEANING,
            auth=self._auth,
            **request,
        )


class ImaggaGate:
    """PhotoGate backed by Imagga's own categorizers; each costs one call a photo."""

    def __init__(self, imagga: Imagga, *, cars: bool, nsfw: bool) -> None:
        self._imagga = imagga
        self._cars = cars
        self._nsfw = nsfw

    async def refuse(self, photo: Photo) -> StepCode | None:
        if self._nsfw and await self._said(photo, NSFW, "nsfw") >= UNSAFE_FROM:
            return StepCode.unsafe_photo
        if self._cars and await self._said(photo, PERSONAL_PHOTOS, "cars vehicles") < CAR_FROM:
            return StepCode.not_a_car
        return None

    async def _said(self, photo: Photo, categorizer_id: str, label: str) -> float:
        answer = await self._imagga.categorize(photo, categorizer_id)
        said = (one.confidence for one in answer.labels if one.text.casefold() == label)
        return max(said, default=0.0)


def categorizers_from(answer: CategorizersAnswer) -> list[CategorizerInfo]:
    result = _succeeded(answer, answer.result)
    return [
        CategorizerInfo(id=one.id, title=one.title, labels=tuple(one.labels))
        for one in result.categorizers
    ]


def _succeeded(answer: _Enveloped, result: AnswerT | None) -> AnswerT:
    # A 200 may still carry an error: https://docs.imagga.com/#errors
    if answer.status.type != "success" or result is None:
        raise ProviderRequestRefused("The categorizer refused the photo.", provider=PROVIDER)
    return result
