"""
The command `carvalue categorize-urls`: what many pictures show that are on the web already.
"""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, TextIO
from urllib.parse import urlsplit

import httpx
import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from carvalue.bootstrap import is_shared, load_mocks
from carvalue.core.changes import Changes
from carvalue.core.errors import CarvalueError, ProviderError, SettingsIncomplete
from carvalue.providers.http import Channel
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_bulk import BATCH_SIZE, ImaggaBulk, UrlAnswer
from carvalue.providers.imagga_wire import PROVIDER
from carvalue.settings import Settings
from carvalue.storage.calls import SqlQuotaBook
from carvalue.storage.database import Database
from carvalue.storage.turns import SqlTurns
from carvalue.wiring import access_to, imagga_of

stderr = Console(stderr=True)

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes: a ticket may hold the answers of 50 pictures, each of hundreds of labels."""
LONGEST_URL = 2000
LINE_STARTS = b'{"url": '
"""How every line of the results starts."""


class UrlsUnreadable(CarvalueError):
    """The file with URLs, or the one with results, is not what it should be."""

    code = "urls-unreadable"


def categorize_urls(
    file: Annotated[Path, typer.Argument(help="URLs, one a line or in a CSV.", dir_okay=False)],
    out: Annotated[Path, typer.Argument(help="Results, as JSON lines.", dir_okay=False)],
    categorizer: Annotated[
        str | None, typer.Option(help="Which to ask; that of the settings otherwise.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1000, help="URLs a batch.")] = BATCH_SIZE,
) -> None:
    """
    Have Imagga say what the pictures at many URLs show; each is a call that it charges for.

    What is in the results already is not asked again, so an interrupted run goes on where it
    was. A picture that Imagga could not look at has null labels.
    """
    settings = Settings.read()
    if settings.imagga is None:
        raise SettingsIncomplete(
            "Only Imagga takes many pictures at once. Set CARVALUE_IMAGGA__API_KEY, __API_SECRET "
            "and __CATEGORIZER_ID."
        )
    categorizer_id = categorizer or settings.imagga.categorizer_id
    urls = read_urls(file)
    done = read_results(out, categorizer_id)
    left = [url for url in urls if url not in done]
    if len(left) < len(urls):
        stderr.print(f"{len(urls) - len(left)} of {len(urls)} are in {out.name} already.")
    try:
        with out.open("a", encoding="utf-8") as results:
            asyncio.run(_categorize(settings, left, results, categorizer_id, batch_size))
    except OSError as error:
        raise UrlsUnreadable("The results cannot be written.") from error


async def _categorize(
    settings: Settings, urls: list[str], results: TextIO, categorizer_id: str, batch_size: int
) -> None:
    written = unseen = 0
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr) as progress:
        task = progress.add_task("Categorizing", total=len(urls))
        async with _imagga(settings) as imagga:
            bulk = ImaggaBulk(imagga, batch_size=batch_size)
            try:
                async for batch in bulk.categorize(urls, categorizer_id):
                    results.writelines(f"{_line(one, categorizer_id)}\n" for one in batch)
                    results.flush()
                    written += len(batch)
                    unseen += sum(one.answer is None for one in batch)
                    progress.update(task, completed=written)
            except ProviderError:
                stderr.print(f"{written} of {len(urls)} are done; the same command goes on there.")
                raise
    if unseen:
        stderr.print(f"Imagga could not look at {unseen} of them; their labels are null.")


@asynccontextmanager
async def _imagga(settings: Settings) -> AsyncIterator[Imagga]:
    """Imagga without the rest of the service; its calls are counted with the service's."""
    given = settings.imagga
    if given is None:
        raise SettingsIncomplete("Imagga is not configured.")
    async with AsyncExitStack() as stack:
        mocks = load_mocks(settings.mocks) if settings.mocks else None
        if mocks is not None:
            await stack.enter_async_context(mocks.router.lifespan_context(mocks))
        # One call at a time: httpx's own transport is good enough.
        transport = httpx.ASGITransport(app=mocks) if mocks else None
        seconds = given.seconds or settings.provider_seconds
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, timeout=seconds, trust_env=False)
        )
        database = await asyncio.to_thread(Database, settings.database_url)
        stack.callback(database.close)
        turns = SqlTurns(database, Changes()) if is_shared(settings) else None
        if turns is not None:
            stack.push_async_callback(turns.close)
        access = access_to(PROVIDER, given, SqlQuotaBook(database), turns, seconds)
        channel = Channel(http, PROVIDER, seconds, access, max_answer=MAX_ANSWER)
        imagga = imagga_of(given, channel, access)
        await imagga.start()
        yield imagga


def read_urls(path: Path) -> list[str]:
    """
    The URLs in a file, each once: of every line the first cell that is one.

    The first line may be a CSV's header. Raises `UrlsUnreadable`.
    """
    urls: dict[str, None] = {}
    for number, cells in enumerate(_rows(path), start=1):
        url = next(filter(_is_url, map(str.strip, cells)), None)
        if url is not None:
            urls[url] = None
        elif any(map(str.strip, cells)) and number > 1:
            raise UrlsUnreadable(f"Line {number} has no URL.")
    if not urls:
        raise UrlsUnreadable("There are no URLs in the file.")
    return list(urls)


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UrlsUnreadable("The file with URLs cannot be read as UTF-8.") from error


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    known = parts.scheme in ("http", "https") and bool(parts.hostname)
    return known and len(text) <= LONGEST_URL and text.isprintable() and " " not in text


def read_results(path: Path, categorizer_id: str) -> set[str]:
    """
    The URLs that a categorizer has been asked about, according to a file of results.

    A last line that was cut off is removed, so that more can be written. Raises `UrlsUnreadable`
    when the file holds something else: nothing is added to a file that is not ours.
    """
    if not path.exists():
        return set()
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        done = set(_done(whole.decode("utf-8").split("\n"), categorizer_id))
        rest = content[len(whole) :]
        if not rest.startswith(LINE_STARTS[: len(rest)]):
            raise UrlsUnreadable("The last line of the results is none.")
        if rest:
            path.write_bytes(whole)
    except (OSError, UnicodeDecodeError) as error:
        raise UrlsUnreadable("The file with results cannot be read as UTF-8.") from error
    return done


def _done(lines: Iterable[str], categorizer_id: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            result = json.loads(line)
            if result["categorizer_id"] == categorizer_id:
                yield str(result["url"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UrlsUnreadable(f"Line {number} of the results is none.") from error


def _line(one: UrlAnswer, categorizer_id: str) -> str:
    labels = one.answer and [
        {"label": label.text, "confidence": round(label.confidence * 100, 4)}
        for label in one.answer.labels
    ]
    line = {"url": one.url, "categorizer_id": categorizer_id, "labels": labels}
    return json.dumps(line, ensure_ascii=False)
