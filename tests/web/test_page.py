"""
The page is served to everybody, in the reader's language, and can do nothing but ask the API.
"""

import gzip
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.appraiser import Appraiser
from carvalue.page import LANGUAGES, page_files, template
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.page import PageSettings
from tests.web.conftest import FakeWatch, problem_of

pytestmark = pytest.mark.anyio

SAMPLES = {"Toyota Corolla": {"front": b"front of it", "back": b"back of it"}}
PLAIN = {"Accept-Encoding": "identity"}
FILES = page_files()
WORDS: dict[str, dict[str, str]] = {
    one: json.loads(FILES[f"words/{one}.json"]) for one in LANGUAGES
}
SCRIPTS = sorted(name for name in FILES if name.endswith(".js"))


@contextmanager
def asking(app: FastAPI) -> Iterator[httpx.AsyncClient]:
    yield httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://test", headers=PLAIN
    )


@pytest.fixture
async def closed(appraiser: Appraiser) -> AsyncIterator[httpx.AsyncClient]:
    """A service with the page, in which nobody has a key."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = Services(appraiser, FakeWatch())
        yield

    app = create_api(lifespan, page=PageSettings(photos_kept_hours=24))
    async with app.router.lifespan_context(app):
        with asking(app) as client:
            yield client


@pytest.fixture
def demo() -> Iterator[httpx.AsyncClient]:
    """The page of a service that is open to all and made up."""
    with asking(create_api(open_to_all=True, page=PageSettings(mock=True, samples=SAMPLES))) as one:
        yield one


async def test_the_page_is_open_and_the_api_is_not(closed: httpx.AsyncClient) -> None:
    """
    Everybody may look at the page; without a key it shows nothing of anybody.
    """
    for path in ("/", "/page/main.js", "/page/about.json"):
        assert (await closed.get(path)).status_code == 200, path
    for path in ("/v1/appraisals", "/v1/catalog/makes", "/v1/categorizers", "/page", "/pages/x"):
        problem_of(await closed.get(path), 401, "unauthorized")


async def test_what_the_page_may_do(closed: httpx.AsyncClient) -> None:
    """
    It loads scripts and styles of its own only, asks its own origin only, is shown in no frame,
    and makes no HTML of text.
    """
    policy = (await closed.get("/")).headers["content-security-policy"]

    assert dict(part.partition(" ")[::2] for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "trusted-types": "carvalue",
        "require-trusted-types-for": "'script'",
    }


def test_the_page_holds_to_its_policy() -> None:
    """
    No script and no style stands in the HTML, nothing comes from elsewhere, and no script reads
    HTML out of text.
    """
    for script in re.findall(r"<script([^>]*)>(.*?)</script>", template(), re.DOTALL):
        assert script == (' type="module" src="/page/main.js"', "")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?:", template())
    for name in SCRIPTS:
        text = FILES[name].decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), name
        assert not re.search(
            r"\beval\(|new Function|DOMParser|https?://(?!www\.w3\.org/2000/svg)", text
        )


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/", None, "en"),
        ("/", "de-AT,de;q=0.9,en;q=0.5", "de"),
        ("/", "fr, es;q=0.4, en;q=0.3", "es"),
        ("/", "fr", "en"),
        ("/", "en;q=0.1, es-MX;q=0.8", "es"),
        ("/", "de;q=0, en", "en"),
        ("/", ",;q=9,de;q=x,*", "en"),
        ("/?lang=de", "es", "de"),
        ("/?lang=xx", "es", "es"),
    ],
)
async def test_the_language(
    demo: httpx.AsyncClient, path: str, accepted: str | None, language: str
) -> None:
    """
    The very first bytes are in the reader's language, and a link changes it.
    """
    headers = {"Accept-Language": accepted} if accepted else {}

    answer = await demo.get(path, headers=headers)

    assert answer.headers["content-language"] == language
    assert "Accept-Language" in answer.headers["vary"]
    assert f'<html lang="{language}">' in answer.text
    assert WORDS[language]["start.title"] in answer.text
    assert f'lang="{language}" aria-current="true"' in re.sub(r' hreflang="\w+"', "", answer.text)
    assert "{{" not in answer.text


def test_every_word_is_there_in_every_language() -> None:
    """
    What one language says the others say, too, with the same values in it.
    """
    english = WORDS["en"]
    for language, words in WORDS.items():
        assert words.keys() == english.keys(), language
        for name, text in words.items():
            places = re.compile(r"\{\w+\}")
            assert text.strip(), name
            assert sorted(places.findall(text)) == sorted(places.findall(english[name])), name


def test_every_word_that_is_used_is_there() -> None:
    """
    No name of a word is ever shown in the place of the word.
    """
    for name in SCRIPTS:
        for word in re.findall(r"""\bt\("([\w.-]+)\"""", FILES[name].decode()):
            assert word in WORDS["en"], f"{name}: {word}"
    for code in re.findall(r"^problem\.([\w-]+)$", "\n".join(WORDS["en"]), re.MULTILINE):
        assert f"todo.{code}" in WORDS["en"]


