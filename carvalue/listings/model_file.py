"""
What was learnt, as a file: JSON, so that reading it runs nothing.

A file is used only if this version wrote its format, nothing in it was changed, and its figures
are such as could have been learnt.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import scipy
from pydantic import TypeAdapter, ValidationError

from carvalue import __version__
from carvalue.core.errors import StoreUnavailable
from carvalue.listings.ranges import GROUPS, LEVELS
from carvalue.listings.training import AGES, Model

NAME = "model.json"
FORMAT = 1
"""Goes up whenever the same figures would mean another price."""
_LARGEST = 200 * 1024 * 1024
_MODEL = TypeAdapter(Model)
_TRAIN = "Run: carvalue listings train"


class ModelUnusable(StoreUnavailable):
    """The model file is of another version, was changed, or is none."""


def save_model(model: Model, folder: Path, *, listings: int) -> Path:
    """Write the model, in one step; `listings` is how many it was learnt from."""
    body = json.loads(json.dumps(asdict(model)))  # keys become text, as they are in the file
    document = {
        "format": FORMAT,
        "hash": _hash(body),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "listings": listings,
        "versions": {
            "carvalue": __version__,
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
        },
        "model": body,
    }
    path, new = folder / NAME, folder / f"{NAME}.new"
    try:
        new.write_text(json.dumps(document), encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise StoreUnavailable("The model file cannot be written.") from error
    return path


def load_model(folder: Path) -> Model:
    """
    Read the model of a folder.

    Raises `ModelUnusable`, saying what to do.
    """
    path = folder / NAME
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelUnusable(f"The model file is too large to be one. {_TRAIN}")
        document = json.loads(path.read_text(encoding="utf-8"))
        found, body = document["format"], document["model"]
    except FileNotFoundError:
        raise ModelUnusable(f"No market has been learnt. {_TRAIN}") from None
    except OSError as error:
        raise ModelUnusable(f"The model file cannot be read. {_TRAIN}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelUnusable(f"The model file is damaged. {_TRAIN}") from error
    if found != FORMAT:
        raise ModelUnusable(f"The model file is of another version of carvalue. {_TRAIN}")
    if document.get("hash") != _hash(body):
        raise ModelUnusable(f"The model file was changed since it was written. {_TRAIN}")
    try:
        model = _MODEL.validate_python(body)
    except ValidationError as error:
        raise ModelUnusable(f"The model file is damaged. {_TRAIN}") from error
    if not _is_sound(model, body):
        raise ModelUnusable(f"The model file is damaged. {_TRAIN}")
    return model


def _hash(body: Any) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _is_sound(model: Model, body: Any) -> bool:
    reaches = model.ranges.reaches
    return (
        all(math.isfinite(number) for number in _numbers(body))
        and len(model.market.curve) == 6
        and len(model.market.months) > 0
        and len(model.market.usual_km) > 0
        and len(model.spreads) == len(AGES) + 1
        and all(reaches.get(level, {}).keys() >= set(GROUPS) for level in LEVELS)
    )


def _numbers(body: Any) -> Iterator[float]:
    if isinstance(body, dict):
        for one in body.values():
            yield from _numbers(one)
    elif isinstance(body, list | tuple):
        for one in body:
            yield from _numbers(one)
    elif isinstance(body, int | float):
        yield body
