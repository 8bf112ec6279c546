"""
Where webhooks may go.
"""

import pytest

from carvalue.core.errors import WebhookUrlRefused
from carvalue.core.webhook_targets import TargetRules

REFUSED = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",  # decimal
    "https://0x7f000001/",  # hexadecimal
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",  # octal
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",  # carrier-grade NAT
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",  # NAT64
    "https://[2002:7f00:1::]/",  # 6to4
    "https://[2001:0:7f00:1::]/",  # Teredo
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://user:secret@partner.example/",
    "https://partner.example@127.0.0.1/",
    "https://partner.example\\@127.0.0.1/",
    "https://127.0.0.1\\@partner.example/",
    "https://①②⑦.⓪.⓪.①/",
    "https://partner。example/",
    "https://١٢٧.0.0.1/",
    "https://localhost/",
    "https://intranet/",
    "https://partner.example:22/",
    "https://partner.example:0/",
    "https://partner.example:65536/",
    "https://partner.example./",
    "https://.partner.example/",
    "https://partner..example/",
    "https://-partner.example/",
    f"https://{'a' * 64}.example/",
    "https://partner.example/#fragment",
    "https://partner.example/a b",
    "https://partner.example/\r\nHost: 127.0.0.1",
    "https://partner.example/\x00",
    "https:///partner.example/",
    "https:partner.example",
    "//partner.example/",
    "http://partner.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "ftp://partner.example/",
    "javascript:alert(1)",
    " https://partner.example/",
    "https://partner.example/\n",
    "https://partner.example/\ud800",
    "https://partner.example/" + "a" * 2048,
    "https://",
    "",
]


@pytest.mark.parametrize("url", REFUSED, ids=ascii)
def test_a_refused_address(url: str) -> None:
    """
    However it is written, nothing but https to a public host is called.
    """
    with pytest.raises(WebhookUrlRefused):
        TargetRules().check_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://partner.example/hooks?token=a%20b&x=[1]", "partner.example", 443),
        ("https://partner.example", "partner.example", 443),
        ("https://partner.example?x=1", "partner.example", 443),
        ("https://Hooks.xn--prtner-bua.example:8443/", "Hooks.xn--prtner-bua.example", 8443),
        ("https://8.8.8.8/", "8.8.8.8", 443),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443),
    ],
)
def test_a_public_host(url: str, host: str, port: int) -> None:
    assert TargetRules().check_url(url) == (host, port)


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        ["8.8.8.8", "127.0.0.1"],
        ["8.8.8.8", "::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
        ["2001:db8::1"],
        ["3fff::1"],
        ["240.0.0.1"],
        ["192.88.99.1"],
        ["0.0.0.0"],
        ["0.1.2.3"],
        ["198.18.0.1"],
        ["100.100.100.200"],  # a cloud's metadata
        ["64:ff9b:1::7f00:1"],  # NAT64 within a network
        ["::ffff:0:127.0.0.1"],  # translated
        ["100::1"],
        ["5f00::1"],
        ["8.8.8.8%eth0"],
        ["8.8.8.8 "],
        ["0x08080808"],
        ["134744072"],
        ["010.8.8.8"],
        ["localhost"],
    ],
)
def test_addresses_of_a_name(addresses: list[str]) -> None:
    """
    One address that is not public is enough: nobody knows which one would be called.
    """
    with pytest.raises(WebhookUrlRefused):
        TargetRules().check_addresses(addresses)


def test_public_addresses() -> None:
    TargetRules().check_addresses(["8.8.8.8", "2606:4700::1111"])


def test_development() -> None:
    """
    Who allows local addresses can call this very machine, and still nothing beside it.
    """
    rules = TargetRules(allow_local=True)

    assert rules.check_url("http://127.0.0.1:8000/hooks") == ("127.0.0.1", 8000)
    assert rules.check_url("http://localhost/") == ("localhost", 80)
    rules.check_addresses(["127.0.0.1", "::1"])
    for address in ("169.254.169.254", "192.168.1.1", "0.0.0.0", "::ffff:127.0.0.1"):
        with pytest.raises(WebhookUrlRefused):
            rules.check_addresses([address])
