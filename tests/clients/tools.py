"""
The tools of `make clients`, as it has installed them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.servers import ROOT

HERE = Path(__file__).parent
BUILD = HERE / "build"
NODE_TOOLS = HERE / "node_modules" / ".bin"
GENERATOR = Path(sys.prefix) / "generator" / "bin" / "openapi-generator-cli"
FULL = ROOT / "openapi" / "carvalue.json"
CLIENT = ROOT / "openapi" / "carvalue.client.json"
NO_JAVA = "There is no java here, so no Swift, Kotlin and Dart client was generated."


def ran(*command: str | Path, cwd: Path = HERE) -> subprocess.CompletedProcess[str]:
    """What a tool says of it; it asks no network, and tells nobody that it was used."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def node(*command: str | Path, cwd: Path = HERE) -> str:
    """What a script prints; it must not fail."""
    done = ran("node", *command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def node_tool(name: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    return ran(NODE_TOOLS / name, *options)


def has_java() -> bool:
    return shutil.which("java") is not None


def generate(name: str, folder: Path, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A client by openapi-generator."""
    return ran(
        *(GENERATOR, "generate", "-g", name, "-i", CLIENT, "-o", folder),
        f"--additional-properties={','.join(options)}",
    )
