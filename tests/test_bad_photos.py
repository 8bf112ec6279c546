"""
What the corpus of bad photos comes to, and what each of them may cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from carvalue.core.errors import PhotoError
from carvalue.core.photos import Photo, Side
from carvalue.decoding import QUICK, SLOW, Decoder
from carvalue.imaging import TakesLong, kind_of
from tests.bad_photos import PARTS
from tests.pictures import plain, shown


@dataclass
class Measured:
    """A decoder, and what a photo may take of it; most take a tenth."""

    decoder: Decoder
    cpu_seconds: float
    megabytes: float

    def outcome(self, content: bytes) -> str | None:
        """The code with which the photo is refused, or that of what it has taken too much of."""
        used, held = self._cpu_seconds(), self._megabytes()
        Path(f"/proc/{self.decoder.pid}/clear_refs").write_text("5")  # sets the peak back
        code = refusal(self.decoder, content)
        assert self.decoder.lives
        if self._cpu_seconds() - used > self.cpu_seconds:
            return "too much time"
        if self._megabytes("VmHWM") - held > self.megabytes:
            return "too much memory"
        return code

    def _cpu_seconds(self) -> float:
        return int(Path(f"/proc/{self.decoder.pid}/schedstat").read_text().split()[0]) / 1e9

    def _megabytes(self, kind: str = "VmRSS") -> float:
        status = Path(f"/proc/{self.decoder.pid}/status").read_text()
        return int(status.partition(f"{kind}:")[2].split()[0]) / 1024


def refusal(decoder: Decoder, content: bytes) -> str | None:
    match tried(decoder, content):
        case PhotoError() as error:
            assert str(error).endswith(".")
            return error.code
        case photo:
            assert shown(photo).size == (photo.width, photo.height)
            assert 200 <= min(photo.width, photo.height) <= 480
            return None


def tried(decoder: Decoder, content: bytes) -> Photo | PhotoError:
    try:
        kind_of(content)
        return decoder.prepare(content, Side.front, 1)
    except PhotoError as error:
        return error


@pytest.fixture(scope="module")
def quick() -> Iterator[Measured]:
    decoder = Decoder(QUICK)
    refusal(decoder, plain(400, 320))  # what it imports then is no photo's fault
    yield Measured(decoder, cpu_seconds=0.5, megabytes=100)
    decoder.close()


@pytest.fixture(scope="module")
def slow() -> Iterator[Measured]:
    decoder = Decoder(SLOW)
    refusal(decoder, plain(400, 320, "HEIF"))
    yield Measured(decoder, cpu_seconds=3, megabytes=400)
    decoder.close()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.split(".")[-1])
def test_bad_photos(part: ModuleType, quick: Measured, slow: Measured) -> None:
    """
    Each is prepared or refused with its code, in bounded time and memory; no decoder dies of it.
    """
    photos = list(part.photos())
    outcomes = {}
    for bad in photos:
        try:
            outcomes[bad.name] = quick.outcome(bad.content)
        except TakesLong:
            outcomes[bad.name] = slow.outcome(bad.content)

    assert outcomes == {bad.name: bad.code for bad in photos}
    assert len(outcomes) == len(photos)
