"""RFC 9110 §15.4 and RFC 3986 §5: what a client asks for when it follows a redirect."""

from __future__ import annotations

import pytest

from edgeproxy.http.redirection import method_after, resolve
from edgeproxy.http.target import Scheme, Target

BASE = Target("pypi.test", "pypi.test:8080", "/simple/six/", "v=1", Scheme.HTTP)
LEADS = {  # Location: scheme, authority, path, query
    "https://files.pypihosted.test/a?b#c": ("https", "files.pypihosted.test", "/a", "b"),
    "HTTP://PyPI.test": ("http", "PyPI.test", "/", None),
    "//files.pypihosted.test/a": ("http", "files.pypihosted.test", "/a", None),
    "//files.pypihosted.test?q": ("http", "files.pypihosted.test", "/", "q"),
    "/a/./b/../c": ("http", "pypi.test:8080", "/a/c", None),
    "/%7Ea": ("http", "pypi.test:8080", "/~a", None),
    "../flask/": ("http", "pypi.test:8080", "/simple/flask/", None),
    "../../../a": ("http", "pypi.test:8080", "/a", None),
    "files": ("http", "pypi.test:8080", "/simple/six/files", None),
    ".": ("http", "pypi.test:8080", "/simple/six/", None),
    "?v=2": ("http", "pypi.test:8080", "/simple/six/", "v=2"),
    "?": ("http", "pypi.test:8080", "/simple/six/", ""),
    "#top": ("http", "pypi.test:8080", "/simple/six/", "v=1"),
    "": ("http", "pypi.test:8080", "/simple/six/", "v=1"),
    "/a b\xc3\xa9?c d": ("http", "pypi.test:8080", "/a%20b%C3%A9", "c%20d"),
    "http://user:secret@pypi.test/a": ("http", "pypi.test", "/a", None),
    "/a:b": ("http", "pypi.test:8080", "/a:b", None),
    "./a:b": ("http", "pypi.test:8080", "/simple/six/a:b", None),
}
NOWHERE = [
    "ftp://pypi.test/",
    "mailto:a@pypi.test",
    "http:a",
    "http:/a",
    "http:///a",
    "http://a b/",
    "/a%2Fb",
    "/a\\b",
    "/\xe9",
    "//:80/",
]


@pytest.mark.parametrize("location", LEADS)
def test_a_location_is_read_beside_the_url_that_was_asked_for(location: str) -> None:
    found = resolve(BASE, location)
    assert found is not None
    assert (found.scheme, found.authority, found.path, found.query) == LEADS[location]


@pytest.mark.parametrize("location", NOWHERE)
def test_what_no_client_can_ask_this_edge_for_leads_nowhere(location: str) -> None:
    assert resolve(BASE, location) is None


METHODS = {
    (301, "GET"): "GET",
    (301, "HEAD"): "HEAD",
    (301, "POST"): "GET",
    (302, "POST"): "GET",
    (302, "PUT"): "PUT",
    (303, "POST"): "GET",
    (303, "PUT"): "GET",
    (303, "HEAD"): "HEAD",
    (307, "POST"): "POST",
    (308, "DELETE"): "DELETE",
}


@pytest.mark.parametrize(("status", "method"), METHODS)
def test_the_method_changes_as_clients_change_it(status: int, method: str) -> None:
    assert method_after(status, method) == METHODS[status, method]
