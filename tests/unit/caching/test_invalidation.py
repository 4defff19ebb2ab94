"""Which kept answers a write makes doubtful (RFC 9111 §4.4)."""

import pytest

from edgeproxy.caching.invalidation import targets
from edgeproxy.http.target import Scheme

HOST = "pypi.test"
OWN = (HOST, "/a/b", "x=1")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "MKCOL", "NOBODY-KNOWS"])
@pytest.mark.parametrize("status", [200, 201, 204, 302, 303, 399])
def test_a_write_makes_its_own_target_doubtful(method, status):
    assert targets(method, status, HOST, "/a/b?x=1", {}) == (OWN,)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"])
def test_a_read_makes_nothing_doubtful(method):
    assert targets(method, 200, HOST, "/a/b?x=1", {"location": "/c"}) == ()


@pytest.mark.parametrize("status", [100, 199, 400, 404, 500, 503])
def test_a_write_that_failed_wrote_nothing(status):
    assert targets("POST", status, HOST, "/a/b?x=1", {"location": "/c"}) == ()


@pytest.mark.parametrize("name", ["location", "content-location"])
@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("/c?y=2", (HOST, "/c", "y=2")),
        ("c", (HOST, "/a/c", "")),
        ("../c#end", (HOST, "/c", "")),
        ("//pypi.test/c", (HOST, "/c", "")),
        ("http://PyPI.test/c/%7Ed", (HOST, "/c/~d", "")),
        ("http://pypi.test:80/c", (HOST, "/c", "")),
        ("?y=2", (HOST, "/a/b", "y=2")),
    ],
)
def test_what_the_answer_points_to_is_doubtful_too(name, reference, target):
    assert targets("POST", 201, HOST, "/a/b?x=1", {name: reference}) == (OWN, target)


@pytest.mark.parametrize(
    "reference",
    [
        "http://legacy.pypi.test/c",
        "//evil.test/c",
        "https://pypi.test/c",  # another scheme is another origin
        "http://pypi.test:8080/c",
        "http://pypi.test@evil.test/c",
        "mailto:someone",
        "/c%00",
        "http://[",
        "",
        "/a/b?x=1",
    ],
)
def test_others_origins_and_what_cannot_be_read_are_left_alone(reference):
    assert targets("POST", 201, HOST, "/a/b?x=1", {"location": reference}) == (OWN,)


def test_the_origin_is_that_of_the_request():
    def found(reference: str) -> int:
        values = {"location": reference}
        return len(targets("PUT", 201, HOST, "/a", values, authority="pypi.test:8443", scheme=Scheme.HTTPS))

    assert found("https://pypi.test:8443/c") == 2
    assert found("https://pypi.test/c") == found("http://pypi.test:8443/c") == 1
