"""What a copy of a request is without: one set for shadows and for rehearsals."""

from __future__ import annotations

import pytest

from edgeproxy.http.fields import CREDENTIALS, OVERRIDES
from edgeproxy.migration.copies import holds_secret, is_gone, names_secret


@pytest.mark.parametrize(
    "name",
    [
        *sorted(CREDENTIALS),
        *(each.encode() for each in sorted(OVERRIDES)),
        *(b"If-None-Match", b"if-range", b"Range", b"Edge-Arm", b"Edge_Arm", b"X_HTTP_Method", b"Backend-Token"),
        *(b"X-Original-URL", b"X-Rewrite-URL", b"X_Rewrite_Url", b"Client-Cert", b"Client-Cert-Chain", b"DPoP"),
        *(b"X-SSL-Client-Cert", b"X-SSL-Client-S-DN-OU", b"X-Client-Cert", b"X-Remote-User", b"Remote_User"),
        *(b"Backend-Fault", b"Backend-Faults-Of-A-Long-Name" + b"-and-longer" * 6, b"Transfer-Encoding"),
    ],
)
def test_what_is_never_copied(name: bytes) -> None:
    assert is_gone(name)
    assert is_gone(name.upper())


@pytest.mark.parametrize("name", [b"accept", b"User-Agent", b"X-Forwarded-For", b"Backend", b"X-Range-Of-Mine"])
def test_what_is(name: bytes) -> None:
    assert not is_gone(name)


@pytest.mark.parametrize("query", ["token=a", "a=1&api_key=b", "a=1&%74oken=b", "signature"])
def test_a_query_names_a_secret(query: str) -> None:
    assert names_secret(query)
    assert holds_secret(f"/simple/?{query}")
    assert holds_secret(f"https://pypi.test/simple/?{query}#md5=aa")


def test_a_path_may_hold_one_and_most_hold_none() -> None:
    assert holds_secret(f"/reset/pypi-{'A' * 20}")
    assert holds_secret("https://me:pass@pypi.test/simple/")
    for said in (
        "/search/?q=password%C2%A0is%C2%A0hunter2",
        "/me:hunter2@h.test/",
        "/a?next=%2Freset%252Fhunter2andmore",
    ):
        assert holds_secret(said)
    for plain in ("/simple/six/", "/search?q=a&page=2", "https://pypi.test/simple/#md5=aa"):
        assert not holds_secret(plain)
