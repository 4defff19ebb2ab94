"""One spelling for each address."""

from __future__ import annotations

import pytest

from edgeproxy.http.addresses import read_address

SPELLINGS = {
    "192.0.2.1": "192.0.2.1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "::FFFF:C000:0201": "192.0.2.1",
    "2001:DB8:0:0:0:0:0:1": "2001:db8::1",
    "::1": "::1",
    "::": "::",
}
NOT_ADDRESSES = [
    "", " ", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n",
    "1.2.3.4:80", "[::1]", ":::1", "::1::", "12345::", "::1/64", "fe80::1%eth0", "fe80::1%", "١.2.3.4", "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize(("text", "address"), SPELLINGS.items())
def test_every_spelling_of_an_address_is_read_as_one(text: str, address: str) -> None:
    assert str(read_address(text)) == address


@pytest.mark.parametrize("text", NOT_ADDRESSES)
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None
