"""
The page that people see in a browser: its files, and their words in three languages.

There is no build step. `carvalue.web.page` serves what lies here.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español"}
"""The first one is for those who read none of them."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def page_files() -> Mapping[str, bytes]:
    """What the page loads, by its path below the page's own."""
    folder = Path(str(files(__name__)))
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }


def template() -> str:
    """The HTML, with `{{name}}` where a word comes."""
    return files(__name__).joinpath("index.html").read_text("utf-8")
