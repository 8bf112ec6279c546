"""
Imagga, an image tagger with custom categorizers.

https://docs.imagga.com/#categories
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import Field

from carvalue.core.errors import ProviderBusy, ProviderQuotaUsedUp, ProviderRequestRefused
from carvalue.core.labels import Label
from carvalue.core.photos import Photo
from carvalue.core.ports import CategorizerInfo
from carvalue.providers.http import Answer, AnswerT, fetch

PROVIDER = "imagga"

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
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._auth = httpx.BasicAuth(api_key, api_secret)
        self._seconds = seconds
        self.default_id = categorizer_id

    async def labels(self, photo: Photo, categorizer_id: str) -> Sequence[Label]:
        path = f"/categories/{quote(categorizer_id, safe='')}"
        name = f"{photo.side.value}.jpg"
        files = {"image": (name, photo.content, "image/jpeg")}
        return labels_from(await self._ask(CategoriesAnswer, "POST", path, files=files))

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


def labels_from(answer: CategoriesAnswer) -> list[Label]:
    """The labels of an answer, confidences from 0 to 1; entries that are none are left out."""
    result = _succeeded(answer, answer.result)
    labels = []
    for entry in result.categories:
        text, confidence = _entry(entry)
        if text and confidence is not None:
            # Imagga's confidence runs from 0 to 100, ours from 0 to 1.
            labels.append(Label(text=text, confidence=confidence / 100))
    return labels


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


def _entry(entry: object) -> tuple[str, float | None]:
    """One category's label in English, or in the language there is, and its confidence."""
    if not isinstance(entry, dict):
        return "", None
    name, confidence = entry.get("name"), entry.get("confidence")
    if isinstance(name, dict):  # an object by language, {"en": "toyota corolla"}
        name = name.get("en", next(iter(name.values()), None))
    if not isinstance(name, str) or isinstance(confidence, bool):
        return "", None
    # NaN fits no range either.
    if not isinstance(confidence, int | float) or not 0 < confidence <= 101:
        return "", None
    return name.strip(), confidence
