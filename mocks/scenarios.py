"""
What a mock plays, chosen by the key that it is called with.

The idea is that of a payment provider's test cards: a magic key makes the mock
behave like the real service on a bad day, so an outage can be tried with
nothing but a setting. `mock` is the key of a good day.

The same scenarios can be set for everybody while the mock runs, to let a
provider fail and come back under a running carvalue: see `mocks.app`.
"""

from enum import StrEnum

GOOD_KEY = "mock"
SECRET = "mock-secret"  # noqa: S105 - it opens nothing but the mocks
"""Imagga's API secret that goes with every magic key."""


class Scenario(StrEnum):
    """One way in which a provider behaves; the magic key is `mock-<value>`."""

    ok = "ok"
    refused = "refused"  # the key is not accepted
    quota = "quota"  # the subscription's limit is used up
    busy = "busy"  # too many calls at once
    down = "down"  # maintenance: 503
    slow = "slow"  # answers after a minute
    nonsense = "nonsense"  # 200 with an HTML page
    later = "later"  # the answer is not there yet; it comes by webhook, or when asked again


def scenario_of(key: str) -> Scenario:
    """
    Tell which scenario a key stands for.

    A key that is neither `mock` nor `mock-<scenario>` is an unknown one, which
    a real provider refuses.
    """
    if key == GOOD_KEY:
        return Scenario.ok
    prefix, _, name = key.partition("-")
    if prefix == GOOD_KEY and name in Scenario.__members__:
        return Scenario(name)
    return Scenario.refused
