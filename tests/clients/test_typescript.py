"""
The TypeScript client: strictly compiled, and run through the whole flow against the service.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import SecretStr

from carvalue.app import create_app
from carvalue.demo import sample_photo
from carvalue.settings import mock_settings
from tests.clients.tools import BUILD, CLIENT, HERE, node, node_tool
from tests.servers import KEY, ROOT, serving

pytestmark = pytest.mark.clients

BLOCKS = re.findall(
    r"^```ts\n(.*?)^```",
    (ROOT / "docs" / "clients.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)
CAST = re.compile(r"\bas\b(?! (?:const|a|it|the)\b)|\bany\b|<[A-Z]\w*>\s*[(\w]|!\.|!;|@ts-")


@pytest.fixture(scope="module", autouse=True)
def types() -> Path:
    """The types of the API, generated anew."""
    BUILD.mkdir(exist_ok=True)
    path = BUILD / "carvalue.d.ts"
    node("generate.mjs", CLIENT, path)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on mocks, which asks for a key."""
    database = tmp_path_factory.mktemp("clients") / "clients.db"
    settings = mock_settings(database_url=f"sqlite:///{database}")
    with serving(create_app(settings.model_copy(update={"api_key": SecretStr(KEY)}))) as url:
        yield url


def test_the_whole_flow(address: str) -> None:
    """
    Photos, car, price, another price, with the generated types alone; every error is a problem.
    """
    built = node_tool("tsc", "--project", HERE)
    assert built.returncode == 0, built.stdout

    photos = [sample_photo(side) for side in ("front", "back")]
    said = json.loads(node(BUILD / "compiled" / "flow.js", address, KEY, *photos))

    assert said.pop("what_if") < said.pop("median") == 7995
    assert said.pop("known") > 40
    assert said.pop("photo") > 10_000
    assert said == {
        "sent": 202,
        "best": "toyota-corolla",
        "years": True,
        "refused": "unknown-year",
        "status": "valued",
        "displacement": 1800,
        "currency": "USD",
        "valuations": 2,
        "listed": ["order-7"],
        "deleted": 204,
        "gone": "not-found",
    }


def test_nothing_is_cast() -> None:
    """
    What the client does is checked by its types, not by our word.
    """
    code = re.sub(r"//.*", "", (HERE / "flow.ts").read_text("utf-8"))

    assert CAST.findall(code.replace("createClient<paths>(", "")) == []


@pytest.mark.parametrize(
    "planted", ["data as Appraisal", "let x: any", "data!.id", "<Appraisal>data", "// @ts-ignore"]
)
def test_a_cast_would_be_seen(planted: str) -> None:
    assert CAST.search(planted)


MISTAKES = {
    'condition: "very_good"': 'condition: "splendid"',
    "year: 2010": 'year: "2010"',
    "price.median": "price.meridian",
    "front: await openAsBlob(front)": "front",
    '"/v1/appraisals/{appraisal_id}/car"': '"/v1/appraisals/{appraisal_id}/cars"',
}


def test_mistakes_do_not_compile() -> None:
    """
    Types that take everything would check nothing.
    """
    code = (HERE / "flow.ts").read_text("utf-8")
    planted = {
        f"mistake{number}.ts": code.replace(right, wrong)
        for number, (right, wrong) in enumerate(MISTAKES.items())
    }
    assert code not in planted.values()

    said = compiled(planted)

    assert said.returncode != 0
    assert {name for name in planted if name in said.stdout} == planted.keys()


def test_the_example_of_the_documents() -> None:
    """
    What docs/clients.md shows compiles as it stands there.
    """
    assert len(BLOCKS) == 1

    said = compiled({"example.ts": BLOCKS[0].replace("./carvalue", "./build/carvalue.js")})

    assert said.returncode == 0, said.stdout


def compiled(sources: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the compiler says of these sources, each as if it stood beside flow.ts."""
    with TemporaryDirectory(dir=BUILD) as folder:
        for name, code in sources.items():
            (Path(folder) / name).write_text(code.replace("./build/", "../"), "utf-8")
        project = {"extends": "../../tsconfig.json", "files": [*sources]}
        (Path(folder) / "tsconfig.json").write_text(json.dumps(project))
        return node_tool("tsc", "--noEmit", "--project", folder)
