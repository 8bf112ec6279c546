"""
A decoder that does what the "photo" tells it, in the real one's place.
"""

import ctypes
import mmap
import os
import signal
import time
from pathlib import Path

from carvalue.core.errors import PhotoTooSmall
from carvalue.core.photos import Photo, Side
from carvalue.decoder import main
from carvalue.imaging import TakesLong


def obey(photo: memoryview, side: Side, zoom: int, quickly: bool) -> Photo:
    content = bytes(photo)
    order, _, rest = content.partition(b" ")
    match order:
        case b"crash":
            ctypes.string_at(0)
        case b"abort":
            os.abort()
        case b"run-away":
            while True:
                pass
        case b"hang":
            time.sleep(600)
        case b"eat":
            mmap.mmap(-1, 2 << 30)
        case b"fail":
            raise ValueError
        case b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"die-once" if not Path(rest.decode()).exists():
            Path(rest.decode()).mkdir()
            os.kill(os.getpid(), signal.SIGKILL)
        case b"refuse":
            raise PhotoTooSmall("It is small.")
        case b"later" if quickly:
            raise TakesLong
        case b"environment":
            content = "\n".join(os.environ).encode()
        case b"process":
            content = str(os.getpid()).encode()
    return Photo(side, content, zoom, 1)


if __name__ == "__main__":
    main(obey)
