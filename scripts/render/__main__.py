"""
Render the sample photos again: `python -m scripts.render [--only NAME] [--jobs N]`.

The photos that the mock categorizer learns from go to `train`, the ones that
the demo shows and no learning ever sees to `demo`. Everything takes about half
an hour on two cores.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from . import places, scene
from .cars import ORDINARY
from .cars_odd import UNUSUAL
from .looks import Car
from .scene import Shot
from .solid import mesh

CARS: tuple[Car, ...] = (*ORDINARY, *UNUSUAL)
PHOTOS = Path(__file__).parents[2] / "mocks" / "photos"
TRAINING_SHOTS = 10


@dataclass(frozen=True)
class Picture:
    """One file to be made."""

    car: Car
    shot: Shot
    path: Path
    size: tuple[int, int]
    step: float  # the body's grid, metres
    quality: int


def pictures(car: Car, folder: Path, training: int) -> Iterator[Picture]:
    name = car.name.replace(" ", "_")
    for side in ("front", "back"):
        for index in range(training):
            yield Picture(
                car,
                scene.shot(side, car.name, index),
                folder / "train" / name / f"{side}-{index + 1:02}.jpg",
                (400, 300),
                0.022,
                74,
            )
        yield Picture(
            car,
            scene.shot(side, f"yard {car.name}", 0, calm=True),
            folder / "demo" / name / f"{side}.jpg",
            (1280, 960),
            0.013,
            78,
        )


def render(picture: Picture, meshes: Path) -> None:
    """Render one picture and save it without any metadata."""
    car, shot = picture.car, picture.shot
    body = meshes / f"{car.name.replace(' ', '_')}-{picture.step}.inc"
    text = (
        "#version 3.7;\nglobal_settings { assumed_gamma 1.0 max_trace_level 6 }\n"
        f'#include "{body}"\n'
        + scene.light(shot, car.size[0])
        + scene.MATERIALS
        + scene.paint(shot.paint)
        + car.dressed()
        + "object { Car }\n"
        + places.place(shot, car.size[0])
        + scene.camera(shot, car.size, picture.size[0] / picture.size[1])
    )
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "scene.pov"), Path(folder, "scene.png")
        source.write_text(text)
        wide, high = picture.size
        command = ["povray", f"+I{source}", f"+O{result}", f"+W{wide}", f"+H{high}"]
        quality = ["+A0.2", "+AM2", "+R2", "+WT1", "-D", "-GA"]
        done = subprocess.run(  # noqa: S603
            [*command, *quality], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{picture.path}: {done.stderr[-2500:]}")
        picture.path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(result).convert("RGB").save(
            picture.path, quality=picture.quality, optimize=True, progressive=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a part of the car's name")
    parser.add_argument("--kind", choices=("train", "demo"))
    parser.add_argument("--shots", type=int, default=TRAINING_SHOTS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=PHOTOS)
    options = parser.parse_args()

    wanted = [
        picture
        for car in CARS
        if not options.only or options.only in car.name
        for picture in pictures(car, options.out, options.shots)
        if not options.kind or options.kind == picture.path.parts[-3]
    ]
    # Some of every car first, so that a look at the folder tells early what is wrong.
    wanted.sort(key=lambda picture: (picture.path.parts[-3] == "demo", picture.path.stem[-2:]))
    with tempfile.TemporaryDirectory() as folder:
        for car, step in {(p.car.name, p.step): (p.car, p.step) for p in wanted}.values():
            name = f"{car.name.replace(' ', '_')}-{step}.inc"
            Path(folder, name).write_text(mesh(car.body, step))
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda picture: render(picture, Path(folder)), wanted))


if __name__ == "__main__":
    main()
