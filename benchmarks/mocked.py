"""
The mocked providers as a process: `python -m benchmarks.mocked PORT`. It stops when its input ends.
"""

import sys

import uvicorn

from benchmarks.peers.ending import end_with_input
from mocks.app import create_app

if __name__ == "__main__":
    end_with_input()
    uvicorn.run(create_app(), port=int(sys.argv[1]), log_level="error")
