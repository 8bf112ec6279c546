"""
The commands of the documents for newcomers do what they say, pasted as they stand there.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import KEY, ROOT, free_port, process

pytestmark = pytest.mark.journey

README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = {
    name: README if name == "README.md" else (ROOT / "docs" / name).read_text("utf-8")
    for name in ("README.md", "command-line.md", "clients.md")
}
BLOCKS = [
    block
    for text in DOCUMENTS.values()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
]
START_SECONDS = 120
PROGRAM = {name: value for name, value in os.environ.items() if not name.startswith("CARVALUE_")}


def block(*words: str) -> str:
    """The one block that holds all these words."""
    found = [text for text in BLOCKS if all(word in text for word in words)]
    assert len(found) == 1, f"{len(found)} blocks hold {words}"
    return found[0]


def shell(script: str, folder: Path, env: dict[str, str] = PROGRAM) -> str:
    """What a script prints; it must not fail."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(printed: str) -> list[dict[str, object]]:
    """The JSON objects that curl printed one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(printed):
        one, at = decoder.raw_decode(printed, at)
        found.append(one)
    return found


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """`make demo`, serving; the address that it prints."""
    port = free_port()
    command = ["make", "demo", f"ARGS=--port {port}"]
    started = subprocess.Popen(
        command, cwd=ROOT, env=PROGRAM, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + START_SECONDS
    try:
        assert started.stdout is not None
        for line in started.stdout:
            assert time.monotonic() < until, "make demo takes too long"
            if f"serves at {address}" in line:
                break
        assert httpx.get(f"{address}/healthz", trust_env=False).is_success
        yield address
    finally:
        os.killpg(started.pid, signal.SIGINT)
        started.communicate(timeout=30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like the clone, where commands may leave files."""
    for name in ("mocks", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_make_demo_once() -> None:
    """
    `make demo ARGS=--once` prints the Corolla of 2010 with specs and the article's prices.
    """
    assert "make demo ARGS=--once" in README

    printed = shell("make demo ARGS=--once", ROOT)

    for expected in (
        "Toyota Corolla LE 2010",
        "1,800 cc",
        "1,795",
        "7,995",
        "849,995",
        "8,940",
        "mock:specs_api",
        "mock:valuation_api",
    ):
        assert expected in printed


def test_the_two_commands() -> None:
    """
    Both commands of a newcomer are targets of the Makefile, and CI runs the second one.
    """
    assert block("make demo")
    assert block("make test")
    targets = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo:", targets, re.MULTILINE)
    assert re.search(r"^test:", targets, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_flow_by_hand(demo: str, folder: Path) -> None:
    """
    The curl lines take two photos to a price, another price, and away again.
    """
    script = block("2. The model years").replace("http://127.0.0.1:8000", demo)

    started, years, valued, what_if, history, stored = answers(shell(script, folder))

    assert started["next_action"] == "confirm_car"
    assert 2010 in years["years"]  # type: ignore[operator]
    assert valued["valuation"]["price"]["median"] == 7995  # type: ignore[index]
    assert what_if["price"]["median"] < 7995  # type: ignore[index]
    assert len(history["data"]) == 2  # type: ignore[arg-type]
    assert stored["valuation"] == what_if
    gone = httpx.get(f"{demo}/v1/appraisals/{stored['id']}", trust_env=False)
    assert gone.status_code == 404


def test_when_a_provider_fails(demo: str, folder: Path) -> None:
    """
    The lines that let the categorizer fail and come back end with candidates.
    """
    variables = "\n".join(block("2. The model years").splitlines()[:2])
    script = f"{variables}\n{block('scenarios/imagga')}".replace("http://127.0.0.1:8000", demo)

    *_, failed, _, found = answers(shell(script, folder))

    assert failed["status"] == "categorization_failed"
    assert found["status"] == "needs_confirmation"


def test_without_a_server(folder: Path) -> None:
    """
    The command appraises a car without a server.
    """
    printed = shell(block("carvalue appraise"), folder)

    assert "BMW Z3" in printed
    assert "1998" in printed


def test_with_your_own_keys(environment: dict[str, str], folder: Path) -> None:
    """
    With the settings in place the providers are seen to answer, and the service starts.
    """
    providers, keys, serve = block("carvalue serve").splitlines()

    printed = shell(providers, folder, environment)

    assert printed.count("can be reached") == 3
    assert shell(keys, folder, environment).startswith("cv_live_")
    program, command = serve.split("#")[0].split()
    assert program == ".venv/bin/carvalue"
    port = free_port()
    address = f"http://127.0.0.1:{port}/healthz"
    with process(
        *("carvalue", command, "--port", str(port)), address=address, env=environment, cwd=folder
    ):
        assert httpx.get(address, trust_env=False).json() == {"status": "ok"}


def test_a_key_for_a_server(environment: dict[str, str], folder: Path) -> None:
    """
    The key that is printed lets its server in, and nobody is let in without one.
    """
    keys, asked = block("carvalue keys", "Bearer").splitlines()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    alone = {name: value for name, value in environment.items() if name != "CARVALUE_API_KEY"}
    key = shell(f"{keys}\necho $KEY", folder, alone).strip()

    with process(
        *("carvalue", "serve", "--port", str(port)),
        address=f"{url}/healthz",
        env=alone,
        cwd=folder,
    ):
        listed = shell(asked, folder, PROGRAM | {"URL": url, "KEY": key, "NO_PROXY": "*"})
        assert httpx.get(f"{url}/v1/appraisals", trust_env=False).status_code == 401

    assert json.loads(listed) == {"data": [], "next_cursor": None}


def test_ten_lines_of_curl(environment: dict[str, str], folder: Path) -> None:
    """
    docs/clients.md comes in with a key, and gets two prices.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    with process(
        *("carvalue", "serve", "--port", str(port)),
        address=f"{url}/healthz",
        env=environment,
        cwd=folder,
    ):
        known = PROGRAM | {"URL": url, "KEY": KEY, "NO_PROXY": "*"}
        years, valued, what_if = answers(shell(block("ask() {"), folder, known))

    assert 2010 in years["years"]  # type: ignore[operator]
    assert valued["next_action"] == "done"
    assert what_if["price"]["median"] < valued["valuation"]["price"]["median"]  # type: ignore[index]


def test_the_listings_of_the_demo() -> None:
    """
    The command that shows all that a price may say.
    """
    assert "`.venv/bin/carvalue demo --listings`" in README

    assert "certainty" in shell(".venv/bin/carvalue demo --listings --once", ROOT).lower()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`make ([a-z]+)", README))))
def test_the_targets_that_are_named(command: str) -> None:
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_make_live(environment: dict[str, str]) -> None:
    """
    The live tests ask whom the environment names, here the mocks, and skip the others.
    """
    assert "`make live`" in README

    printed = shell("make live", ROOT, environment)

    assert re.search(r"^3 passed, \d skipped", printed, re.MULTILINE)


def test_the_epa_data(environment: dict[str, str], folder: Path) -> None:
    """
    What the EPA offers for download is brought in as it is.
    """
    script = block("specs import").replace(
        "https://www.fueleconomy.gov", environment["CARVALUE_SPECS_API__BASE_URL"]
    )

    printed = shell(f"export NO_PROXY='*'\n{script}", folder, environment)

    assert re.search(r"^ *new +\d{3}", printed, re.MULTILINE)


def test_many_pictures(environment: dict[str, str], folder: Path) -> None:
    """
    A file of URLs becomes a file of labels.
    """
    shell(block("categorize-urls"), folder, environment)

    (line,) = (folder / "labels.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["labels"][0]["label"] == "toyota corolla"


def test_every_block_is_run() -> None:
    """
    Nothing stands there that nobody has tried.
    """
    assert len(BLOCKS) == sum(text.count("```sh") for text in DOCUMENTS.values())
    tried = {
        block(*words)
        for words in (
            ("make demo",),
            ("make test",),
            ("2. The model years",),
            ("scenarios/imagga",),
            ("carvalue appraise",),
            ("carvalue serve",),
            ("carvalue keys", "Bearer"),
            ("specs import",),
            ("categorize-urls",),
            ("ask() {",),
        )
    }

    assert set(BLOCKS) == tried
