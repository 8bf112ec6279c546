"""
ImageKit, a media library that has Google and Amazon tag its photos.

https://imagekit.io/docs/api-reference/upload-file/upload-file
https://imagekit.io/docs/extensions/ai-auto-tagging

A photo has to be uploaded to be tagged. It is kept from the public, and deleted as soon as its
tags are known. Tags that take longer are asked for until they are there: the file's details tell
tags, but neither that a tagger is still at work nor that it failed.
"""

import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
from pydantic import ConfigDict, Field, RootModel

from carvalue.core import answers
from carvalue.core.answers import Awaited
from carvalue.core.errors import (
    ProviderBusy,
    ProviderError,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, PhotoInfo
from carvalue.core.ports import CategorizerInfo
from carvalue.providers.http import (
    LONGEST_RETRY_AFTER,
    Answer,
    AnswerT,
    Channel,
    NotFoundAtProvider,
    Nothing,
    Refusal,
    fetch,
)
from carvalue.providers.imagekit_notices import FILE_ID, read_notice

PROVIDER = "imagekit"
Tagger = Literal["google-auto-tagging", "aws-auto-tagging"]
TITLES: Mapping[str, str] = {
    "google-auto-tagging": "Google Cloud Vision",
    "aws-auto-tagging": "Amazon Rekognition",
}
TEMPORARY = "carvalue-temporary"
"""The tag of photos that are to be deleted; whoever finds one that is a day old may delete it."""
PATIENCE = timedelta(seconds=20)
"""So long one tagger is waited for after the other has answered; it may have found nothing."""
FORGETTING = 5.0
"""Seconds that deleting a photo may keep its answer back."""

# https://imagekit.io/docs/api-reference: 403 is a wrong key, but also a limit of the plan. Only the
# words differ, and they are not documented; what has none of these is taken for the key.
_LIMIT = re.compile(r"\b(limit|limits|quota|exceeded|exhausted)\b", re.IGNORECASE)


def meaning(refusal: Refusal) -> type[ProviderError] | None:
    if refusal.status == 403:
        # Some refusals are plain text.
        words = refusal.message("message") or refusal.body[:500].decode(errors="replace")
        return ProviderQuotaUsedUp if _LIMIT.search(words) else None
    if refusal.status == 429:
        # The wait is told in milliseconds, and not by Retry-After, so the error is made here.
        raise ProviderBusy(
            "The provider is busy.",
            provider=PROVIDER,
            retry_after=_seconds(refusal.headers.get("x-ratelimit-reset", "")),
        )
    return None


def _seconds(milliseconds: str) -> int | None:
    if not (milliseconds.isascii() and milliseconds.isdigit()):
        return None
    return max(1, min(LONGEST_RETRY_AFTER, -(-int(milliseconds[:15]) // 1000)))


class _Tagged(Answer):
    ai_tags: list[Any] | None = Field(None, alias="AITags")  # read one by one
    statuses: dict[str, Any] | None = Field(None, alias="extensionStatus")


class UploadAnswer(_Tagged):
    """Answer of `/api/v1/files/upload`."""

    file_id: Annotated[str, Field(alias="fileId", pattern=f"^{FILE_ID.pattern}$")]


class DetailsAnswer(_Tagged):
    """Answer of `/v1/files/<id>/details`, which has statuses only after a change."""

    tags: Any = None
    created_at: Any = Field(None, alias="createdAt")
    updated_at: Any = Field(None, alias="updatedAt")


class FilesAnswer(RootModel[list[Any]]):
    """Answer of `/v1/files`."""

    model_config = ConfigDict(hide_input_in_errors=True)


class ImageKit:
    """Categorizer and NoticeReader backed by ImageKit's auto-tagging extensions."""

    provider = PROVIDER

    def __init__(
        self,
        channel: Channel,
        *,
        upload_url: str = "https://upload.imagekit.io",
        base_url: str = "https://api.imagekit.io",
        private_key: str,
        extensions: Sequence[Tagger],
        min_confidence: int,
        max_tags: int,
        folder: str,
        webhook_url: str | None,
        webhook_secret: str | None,
        keep_photos: bool = False,
        now: Callable[[], datetime],
    ) -> None:
        self._channel = replace(channel, meaning=meaning)
        self._upload_url = f"{upload_url.rstrip('/')}/api/v1/files/upload"
        self._files_url = f"{base_url.rstrip('/')}/v1/files"
        self._auth = httpx.BasicAuth(private_key, "")
        self._min_confidence = min_confidence
        self._max_tags = max_tags
        self._folder = folder
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self._keep_photos = keep_photos
        self._now = now
        self.default_id = "+".join(dict.fromkeys(extensions))

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> answers.Answer | Awaited:
        """Upload the photo and have it tagged; the tags are English in every language."""
        taggers = self._taggers(categorizer_id)
        name = f"{photo.side.value}.jpg"
        form = {
            "fileName": name,  # made unique by ImageKit
            "useUniqueFileName": "true",
            "isPrivateFile": "true",
            "folder": self._folder,
            "extensions": json.dumps(self._extensions(taggers)),  # a text here, a list in an update
        }
        if self._webhook_url:
            form["webhookUrl"] = self._webhook_url
        if not self._keep_photos:
            form["tags"] = TEMPORARY
        answer = await self._ask(
            UploadAnswer,
            "POST",
            self._upload_url,
            cost=1,
            data=form,
            files={"file": (name, photo.content, "image/jpeg")},
        )
        try:
            said = answer_from(answer, answer.file_id, taggers)
        except ProviderError:
            await self._done_with(answer.file_id)
            raise
        if isinstance(said, answers.Answer):
            await self._done_with(answer.file_id)
        return said

    async def update(
        self, file_id: str, categorizer_id: str | None = None
    ) -> answers.Answer | Awaited:
        """Tag a photo anew that is in the library already, in the place of the tags it has."""
        taggers = self._taggers(categorizer_id or self.default_id)
        body: dict[str, Any] = {"removeAITags": "all", "extensions": self._extensions(taggers)}
        if self._webhook_url:
            body["webhookUrl"] = self._webhook_url
        url = f"{self._file_url(file_id)}/details"
        answer = await self._ask(DetailsAnswer, "PATCH", url, cost=1, json=body)
        return answer_from(answer, file_id, taggers)

    async def collect(self, awaited: Awaited) -> answers.Answer | Awaited:
        """
        Look whether the tags are there by now; see `collected` for when they are.

        A tagger that failed after the upload says so in its notice only, which is not believed.
        Where none has found anything the answer is awaited until the caller gives up, and calls
        `forget`.
        """
        url = f"{self._file_url(awaited.ticket)}/details"
        taggers = (awaited.categorizer_id or self.default_id).split("+")
        details = await self._ask(DetailsAnswer, "GET", url)
        said = collected(details, taggers, now=self._now())
        if said is None:
            return awaited
        # A photo that we did not upload to be deleted is somebody's: it was tagged by `update`.
        if isinstance(details.tags, list) and TEMPORARY in details.tags:
            await self._done_with(awaited.ticket)
        return said

    async def forget(self, ticket: str) -> None:
        """Delete a photo that was uploaded, whatever `keep_photos` says."""
        with contextlib.suppress(NotFoundAtProvider):
            await self._ask(Nothing, "DELETE", self._file_url(ticket))

    async def discard(self, photo: PhotoInfo, awaited: answers.Awaited | None) -> None:
        if awaited is not None:
            await self.forget(awaited.ticket)

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        """The taggers that may be asked, together and one by one; their words are not listed."""
        taggers = self._taggers(self.default_id)
        ids = dict.fromkeys([self.default_id, *taggers])
        return [
            CategorizerInfo(id, " + ".join(TITLES[one] for one in id.split("+")), ()) for id in ids
        ]

    async def check(self) -> None:
        """See whether ImageKit takes our key; costs nothing."""
        await self._ask(FilesAnswer, "GET", self._files_url, params={"limit": 1})

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return read_notice(headers, body, secret=self._webhook_secret, now=self._now())

    def _taggers(self, categorizer_id: str) -> list[str]:
        taggers = list(dict.fromkeys(categorizer_id.split("+")))
        if not set(taggers) <= set(self.default_id.split("+")):
            raise ProviderRequestRefused("The account has no such categorizer.", provider=PROVIDER)
        return taggers

    def _extensions(self, taggers: Sequence[str]) -> list[dict[str, Any]]:
        asked = {"minConfidence": self._min_confidence, "maxTags": self._max_tags}
        return [{"name": tagger, **asked} for tagger in taggers]

    async def _done_with(self, file_id: str) -> None:
        """Delete a photo whose tags are known; that it fails costs nobody the answer."""
        if not self._keep_photos:
            brief = replace(self._channel, seconds=min(self._channel.seconds, FORGETTING))
            with contextlib.suppress(ProviderError):
                await fetch(brief, Nothing, "DELETE", self._file_url(file_id), auth=self._auth)

    def _file_url(self, file_id: str) -> str:
        if not FILE_ID.fullmatch(file_id):
            raise ProviderRequestRefused("The provider has no such photo.", provider=PROVIDER)
        return f"{self._files_url}/{file_id}"

    async def _ask(self, answer: type[AnswerT], method: str, url: str, **request: Any) -> AnswerT:
        return await fetch(self._channel, answer, method, url, auth=self._auth, **request)


def answer_from(answer: _Tagged, file_id: str, taggers: Sequence[str]) -> answers.Answer | Awaited:
    """
    The tags of an upload or an update; `Awaited` while a tagger is still at work.

    A tagger that failed is left out, and the answer named by the others. Raises
    `ProviderUnavailable` when all have: it may be any reason of theirs, so another may be asked.
    """
    statuses, sources = answer.statuses or {}, _sources(answer.ai_tags)
    working = [one for one in taggers if statuses.get(one) != "failed"]
    if not working:
        raise ProviderUnavailable("The provider could not tag the photo.", provider=PROVIDER)
    # One whose status is not told has ended where its tags are there.
    told = {one: "success" if one in sources else "pending" for one in working} | statuses
    if all(told[one] == "success" for one in working):
        return labels_from(answer.ai_tags, working)
    return Awaited(PROVIDER, file_id, "+".join(working))


def collected(
    details: DetailsAnswer, taggers: Sequence[str], *, now: datetime
) -> answers.Answer | None:
    """
    The tags that a photo's details tell; None while more may come.

    Tags of every tagger are all there will be, and so is an empty list when there is one tagger.
    Whether one that is missing is still at work, has found nothing or has failed is not told: it
    is given `PATIENCE` from the photo's last change on. Without any list, no tagger has ended.
    """
    if details.ai_tags is None:
        return None
    missing = set(taggers) - _sources(details.ai_tags)
    if missing and (details.ai_tags or len(taggers) > 1):
        changes = (_time(one) for one in (details.created_at, details.updated_at))
        latest = max((one for one in changes if one), default=None)
        if latest and now - latest < PATIENCE:
            return None
    return labels_from(details.ai_tags, taggers)


def labels_from(tags: list[Any] | None, taggers: Sequence[str]) -> answers.Answer:
    """
    The tags of these taggers, the surest first.

    Two of them may see the same and write it differently: the surer one counts, by the name in
    small letters.
    """
    entries = [one for one in tags or () if _source(one) is None or _source(one) in taggers]
    answer = answers.read_answer(
        entries, answers.Scale.percent, "+".join(taggers), independent=True
    )
    surest: dict[str, Label] = {}
    for label in sorted(answer.labels, key=lambda label: -label.confidence):
        surest.setdefault(label.text.lower(), label)
    return replace(answer, labels=tuple(surest.values()))


def _source(tag: object) -> str | None:
    source = tag.get("source") if isinstance(tag, dict) else None
    return source if isinstance(source, str) else None


def _sources(tags: list[Any] | None) -> set[str]:
    return {source for tag in tags or () if (source := _source(tag))}


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value[:40])
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
