"""
Learns to tell cars apart from a folder of labelled photos.

    <folder>/toyota_corolla/front-01.jpg  ->  "toyota corolla"

Another folder makes it know other cars. It looks at edges and never at colour,
so a car of another paint is the same car.

A photo is cut into overlapping patches. Each patch looks for its like, at about
the same place, in all photos of a category: the better the patches fit, the
likelier is the category (Boiman, Shechtman, Irani: In Defense of Nearest-Neighbor
Based Image Classification, 2008).

How sure it is comes from the photos too. Each takes a turn as the unknown one,
once with the rest of its category to find and once without, as a car that
nobody has taught. That shows how well a photo fits that is known, and how well
one fits that is not. Near twins remain: taught all but the Corolla, it is sure
that the back of one is an Accord.
"""

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Floats = NDArray[np.float32]

SIZE = (200, 150)
CELL = 10  # pixels
PATCH = 3  # cells
DIRECTIONS = 9
PARTS = 32  # numbers that a patch is summed up in
REACH = 3  # how many cells a patch may lie elsewhere
PLAIN = 0.6  # the contrast below which a patch is sky or road and counts little
CLOSER = (
    1.0,
    1.07,
    1.14,
)  # how near a photo is looked at; it may have been taken from farther away
TURNS = 60  # how many photos take a turn as the unknown one
VAGUE = 0.3  # how much of a preference is left when nothing is known
PIXELS_LIMIT = 60_000_000


class NotAPhoto(Exception):
    """The bytes are no picture that can be decoded."""


