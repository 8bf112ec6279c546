"""
Writes the examples anew: `python -m scripts.examples`.
"""

import asyncio
import json
import logging
import shutil

from carvalue.web.openapi_examples import FOLDER
from scripts.examples.recording import recorded


def main() -> None:
    """Replace all files of `carvalue/web/examples`."""
    logging.disable()  # every error is raised once
    files = asyncio.run(recorded())
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for name, example in files.items():
        text = json.dumps(example, indent=1, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", "utf-8")
    print(f"{len(files)} files written to {FOLDER}.")


main()
