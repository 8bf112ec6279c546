import pytest

from carvalue.core import errors
from carvalue.core.errors import CarvalueError, NoMarketData, ProviderError
from carvalue.core.steps import categorizer_code, provider_code


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.ProviderTimedOut, "timeout"),
        (errors.ProviderBusy, "busy"),
        (errors.ProviderQuotaUsedUp, "quota"),
        (errors.ProviderUnavailable, "error"),
        (errors.ProviderAnswerUnreadable, "error"),
        (errors.ProviderKeyRefused, "error"),
        (errors.ProviderRequestRefused, "error"),
    ],
)
def test_a_failure_becomes_the_code_of_its_step(failure: type[ProviderError], code: str) -> None:
    """
    The app is told what failed and whether waiting helps.
    """
    error = failure("It failed.", provider="somebody")

    assert categorizer_code(error) == f"categorizer-{code}"
    assert provider_code(error) == f"provider-{code}"


def test_no_market_data_is_a_code_of_its_own() -> None:
    """
    A car that nobody sells is no outage.
    """
    assert provider_code(NoMarketData("There are no prices.")) == "no-market-data"


def leaves(base: type[CarvalueError]) -> list[type[CarvalueError]]:
    """The leaves of the core's own tree; others may have grown below it elsewhere."""
    below = [one for one in base.__subclasses__() if one.__module__ == errors.__name__]
    return [leaf for one in below for leaf in leaves(one)] if below else [base]


@pytest.mark.parametrize("error", leaves(CarvalueError), ids=lambda error: error.__name__)
def test_every_error_says_what_it_means(error: type[CarvalueError]) -> None:
    """
    Each has a code of small letters that clients can match on, and a docstring for the API.
    """
    assert error.__doc__
    assert error.code
    assert error.code.lower().replace("_", "-").replace(" ", "-") == error.code
    assert error.__name__ in (errors.__doc__ or "")
