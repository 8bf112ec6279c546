"""
What a process does with the memory that uploads take.
"""

import subprocess
import sys

import pytest

from tests.servers import ROOT

FREED = """
import resource, sys
from carvalue.serving import keep_memory
if sys.argv[1] == "kept":
    keep_memory()
for _ in range(40):
    at_once = [b"x" * 3_000_000 for _ in range(10)]
    del at_once
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others have no glibc")
def test_the_memory_of_an_upload_is_used_again() -> None:
    """
    The system is not asked for the same memory again and again, which costs more than to receive
    a photo.
    """

    def faults(how: str) -> int:
        command = [sys.executable, "-c", FREED, how]
        return int(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)

    assert faults("kept") < faults("given-back") / 2
