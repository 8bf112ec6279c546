"""
Where webhooks may go: to public hosts, never into the network that this service runs in.

OWASP, Server Side Request Forgery Prevention:
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from carvalue.core.errors import WebhookUrlRefused

LONGEST_URL = 2048

# So narrow that no two readers of a URL can understand it in two ways: ASCII only, and neither
# a user name nor a backslash, blank or fragment.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

_NEVER = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's host, from within a virtual machine
        "192.0.0.0/24",  # special purposes; Oracle's cloud has its metadata there
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # special purposes, Teredo among them
        "2002::/16",  # 6to4: an IPv4 address within
        "3fff::/20",  # documentation, which Python does not know yet
        "fec0::/10",  # site-local, of old
    )
)


@dataclass(frozen=True, slots=True)
class TargetRules:
    """
    What may be called: https, on hosts all of whose addresses are public.

    `allow_local` is for development and tests: http and addresses of loopback as well.
    """

    allow_local: bool = False

    def check_url(self, url: str) -> tuple[str, int]:
        """The host to look up and its port. Raises `WebhookUrlRefused`."""
        found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
        if found is None:
            raise WebhookUrlRefused(
                "Write https://host[:port][/path] in ASCII, without a user name, blank or #."
            )
        if found["scheme"] != "https" and not self.allow_local:
            raise WebhookUrlRefused("Only https is called.")
        port = int(found["port"] or {"https": 443, "http": 80}[found["scheme"]])
        if not (port == 443 or 1024 <= port <= 65535 or (self.allow_local and port == 80)):
            raise WebhookUrlRefused("Use port 443, or one from 1024 to 65535.")
        host = found["ipv6"] or found["name"]
        if found["ipv6"] or _NUMBER.fullmatch(host.rpartition(".")[2]):
            self.check_addresses([host])
        elif not self._is_name(host):
            raise WebhookUrlRefused("Write the full name of a host.")
        return host, port

    def check_addresses(self, addresses: Sequence[str]) -> None:
        """Raises `WebhookUrlRefused` unless each of them may be called."""
        if not addresses or not all(self._may_be_called(address) for address in addresses):
            raise WebhookUrlRefused("The host is not on the public internet.")

    def _is_name(self, host: str) -> bool:
        labels = host.split(".")
        full = len(labels) > 1 or self.allow_local
        return full and len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)

    def _may_be_called(self, address: str) -> bool:
        try:
            ip = ip_address(address)  # no decimal, octal, hexadecimal or short forms
        except ValueError:
            return False
        return _is_public(ip) or (self.allow_local and ip.is_loopback)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    # Of IPv6, reserved is also what has an IPv4 address within: mapped, compatible, NAT64.
    special = ip.is_multicast or ip.is_reserved or ip.is_unspecified
    return ip.is_global and not special and not any(ip in network for network in _NEVER)