def test_every_module_is_loaded_at_once_and_kept() -> None:
    """
    No module waits for another one to be read, and the page opens without a line.
    """
    modules = {name for name in SCRIPTS if name not in ("main.js", "service-worker.js")}
    loaded = set(
        re.findall(r'rel="modulepreload" fetchpriority="low" href="/page/([\w-]+\.js)"', template())
    )
    kept = set(re.findall(r'"/page/([\w/.-]+\.\w+)"', FILES["service-worker.js"].decode()))

    assert loaded == modules
    icons = {"icon-192.png", "icon-512.png"}
    assert kept - {"about.json"} == FILES.keys() - icons - {"service-worker.js"}


async def test_a_file_that_the_browser_has_already(demo: httpx.AsyncClient) -> None:
    """
    Nothing is sent twice, and what has changed is seen at once.
    """
    for path in ("/", "/page/main.js", "/page/words/es.json"):
        first = await demo.get(path)
        again = await demo.get(path, headers={"If-None-Match": first.headers["etag"]})
        packed = await demo.get(path, headers={"Accept-Encoding": "br, gzip"})

        assert "no-cache" in first.headers["cache-control"]
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"] != packed.headers["etag"]
        assert packed.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["vary"]
        assert packed.content == first.content  # httpx has unpacked it


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip; q=0.0", ""])
async def test_a_browser_that_wants_it_unpacked(demo: httpx.AsyncClient, accepted: str) -> None:
    answer = await demo.get("/page/main.js", headers={"Accept-Encoding": accepted})

    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/page/page.css"])
async def test_only_the_head(demo: httpx.AsyncClient, path: str) -> None:
    answer = await demo.head(path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_the_weight(demo: httpx.AsyncClient) -> None:
    """
    All that is loaded until a price is shown is far less than 100 kB on its way, compressed; for
    a browser that does not want that it is little more.
    """
    paths = [f"/page/{name}" for name in FILES if name.endswith((".js", ".css", ".webmanifest"))]
    paths += ["/", "/page/about.json", "/page/words/en.json", "/page/icon.svg"]

    contents = [(await demo.get(path)).content for path in paths]

    plain = sum(len(one) for one in contents)
    packed = sum(len(gzip.compress(one)) for one in contents)
    print(f"{plain} bytes, {packed} compressed")
    assert packed < 45_000
    assert plain < 105_000


async def test_the_service_worker_may_look_after_the_whole_page(demo: httpx.AsyncClient) -> None:
    """
    It is a new one whenever a file has changed, and only then.
    """
    answer = await demo.get("/page/service-worker.js")

    assert answer.headers["service-worker-allowed"] == "/"
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert re.search(r'"carvalue-[0-9a-f]{32}"', answer.text)


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "../settings.py", "index.html", "__init__.py", "%2e%2e/settings.py", "words/"],
)
async def test_no_other_file(demo: httpx.AsyncClient, name: str) -> None:
    """
    Only what belongs to the page can be had below it.
    """
    problem_of(await demo.get(f"/page/{name}"), 404, "not-found")


async def test_what_the_page_knows(demo: httpx.AsyncClient, closed: httpx.AsyncClient) -> None:
    """
    The demo says that it is one, and has photos to try it with; a service asks for a key.
    """
    made_up = (await demo.get("/page/about.json")).json()
    real = (await closed.get("/page/about.json")).json()

    assert (made_up["mock"], made_up["needs_key"]) == (True, False)
    (car,) = made_up["samples"]
    assert car["name"] == "Toyota Corolla"
    photo = await demo.get(car["photos"]["back"])
    assert (photo.content, photo.headers["content-type"]) == (b"back of it", "image/jpeg")
    assert (real["mock"], real["needs_key"], real["samples"]) == (False, True, [])


@pytest.mark.parametrize(("hours", "said"), [(24, "24 hours"), (0, "once the car is recognised")])
async def test_how_long_photos_are_kept(hours: int, said: str) -> None:
    """
    The page says what the service does with the photos, not what it usually does.
    """
    with asking(create_api(open_to_all=True, page=PageSettings(photos_kept_hours=hours))) as client:
        assert said in (await client.get("/")).text


async def test_without_a_page() -> None:
    """
    A service may be an API and nothing else.
    """
    with asking(create_api(open_to_all=True)) as client:
        problem_of(await client.get("/"), 404, "not-found")
        problem_of(await client.get("/page/main.js"), 404, "not-found")


async def test_the_page_is_not_in_the_description(demo: httpx.AsyncClient) -> None:
    described = (await demo.get("/openapi.json")).json()["paths"]

    assert not [path for path in described if not path.startswith("/v1/")]


async def test_the_worker_may_fetch_what_it_keeps(demo: httpx.AsyncClient) -> None:
    """
    A service worker goes by the policy of its own file: it may ask this service, and load nothing.
    """
    answer = await demo.get("/page/service-worker.js")

    assert answer.headers["service-worker-allowed"] == "/"
    assert answer.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"
