"""
The worked deployment of docs/operations.md: its files fit the service, and the proxy works.
"""

import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dotenv import dotenv_values

from carvalue.demo import sample_photo
from carvalue.settings import Settings
from carvalue.web.problem_schemas import Problem
from carvalue.web.problems import TITLE_OF
from carvalue.web.requests import MAX_UPLOAD
from tests.servers import ROOT, START_SECONDS, WITH_KEY, free_port, process
from tests.variables import files, variables

OPS = ROOT / "ops"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
DOCUMENT = (ROOT / "docs" / "operations.md").read_text("utf-8")
HOST = "cars.example.com"
SITE = (OPS / "nginx" / "carvalue.conf").read_text("utf-8")


def unit() -> list[tuple[str, str]]:
    """The assignments of the systemd unit, of which some come several times."""
    text = (OPS / "systemd" / "carvalue.service").read_text("utf-8")
    return re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)


def test_the_unit_starts_the_service_with_all_that_it_needs(tmp_path: Path) -> None:
    """
    With the secrets in their files, the settings of the example are complete.
    """
    plain = dotenv_values(OPS / "systemd" / "settings.env")
    pointed = dict(value.split("=", 1) for name, value in unit() if name == "Environment")
    loaded = dict(value.split(":", 1) for name, value in unit() if name == "LoadCredential")

    assert plain.keys() <= variables().keys()
    assert pointed.keys() <= files()
    assert {value.removeprefix("%d/") for value in pointed.values()} == loaded.keys()
    secrets = {
        name.removesuffix("_FILE"): "postgresql://carvalue@host/carvalue" if "URL" in name else "k"
        for name in pointed
    }
    env = tmp_path / "all.env"
    env.write_text("".join(f"{name}={value}\n" for name, value in (plain | secrets).items()))
    assert Settings(_env_file=env).missing() == []
    assert dict(unit())["ExecStart"].split()[1] == "serve"
    assert ConfigParser(strict=False).read(OPS / "systemd" / "carvalue.service")


@pytest.mark.parametrize("file", ["nginx/carvalue.conf", "systemd/carvalue.service"])
def test_the_documents_name_the_files(file: str) -> None:
    assert f"ops/{file}" in DOCUMENT
    assert (OPS / file).exists()


def certificate(folder: Path) -> None:
    """A certificate of the host in the example, signed by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@contextmanager
def proxied(folder: Path, service: int) -> Iterator[httpx.Client]:
    """nginx with the example's configuration before a service; a client that speaks to it."""
    assert NGINX is not None
    certificate(folder)
    port = free_port()
    site = SITE
    for old, new in {
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "127.0.0.1:8000": f"127.0.0.1:{service}",
        f"/etc/letsencrypt/live/{HOST}": str(folder),
    }.items():
        assert old in site
        site = site.replace(old, new)
    (folder / "site.conf").write_text(site)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}include {folder}/site.conf;\n}}\n"
    )
    checked = subprocess.run(
        [NGINX, "-t", "-p", str(folder), "-c", str(main)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    started = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(main)])
    trusted = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    trusted.check_hostname = False  # the client calls 127.0.0.1
    address = f"https://127.0.0.1:{port}"
    with httpx.Client(
        base_url=address,
        headers={"Host": HOST} | WITH_KEY,
        verify=trusted,
        timeout=60,
        trust_env=False,
    ) as client:
        try:
            until = time.monotonic() + START_SECONDS
            while True:
                assert started.poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < until
                try:
                    client.get("/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield client
        finally:
            started.terminate()
            started.wait(timeout=20)


@pytest.fixture(scope="module")
def client(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    port = free_port()
    with (
        process(
            *("carvalue", "serve", "--port", str(port)),
            address=f"http://127.0.0.1:{port}/healthz",
            env=environment | {"CARVALUE_GUESSES_PER_ADDRESS": "3"},
            cwd=tmp_path_factory.mktemp("service"),
        ),
        proxied(tmp_path_factory.mktemp("nginx"), port) as client,
    ):
        yield client


needs_nginx = pytest.mark.skipif(
    NGINX is None, reason="There is no nginx here: the proxy of docs/operations.md was not tried."
)


@pytest.mark.journey
@needs_nginx
def test_a_car_through_the_proxy(client: httpx.Client) -> None:
    """
    Photos come through, a long wait is held, and browsers are told to stay with https.
    """
    photos = {
        side: (f"{side}.jpg", sample_photo(side).read_bytes(), "image/jpeg")
        for side in ("front", "back")
    }

    started = client.post("/v1/appraisals", files=photos, headers={"Prefer": "wait=20"})

    assert started.status_code == 201
    assert started.json()["next_action"] == "confirm_car"
    assert started.headers["strict-transport-security"]
    path = started.headers["location"]
    asked = time.monotonic()
    known = {"If-None-Match": started.headers["etag"], "Prefer": "wait=25"}
    assert client.get(path, headers=known).status_code == 304
    assert time.monotonic() - asked > 20


@pytest.mark.journey
@needs_nginx
def test_too_large_through_the_proxy(client: httpx.Client) -> None:
    """
    What the proxy refuses is a problem like any other, not a page.
    """
    files = {"front": ("front.jpg", b"x" * (MAX_UPLOAD + 1), "image/jpeg")}

    refused = client.post("/v1/appraisals", files=files)

    assert refused.status_code == 413
    assert problem_of(refused).code == "payload-too-large"
    assert f"client_max_body_size {MAX_UPLOAD >> 20}m;" in SITE


@pytest.mark.journey
@needs_nginx
def test_a_service_that_is_away(tmp_path: Path) -> None:
    """
    While the service is restarted apps are told to come again.
    """
    with proxied(tmp_path, free_port()) as client:
        answer = client.get("/v1/appraisals")

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    problem = problem_of(answer)
    assert (problem.code, problem.retryable) == ("unavailable", True)


def problem_of(response: httpx.Response) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate(response.json())
    assert problem.title == TITLE_OF[problem.code]
    assert problem.status == response.status_code
    return problem


@pytest.mark.journey
@needs_nginx
def test_addresses_through_the_proxy(client: httpx.Client) -> None:
    """
    Whoever guesses keys cannot hide behind an address that it makes up.
    """
    statuses = [
        client.get(
            "/v1/appraisals",
            headers={"Authorization": "Bearer guessed", "X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(5)
    ]

    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert client.get("/v1/appraisals").status_code == 200


@pytest.mark.journey
@needs_nginx
def test_readiness_is_not_for_all(client: httpx.Client) -> None:
    """
    From this machine the states of the providers are seen; the configuration shuts out others.
    """
    assert json.loads(client.get("/readyz").text)
    assert "deny all;" in SITE.partition("location = /readyz")[2]
