"""
Has a process stop when its input ends, so that none outlives who has started it.
"""

import signal
import sys
import threading


def end_with_input() -> None:
    def wait() -> None:
        sys.stdin.buffer.read()
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
