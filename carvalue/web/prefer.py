"""
How long a caller wants to wait (RFC 7240): `Prefer: wait=10`, `Prefer: respond-async`.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Response

MOST_SECONDS = 25
"""Nobody waits longer: proxies cut connections that are silent for about half a minute."""
DEFAULT_SECONDS = 8.0
"""Below the 10 s read time-out that Android's usual client (OkHttp) has out of the box."""

_WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,6})"?')


@dataclass(frozen=True, slots=True)
class Preference:
    """What a caller prefers: seconds to wait, None where nothing is said; 0 is not at all."""

    wait: float | None = None
    applied: str | None = None

    def seconds(self, default: float) -> float:
        return default if self.wait is None else self.wait

    def say(self, response: Response) -> None:
        """Tell the caller what was heeded."""
        if self.applied:
            response.headers["Preference-Applied"] = self.applied


async def preference(
    prefer: Annotated[
        str | None,
        Header(
            max_length=300,
            description=f"`wait=n`: seconds to wait for the end of the work, {MOST_SECONDS} at "
            "most. `respond-async`: do not wait. What is not understood is ignored (RFC 7240).",
        ),
    ] = None,
) -> Preference:
    """Read `Prefer`. What cannot be read is no preference; that is what the RFC says."""
    parts = [part.strip().lower() for part in (prefer or "").split(",")]
    if "respond-async" in parts:
        return Preference(0.0, "respond-async")
    for part in parts:
        if found := _WAIT.fullmatch(part):
            seconds = min(int(found[1]), MOST_SECONDS)
            return Preference(float(seconds), f"wait={seconds}")
    return Preference()


PreferDep = Annotated[Preference, Depends(preference)]
