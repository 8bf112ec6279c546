"""
What the log looks like, and what never gets into it.
"""

import logging
from typing import Any

import pytest

from carvalue.core.observer import about, about_nothing
from carvalue.observing.logs import LogFormat
from carvalue.observing.redaction import LONGEST_TEXT, Redaction, secrets_of
from carvalue.settings import mock_settings
from tests.observing.conftest import Log

VIN = "1HGCM82633A004352"
SECRET = "sk-live-0123456789abcdef"
HOSTILE = 'a\n{"event": "forged"}\r\x1b[2J\x1b[31mred\x00\x85\u2028\u202egnp\ud800\x7f'

logger = logging.getLogger("tests.somewhere")


@pytest.fixture
def secrets() -> list[str]:
    return [SECRET]


@pytest.mark.parametrize("where", ["event", "argument", "extra", "exception"])
def test_no_text_breaks_a_line(log: Log, where: str) -> None:
    """
    Whatever is logged, one record is one line of JSON, and its text is what was logged.
    """
    match where:
        case "event":
            logger.warning(HOSTILE)
        case "argument":
            logger.warning("said %s", HOSTILE)
        case "extra":
            logger.warning("said", extra={"name_of_it": HOSTILE, HOSTILE: 1})
        case _:
            logger.warning("failed", exc_info=ValueError(HOSTILE))

    (record,) = log.records
    assert (record["level"], record["logger"]) == ("warning", "tests.somewhere")
    assert record["timestamp"].endswith("Z")
    assert "gnp" in str(record)


@pytest.mark.parametrize("log_format", ["console"])
@pytest.mark.parametrize("where", ["event", "extra", "exception"])
def test_no_text_writes_on_the_terminal(log: Log, where: str, log_format: LogFormat) -> None:
    """
    On a terminal nothing that was logged moves the cursor, hides a text or forges a line.
    """
    match where:
        case "event":
            logger.warning(HOSTILE)
        case "extra":
            logger.warning("said", extra={"name_of_it": HOSTILE})
        case _:
            logger.warning("failed", exc_info=ValueError(HOSTILE))

    lines = log.text.rstrip("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == (2 if where == "exception" else 1)
    assert "red" in log.text


@pytest.mark.parametrize("log_format", ["console"])
def test_an_exception_on_the_terminal(log: Log, log_format: LogFormat) -> None:
    """
    Its causes and where it came from are told, without the values of variables.
    """
    password = f"{SECRET}-in-a-variable"
    try:
        try:
            raise KeyError(len(password))
        except KeyError as error:
            raise ExceptionGroup("several", [OSError("one of them")]) from error
    except ExceptionGroup:
        logger.exception("failed")

    for told in ("failed", "ExceptionGroup", "OSError: one of them", "KeyError", "test_logs.py"):
        assert told in log.text
    assert SECRET not in log.text


def test_what_a_record_is_about(log: Log) -> None:
    """
    A record tells its request and appraisal, also in the words of others; then they are over.
    """
    with about_nothing():
        about(request_id="r-1", appraisal_id="apr_1")
        logging.getLogger("somebody.else").info("said", extra={"color_message": "\x1b[1msaid"})
    logger.info("afterwards")

    during, after = log.records
    assert (during["request_id"], during["appraisal_id"]) == ("r-1", "apr_1")
    assert "color_message" not in during
    assert after.keys() == {"event", "timestamp", "level", "logger"}


def test_an_exception(log: Log) -> None:
    """
    An exception is data: its kind, its text and its frames, and the same of its cause.
    """
    photo = b"photo" * 100
    try:
        try:
            raise OSError(f"no access for {SECRET}")
        except OSError as error:
            raise RuntimeError(f"{len(photo)} bytes") from error
    except RuntimeError:
        logger.exception("failed")

    (record,) = log.records
    failed, cause = record["exception"]
    assert (failed["exc_type"], failed["exc_value"]) == ("RuntimeError", "500 bytes")
    assert (cause["exc_type"], cause["exc_value"]) == ("OSError", "no access for [...]")
    assert failed["frames"][-1]["name"] == "test_an_exception"
    assert "photophoto" not in log.text


LEAKS: dict[str, Any] = {
    "a key": f"key={SECRET}",
    "a VIN": f"the car {VIN}",
    "a VIN in small letters": f"/v1/vins/{VIN.lower()}/x",
    "a VIN of digits alone": "the car 11111111111111111",
    "a query": f"GET https://provider.test/path?api_key=query-{SECRET[:7]}&vin=x failed",
    "a password": f"postgresql://user:{SECRET[:7]}@db.test/cars refused",
    "a header": f"{{'Authorization': 'Bearer {SECRET[:7]}.abc'}}",
    "SQL parameters": f"(OperationalError) disk full [SQL: X] [parameters: ('{VIN[:5]}', 1)]",
    "what a unique key says": f"duplicate key DETAIL: Key (vin)=({VIN[:5]}) already exists.",
    "Pydantic's input": f"1 error [type=int, input_value='{SECRET[:7]}', input_type=str]",
    "bytes": SECRET.encode(),
    "deep inside": {"a": [{"b": (SECRET, {VIN})}]},
    "an object": ValueError(SECRET),
    "far behind": "x" * (LONGEST_TEXT - 5) + SECRET,
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("where", ["event", "extra", "exception"])
def test_nothing_leaks(log: Log, leak: str, where: str) -> None:
    """
    Keys, VINs, query strings, photos, and what libraries quote of them, never stand in the log.
    """
    match where:
        case "event":
            logger.warning("told: %s", LEAKS[leak])
        case "extra":
            logger.warning("told", extra={"told": LEAKS[leak]})
        case _:
            logger.warning("failed", exc_info=ValueError(LEAKS[leak]))

    (record,) = log.records
    for canary in (SECRET[:7], VIN[:5], VIN[:5].lower(), "11111"):
        assert canary not in str(record)


@pytest.mark.parametrize(
    "text",
    [
        "apr_a6cc60494d594fd6a91ea96f51049134",
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "imagga failed: ProviderTimedOut after 6.00 s",
        "internationalized words",
        "what? nothing: http://provider.test/path",
        "0123456789abcdef and 2026-11-26T00:41:22.845507Z",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    assert Redaction([SECRET]).text(text) == text


def test_a_long_text_is_cut() -> None:
    assert len(Redaction().text("x" * 100_000)) < LONGEST_TEXT + 10


def test_a_strange_text_takes_no_time() -> None:
    """
    No text is expensive to look through, whatever it repeats.
    """
    redaction = Redaction([SECRET])
    for hostile in ("://", "a" * 16, "input_value=", "Bearer ", "[parameters: ", "?", "1A"):
        assert redaction.text(hostile * 2000)


def test_the_secrets_of_the_settings() -> None:
    """
    Every key in the settings is known, and so is the database's password.
    """
    settings = mock_settings(
        database_url="postgresql://user:database-password@db.test/cars",
        imagga_key="imagga-key",
        valuation_api_key="valuation-key",
    )

    assert {"database-password", "imagga-key", "mock-secret", "valuation-key"} <= set(
        secrets_of(settings)
    )
