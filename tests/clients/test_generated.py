"""
The Swift, Kotlin and Dart clients that openapi-generator makes: read, not compiled.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.tools import CLIENT, NO_JAVA, generate, has_java
from tests.servers import ROOT

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(not has_java(), reason=NO_JAVA),
]

DOCUMENT = (ROOT / "docs" / "clients.md").read_text("utf-8")
KNOWN_WARNING = "OpenAPI 3.1 support is still in beta"
LEVEL = re.compile(r"^\[\w+\] (WARN|ERROR)\b.*$", re.MULTILINE)
# What apps have already: SwiftUI's Label and Text, Kotlin's Result, Dart's Type.
TAKEN = {"Any", "Data", "Date", "Error", "File", "Image", "Label", "List", "Map", "Model", "None"}
TAKEN |= {"Object", "Optional", "Option", "Result", "Set", "String", "Task", "Text", "Type", "View"}


@dataclass(frozen=True)
class Client:
    """One language: how it is generated, and how it writes things."""

    generator: str
    options: tuple[str, ...]
    suffix: str
    method: str
    """An operation, by its name in camelCase."""
    create: str
    """The call that uploads photos."""
    photo: str
    instant: str
    nullable: str


CLIENTS = {
    "swift": Client(
        "swift6",
        (
            "projectName=CarValueClient",
            "responseAs=AsyncAwait",
            "library=urlsession",
            "enumUnknownDefaultCase=true",
        ),
        ".swift",
        r"class func {name}\(",
        r"func createAppraisal\(front: URL, back: URL, ",
        r"func getPhoto\(.*-> URL \{",
        r"var createdAt: Date\n",
        r"var trimId: String\?\n",
    ),
    "kotlin": Client(
        "kotlin",
        (
            "packageName=carvalue",
            "library=jvm-okhttp4",
            "serializationLibrary=moshi",
            "useCoroutines=true",
            "enumUnknownDefaultCase=true",
        ),
        ".kt",
        r"suspend fun {name}\(",
        r"fun createAppraisal\(front: java\.io\.File, back: java\.io\.File, ",
        r"fun getPhoto\(.* : java\.io\.File =",
        r"val createdAt: java\.time\.OffsetDateTime,",
        r"val trimId: kotlin\.String\?",
    ),
    "dart": Client(
        "dart-dio",
        ("pubName=carvalue", "serializationLibrary=built_value", "enumUnknownDefaultCase=true"),
        ".dart",
        r"Future<Response<[\w<>]+>> {name}\(",
        r"createAppraisal\(\{ *\n +required MultipartFile front,\n +required MultipartFile back,",
        r"Future<Response<Uint8List>> getPhoto\(",
        r"DateTime get createdAt;",
        r"String\? get trimId;",
    ),
}


@dataclass(frozen=True)
class Generated:
    """A client's sources, all in one, and what its generator said."""

    client: Client
    said: str
    text: str


@pytest.fixture(scope="module", params=CLIENTS)
def generated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generated:
    client = CLIENTS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    done = generate(client.generator, folder, client.options)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = re.compile(r"/(test|Tests)/")
    files = [
        path for path in sorted(folder.rglob(f"*{client.suffix}")) if not tests.search(str(path))
    ]
    text = "\n".join(path.read_text("utf-8") for path in files)
    return Generated(client, done.stdout + done.stderr, text)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(CLIENT.read_text("utf-8"))
    return read


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_no_warnings(generated: Generated) -> None:
    """
    The generator understands all of the description, but for what it says of OpenAPI 3.1 itself.
    """
    warnings = [found[0] for found in LEVEL.finditer(generated.said)]

    assert [one for one in warnings if KNOWN_WARNING not in one] == []


def test_operations_are_called_as_ours(generated: Generated, description: dict[str, Any]) -> None:
    """
    Every operation is one method, under the name that the description gives it.
    """
    for path in description["paths"].values():
        for operation in path.values():
            name = camel(operation["operationId"])
            assert re.search(generated.client.method.format(name=name), generated.text), name


def test_photos_are_files(generated: Generated) -> None:
    assert re.search(generated.client.create, generated.text)
    assert re.search(generated.client.photo, generated.text)


def test_instants_and_what_is_unknown(generated: Generated) -> None:
    """
    An instant is one, and what may be null is optional, nothing else.
    """
    assert re.search(generated.client.instant, generated.text)
    assert re.search(generated.client.nullable, generated.text)


def test_enums_grow(generated: Generated, description: dict[str, Any]) -> None:
    """
    A value that is added later does not break an app that was built today.
    """
    enums = [one for one in description["components"]["schemas"].values() if "enum" in one]

    fallbacks = re.findall(
        r"\"unknown_default_open_api\"|'unknown_default_open_api'", generated.text
    )
    assert len(enums) >= 15
    assert len(fallbacks) >= len(enums)


def test_no_odd_classes(generated: Generated, description: dict[str, Any]) -> None:
    """
    No class that was merged from two, no numbered one, none after a form or a function.
    """
    odd = re.compile(
        r"(?:class|struct|enum|interface|object) "
        r"(\w*(?:AnyOf|OneOf|Body_|Inner|Inline)\w*|\w+[a-z]\d+)\b"
    )

    assert odd.findall(generated.text) == []
    assert TAKEN & description["components"]["schemas"].keys() == set()


@pytest.mark.parametrize("language", CLIENTS)
def test_the_commands_of_the_documents(language: str) -> None:
    """
    docs/clients.md generates what is tested here.
    """
    client = CLIENTS[language]

    assert f"-g {client.generator} " in DOCUMENT
    assert ",".join(client.options) in DOCUMENT


CALLS = {
    ".swift": ("swift", ":", re.compile(r"API\.(\w+\([^()]*\))")),
    ".kt": ("kotlin", " =", re.compile(r"Api\.(\w+\([^()]*\))")),
}


@pytest.mark.parametrize("generated", ["swift", "kotlin"], indirect=True)
def test_the_calls_of_the_documents(generated: Generated) -> None:
    """
    The methods that docs/clients.md calls are there, with arguments of these names.
    """
    language = generated.client.suffix
    name_of, separator, calls_in = CALLS[language]
    (code,) = re.findall(rf"^```{name_of}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)

    calls = calls_in.findall(code)

    assert len(calls) >= 4
    for call in calls:
        name, _, given = call.partition("(")
        declared = re.findall(rf"func? {name}\(([^{{]*?)\) (?:async|:)", generated.text)
        names = set(re.findall(r"(\w+): ", " ".join(declared)))
        used = set(re.findall(rf"(\w+){separator} ", given))
        assert declared, call
        assert used, call
        assert used <= names, call
