"""
Imagga, an image tagger with custom categorizers.

https://docs.imagga.com/#categories and https://docs.imagga.com/#tags
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import Field

from carvalue.core import answers
from carvalue.core.errors import ProviderRequestRefused
from carvalue.core.photos import Photo, PhotoInfo
from carvalue.core.ports import CategorizerInfo
from carvalue.core.steps import StepCode
from carvalue.providers.http import Answer, Channel, segment
from carvalue.providers.imagga_account import ImaggaAccount, Learn
from carvalue.providers.imagga_languages import ENGLISH, imagga_language
from carvalue.providers.imagga_uploads import PhotoSender, Send
from carvalue.providers.imagga_usage import ImaggaUsage
from carvalue.providers.imagga_wire import PROVIDER, Enveloped, succeeded

# https://docs.imagga.com/#categorizers: two that every account has.
PERSONAL_PHOTOS, NSFW = "personal_photos", "nsfw_beta"
TAGS = "tags"
"""The tagger that every account has; "tags/<id>" is one of the account's own."""
CAR_FROM = 0.1
"""A photo whose "cars vehicles" is surer than this may be one of a car; not measured, lenient."""
UNSAFE_FROM = 0.5
""""nsfw" from here on is refused; not measured."""


class _Categories(Answer):
    categories: list[Any]  # read one by one: a broken entry must not cost the others


class CategoriesAnswer(Enveloped):
    """Answer of `/categories/<id>`."""

    result: _Categories | None = None


class _Tags(Answer):
    tags: list[Any]


class TagsAnswer(Enveloped):
    """Answer of `/tags` and `/tags/<id>`."""

    result: _Tags | None = None


class _Categorizer(Answer):
    id: str
    title: str = ""
    labels: list[str] = Field(default_factory=list)


class _Categorizers(Answer):
    categorizers: list[_Categorizer]


class CategorizersAnswer(Enveloped):
    """Answer of `/categorizers`."""

    result: _Categorizers | None = None


class Imagga:
    """
    Categorizer backed by Imagga's `/categories/<id>`, or `/tags` where the id says so.

    `send` is how photos are sent. The limits of tags are Imagga's own: it never tells tags below
    7 percent. `learn` is told what Imagga says of the subscription.
    """

    provider = PROVIDER

    def __init__(
        self,
        channel: Channel,
        *,
        base_url: str,
        api_key: str,
        api_secret: str,
        categorizer_id: str,
        scale: answers.Scale = answers.Scale.percent,
        send: Send = "file",
        tag_threshold: float | None = None,
        tag_limit: int | None = None,
        learn: Learn | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = ImaggaAccount(
            channel,
            base_url=base_url,
            api_key=api_key,
            api_secret=api_secret,
            learn=learn,
            clock=clock,
        )
        self.sender = PhotoSender(self.account, send, clock=clock)
        self._scale = scale
        self._tag_options = {
            name: str(value)
            for name, value in (("threshold", tag_threshold), ("limit", tag_limit))
            if value is not None
        }
        self.default_id = categorizer_id

    async def start(self) -> None:
        """Learn the subscription's limits, if Imagga tells them."""
        await self.account.learn_limits()

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = ENGLISH
    ) -> answers.Answer:
        kind, path = answer_and_path(categorizer_id)
        options = self.options(categorizer_id, language)
        answer = await self.sender.ask(kind, path, photo, options)
        return self.read(answer, categorizer_id, language)

    async def categorize_url(
        self, image_url: str, categorizer_id: str, language: str = ENGLISH
    ) -> answers.Answer:
        """What the picture at an address shows, which Imagga can reach from where it is."""
        kind, path = answer_and_path(categorizer_id)
        params = {"image_url": image_url, **self.options(categorizer_id, language)}
        answer = await self.account.ask(kind, "GET", path, cost=1, params=params)
        return self.read(answer, categorizer_id, language)

    async def collect(self, awaited: answers.Awaited) -> answers.Answer:
        """Imagga answers at once, so nothing of it is ever awaited."""
        raise ProviderRequestRefused("Imagga lets nobody wait.", provider=PROVIDER)

    async def discard(self, photo: PhotoInfo, awaited: answers.Awaited | None) -> None:
        """Have Imagga delete the photo, if this process uploaded it; free of charge."""
        await self.sender.forget(photo.sha256)

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        answer = await self.account.ask(CategorizersAnswer, "GET", "/categorizers")
        return [*categorizers_from(answer), CategorizerInfo(TAGS, "Tags", ())]

    async def usage(self) -> ImaggaUsage:
        """What of the subscription is in use; free of charge."""
        return await self.account.usage()

    async def check(self) -> None:
        """See whether Imagga takes our key and has our categorizer; costs no quota."""
        known = {one.id for one in await self.categorizers()}
        # Taggers of the account's own are listed nowhere.
        if self.default_id not in known and not is_tagger(self.default_id):
            raise ProviderRequestRefused("The account has no such categorizer.", provider=PROVIDER)

    def options(self, categorizer_id: str, language: str = ENGLISH) -> dict[str, str]:
        """What a categorizer is asked with, beside the picture."""
        options = self._tag_options if is_tagger(categorizer_id) else {}
        theirs = imagga_language(language)
        # Labels are read in English, so that is asked for too.
        return options if theirs in (None, ENGLISH) else {"language": f"en,{theirs}", **options}

    def read(
        self, answer: CategoriesAnswer | TagsAnswer, categorizer_id: str, language: str = ENGLISH
    ) -> answers.Answer:
        entries = entries_from(answer)
        # The setting is of the account's own categorizers.
        own = categorizer_id in (PERSONAL_PHOTOS, NSFW) or is_tagger(categorizer_id)
        scale = answers.Scale.percent if own else self._scale
        theirs = imagga_language(language)
        local = None if theirs == ENGLISH else theirs
        return answers.read_answer(
            entries, scale, categorizer_id, local=local, independent=is_tagger(categorizer_id)
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


def is_tagger(categorizer_id: str) -> bool:
    return categorizer_id == TAGS or categorizer_id.startswith(f"{TAGS}/")


def answer_and_path(categorizer_id: str) -> tuple[type[CategoriesAnswer] | type[TagsAnswer], str]:
    """Where a categorizer is asked, and the form of its answer."""
    if categorizer_id == TAGS:
        return TagsAnswer, "/tags"
    if is_tagger(categorizer_id):
        return TagsAnswer, f"/tags/{_step(categorizer_id.removeprefix(f'{TAGS}/'))}"
    return CategoriesAnswer, f"/categories/{_step(categorizer_id)}"


def _step(id: str) -> str:
    return segment(id, PROVIDER)


def entries_from(answer: CategoriesAnswer | TagsAnswer) -> list[Any]:
    """The answer's entries; a tagger's `tag` is what a categorizer calls `name`."""
    if isinstance(answer, CategoriesAnswer):
        return succeeded(answer, answer.result).categories
    return [
        {**entry, "name": entry.get("tag")} if isinstance(entry, Mapping) else entry
        for entry in succeeded(answer, answer.result).tags
    ]


def categorizers_from(answer: CategorizersAnswer) -> list[CategorizerInfo]:
    result = succeeded(answer, answer.result)
    return [
        CategorizerInfo(id=one.id, title=one.title, labels=tuple(one.labels))
        for one in result.categorizers
    ]
