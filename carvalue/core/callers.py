"""
Who asks: a server or an app with its key, a device in its session, or a user with a token.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a caller may do."""

    appraise = "appraise"  # appraisals, valuations and the catalogue
    devices = "devices"  # open sessions for devices
    webhooks = "webhooks"  # where events are sent


class Tier(StrEnum):
    """How far a caller is trusted, which its limits follow from."""

    full = "full"
    unattested = "unattested"  # a device that cannot prove that it runs the team's own app


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Whoever sends a request.

    `owner` is what its objects belong to: "key_...", "key_.../dev_..." for a device whose session
    a key has opened, "usr_..." for a user of an identity provider. It never holds a secret.
    """

    owner: str
    scopes: frozenset[Scope]
    tier: Tier = Tier.full

    @property
    def tenant(self) -> str:
        """The owner that pays, and is told by webhooks: that of the key for its devices."""
        return tenant_of(self.owner)

    def may_see(self, owner: str) -> bool:
        """Whether what belongs to `owner` is there for this caller: its own, its devices'."""
        return owner == self.owner or owner.startswith(f"{self.owner}/")


def tenant_of(owner: str) -> str:
    """See `Caller.tenant`."""
    return owner.partition("/")[0]


ANYBODY = Caller("anybody", frozenset(Scope))
"""Who asks where there is no access control: the demo, and the command line."""