def look(content: bytes) -> Image.Image:
    """The picture, upright, grey and small."""
    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > PIXELS_LIMIT:
                raise NotAPhoto
            picture.draft("L", (SIZE[0] * 2, SIZE[1] * 2))
            upright = ImageOps.exif_transpose(picture).convert("L")
            return ImageOps.fit(upright, SIZE, Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAPhoto from error  # Pillow has no error of its own for a broken file


def patches(grey: Image.Image) -> Floats:
    """
    Describe the patches by the directions of their edges: rows, columns, numbers.

    A patch is described relative to its own contrast, so the light of the day
    does not matter.
    """
    pixels = np.asarray(grey, np.float32) / 255
    dy, dx = np.gradient(np.sqrt(pixels))
    strength = np.hypot(dx, dy)
    angle = (np.arctan2(dy, dx) % np.pi) / np.pi * DIRECTIONS
    lower = angle.astype(int)
    share = angle - lower
    rows, columns = SIZE[1] // CELL, SIZE[0] // CELL
    y, x = np.indices(pixels.shape) // CELL
    bins = (y * columns + x) * DIRECTIONS
    # An edge between two directions counts for both.
    counts = np.zeros(rows * columns * DIRECTIONS)
    for direction, part in ((lower, 1 - share), (lower + 1, share)):
        at = bins + direction % DIRECTIONS
        counts += np.bincount(at.ravel(), (strength * part).ravel(), minlength=counts.size)
    cells = counts.reshape(rows, columns, DIRECTIONS)
    down, right = rows - PATCH + 1, columns - PATCH + 1
    found = np.concatenate(
        [cells[i : i + down, j : j + right] for i in range(PATCH) for j in range(PATCH)], axis=2
    )
    length = np.linalg.norm(found, axis=2, keepdims=True)
    found = found / (length + PLAIN * CELL)
    return np.asarray(np.sqrt(found), np.float32)


def _mirrored(found: Floats) -> Floats:
    """The same patches of the mirrored photo."""
    rows, columns, _ = found.shape
    shaped = found.reshape(rows, columns, PATCH, PATCH, DIRECTIONS)[:, ::-1, :, ::-1]
    turned = shaped[..., (-np.arange(DIRECTIONS)) % DIRECTIONS]
    return np.ascontiguousarray(turned.reshape(rows, columns, -1))


def _views(grey: Image.Image) -> Floats:
    """The patches of a photo and of what else it could have been: mirrored, or from nearer."""
    found = []
    for zoom in CLOSER:
        dx, dy = (side * (1 - 1 / zoom) / 2 for side in SIZE)
        box = (dx, dy, SIZE[0] - dx, SIZE[1] - dy)
        plain = patches(grey if zoom == 1 else grey.resize(SIZE, Image.Resampling.BICUBIC, box))
        found += [plain, _mirrored(plain)]
    return np.stack(found)


def _distances(some: Floats, others: Floats) -> Floats:
    """
    How badly each patch fits its like in the other photos: photo, other photo, patch.

    The squared distance to the best of the patches around the same place.
    """
    # A product larger than this is shared among threads, which takes longer than it does
    # as soon as the machine has anything else to do.
    few = max(1, 250_000 // (PARTS * len(others)))
    if len(some) > few:
        return np.concatenate(
            [_distances(some[i : i + few], others) for i in range(0, len(some), few)]
        )
    rows, columns = some.shape[1:3]
    # |a - b|² is |a|² + (-2a, 1) · (b, |b|²), so one product does nearly all of it.
    left = np.concatenate([-2 * some, np.ones_like(some[..., :1])], axis=3)
    right = np.concatenate([others, (others**2).sum(3, keepdims=True)], axis=3)
    left, right = (np.ascontiguousarray(part.transpose(1, 2, 0, 3)) for part in (left, right))
    best = np.full((rows, columns, len(some), len(others)), np.inf, np.float32)
    for row in range(rows):
        for column in range(columns):
            here = best[row, column]
            for i in range(max(0, row - REACH), min(rows, row + REACH + 1)):
                for j in range(max(0, column - REACH), min(columns, column + REACH + 1)):
                    np.minimum(here, left[row, column] @ right[i, j].T, out=here)
    best += (some**2).sum(3).transpose(1, 2, 0)[..., None]
    return best.reshape(rows * columns, len(some), len(others)).transpose(1, 2, 0)


@dataclass(frozen=True)
class Doubt:
    """
    How sure to be, as the photos themselves have shown.

    `trust` weighs how badly a photo fits its best category and how far the
    second one is off, into the log-odds that the best one is right.
    """

    trust: NDArray[np.float64]
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    sharpness: float

    def shares(self, costs: NDArray[np.float64], likeness: float) -> NDArray[np.float64]:
        """
        A share for each category, from how badly a photo fits each; they sum to 1.

        The less sure, the more alike the shares. `likeness` says whether it is a
        photo of that kind at all, from 0 to 1.
        """
        evidence = (_evidence(costs[None])[0] - self.middle) / self.spread
        sure = likeness / (1 + np.exp(-(evidence @ self.trust[1:] + self.trust[0])))
        clear = _softmax(costs[None], self.sharpness)[0]
        vague = _softmax(costs[None], VAGUE / (float(costs.std()) + 1e-9))[0]
        return np.asarray(sure * clear + (1 - sure) * vague)


@dataclass(frozen=True)
class Kind:
    """
    What kind of pictures the photos are: how much contrast, how odd its patterns.

    Noise, a page of text and a bare wall fit some category best, too. They are
    farther from the photos than any of these was from the rest.
    """

    middle: NDArray[np.float64]
    inverse: NDArray[np.float64]  # of the covariance
    limit: float

    @classmethod
    def of(cls, traits: NDArray[np.float64]) -> "Kind":
        loose = np.diag(traits.var(0) * 0.01 + 1e-12)
        kind = cls(traits.mean(0), np.linalg.inv(np.cov(traits.T) + loose).astype(float), 1.0)
        return replace(kind, limit=max(kind.distance(one) for one in traits))

    def distance(self, traits: NDArray[np.float64]) -> float:
        apart = traits - self.middle
        return float(apart @ self.inverse @ apart)

    def likeness(self, traits: NDArray[np.float64]) -> float:
        return min(1.0, self.limit / max(self.distance(traits), 1e-9)) ** 2


def _evidence(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(costs, axis=1)
    rest = ordered[:, 1:]
    return np.stack([ordered[:, 0], (rest[:, 0] - ordered[:, 0]) / rest.mean(1)], axis=1)


def _softmax(costs: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    weights = np.exp(-(costs - costs.min(1, keepdims=True)) * sharpness)
    return np.asarray(weights / weights.sum(1, keepdims=True))


@dataclass(frozen=True)
class Recognition:
    """What was learned from a folder of photos."""

    categories: tuple[str, ...]
    category: NDArray[np.int64]  # of each photo
    summary: "Summary"
    known: Floats  # each photo's patches, summed up
    weight: Floats  # of the places in a photo
    kind: Kind
    doubt: Doubt

    def confidences(self, content: bytes) -> dict[str, float]:
        """
        Tell every category with its percentage, the surest first; they sum to 100.

        Raises NotAPhoto.
        """
        found = _views(look(content))
        fits = _distances(self.summary.of(found), self.known).min(0)
        shares = self.doubt.shares(
            _costs(fits[None], self.category, self.weight)[0],
            self.kind.likeness(self.summary.traits(found[0], fits)),
        )
        order = np.argsort(-shares, kind="stable")
        return {self.categories[i]: float(shares[i] * 100) for i in order}


@dataclass(frozen=True)
class Summary:
    """Sums a patch up in a few numbers, those in which the photos differ most."""

    middle: Floats
    parts: Floats

    @classmethod
    def learned(cls, found: Floats) -> "Summary":
        flat = found.reshape(-1, found.shape[-1])
        middle = flat.mean(0)
        some = flat[:: max(1, len(flat) // 4000)] - middle
        parts = np.linalg.svd(some, full_matrices=False)[2][:PARTS].T
        return cls(middle, np.ascontiguousarray(parts))

    def of(self, found: Floats) -> Floats:
        return np.asarray((found - self.middle) @ self.parts, np.float32)

    def traits(self, found: Floats, fits: Floats) -> NDArray[np.float64]:
        """Contrast, what the summary leaves out, and how well anything at all fits."""
        contrast = (found**2).sum(-1)
        left_out = ((found - self.middle) ** 2).sum(-1) - (self.of(found) ** 2).sum(-1)
        return np.array(
            [
                contrast.mean(),
                contrast.std(),
                left_out.mean(),
                left_out.std(),
                fits.min(0).mean(),
            ],
            np.float64,
        )


def _costs(fits: Floats, category: NDArray[np.int64], weight: Floats) -> NDArray[np.float64]:
    """
    How badly photos fit each category.

    Once when every patch may choose among the category's photos, and once when
    all patches have to keep to the same one.
    """
    columns = []
    for one in range(int(category.max()) + 1):
        among = fits[:, category == one]
        columns.append(among.min(1) @ weight + (among @ weight).min(1))
    return np.stack(columns, axis=1).astype(np.float64)


_learned: dict[Path, tuple[tuple[tuple[str, int], ...], Recognition]] = {}
_learning = Lock()


def learn(folder: Path) -> Recognition:
    """
    Learn the categories in a folder, or recall them if no file in it has changed.

    May be called from several threads; one learns and the others wait for it.
    Raises ValueError if there are fewer than two categories of two photos.
    """
    folder = folder.resolve()
    files = sorted(folder.glob("*/*.jpg"))
    state = tuple((str(file), file.stat().st_mtime_ns) for file in files)
    with _learning:
        recalled = _learned.get(folder)
        if recalled is None or recalled[0] != state:
            _learned[folder] = (state, _learn(folder, files))
        return _learned[folder][1]


def _learn(folder: Path, files: list[Path]) -> Recognition:
    names = [file.parent.name.replace("_", " ") for file in files]
    categories = tuple(sorted(set(names)))
    if len(categories) < 2 or min(names.count(name) for name in categories) < 2:
        raise ValueError(f"There are no photos of two cars or more, two of each, in {folder}.")
    category = np.array([categories.index(name) for name in names])

    greys = [look(file.read_bytes()) for file in files]
    found = np.stack([patches(grey) for grey in greys])
    summary = Summary.learned(found)
    known = summary.of(found)
    turn = np.unique(np.linspace(0, len(files) - 1, min(TURNS, len(files))).astype(int))
    views = summary.of(np.stack([_views(greys[one]) for one in turn]))
    fits = np.minimum.reduce([_distances(views[:, i], known) for i in range(views.shape[1])])
    fits[np.arange(len(turn)), turn] = 1e6  # nobody finds itself

    weight = _telling_places(fits, category[turn], category)
    return Recognition(
        categories,
        category,
        summary,
        known,
        weight,
        Kind.of(np.stack([summary.traits(found[i], fits[t]) for t, i in enumerate(turn)])),
        _doubt(_costs(fits, category, weight), category[turn]),
    )


def _telling_places(fits: Floats, asked: NDArray[np.int64], category: NDArray[np.int64]) -> Floats:
    """
    Weigh the places in a photo by how well they tell categories apart.

    The middle of a photo shows the car, its edges show the street.
    """
    best = np.stack([fits[:, category == one].min(1) for one in range(category.max() + 1)], axis=1)
    own = best[np.arange(len(asked)), asked]
    others = (best.sum(1) - own) / category.max()
    gain = others - own
    weight = np.maximum(gain.mean(0) / (gain.std(0) + 1e-6), 0) ** 2 + 1e-4
    return np.asarray(weight / weight.sum(), np.float32)


def _doubt(costs: NDArray[np.float64], category: NDArray[np.int64]) -> Doubt:
    """Learn how sure to be from photos that had their like to find, and from ones that had not."""
    here = np.arange(len(category))
    right = costs.argmin(1) == category
    untaught = costs.copy()
    untaught[here, category] = np.nan
    untaught = np.sort(untaught, axis=1)[:, :-1]  # the sort puts what was taken away last

    evidence = _evidence(costs)
    if untaught.shape[1] > 1:
        evidence = np.concatenate([evidence, _evidence(untaught)])
    truth = np.zeros(len(evidence))
    truth[: len(right)] = right
    middle, spread = evidence.mean(0), evidence.std(0) + 1e-9
    terms = np.concatenate([np.ones((len(evidence), 1)), (evidence - middle) / spread], axis=1)
    trust = np.zeros(terms.shape[1])
    for _ in range(25):  # logistic regression by Newton's steps, held back a little
        odds = 1 / (1 + np.exp(-terms @ trust))
        slope = terms.T @ (truth - odds) - 0.1 * trust
        bend = (terms * (odds * (1 - odds))[:, None]).T @ terms + 0.1 * np.eye(len(trust))
        trust = trust + np.linalg.solve(bend, slope)

    scale = 1 / max(float(np.std(costs)), 1e-9)
    candidates = scale * np.geomspace(0.3, 100, 40)
    likely = [np.log(_softmax(costs, s)[here, category] + 1e-9).mean() for s in candidates]
    return Doubt(trust, middle, spread, float(candidates[int(np.argmax(likely))]))
