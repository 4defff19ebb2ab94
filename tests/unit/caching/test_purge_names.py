"""What is purged when a URL or tags are named: at least all that any rule would have kept under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.caching.keys import address_digest, path_digest, tag_digest
from edgeproxy.caching.purge_names import UnknownHostNamed, purges_of_tags, purges_of_target, read_url
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.http.target import BadTarget, Scheme
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {site: {url: "http://127.0.0.1:8081", host: pypi.test}}
rules:
  - {name: pages, match: {host: app, path: "/pages"}, forward: {backend: site}, query: [page, q]}
  - {name: plain, match: {host: app, path: "/plain"}, forward: {backend: site}, query: drop}
  - name: browser
    match: {host: app, path: "/pypi", headers: {accept: "text/html"}}
    forward: {backend: site}
    query: drop
  - name: calls
    match: {host: app, path: "/pypi", methods: [POST]}
    safety: safe
    forward: {backend: site}
    query: [q]
  - {name: other, match: {host: app, path: "/pypi"}, forward: {backend: site}}
  - name: one-for-all
    match: {host: app, path: "/one"}
    forward: {backend: site}
    cache: {fresh: 10m, key: ["header:accept-language"]}
"""
RULESET = parse_ruleset(RULES, "rules.yaml", base=Path())
NOW = 1_700_000_000.0


def named(url: str) -> set[Purge]:
    purges = purges_of_target(read_url(url), RULESET, Mode.SOFT, NOW)
    assert len(set(purges)) == len(purges)
    return set(purges)


def by_path(path: str) -> Purge:
    return Purge(What.PATH, Mode.SOFT, path_digest("pypi.test", path), NOW)


def by_address(path: str, query: str) -> Purge:
    return Purge(What.ADDRESS, Mode.SOFT, address_digest("pypi.test", path, query), NOW)


@pytest.mark.parametrize(
    ("url", "purges"),
    [
        ("https://pypi.test/pages", {by_path("/pages")}),
        ("http://PyPI.test.:80/./pages", {by_path("/pages")}),
        ("https://pypi.test", {by_path("/")}),
        ("https://pypi.test/no/rule?a=1", {by_address("/no/rule", "a=1")}),
        # as it came (from earlier rules), and as the rule keeps it
        ("https://pypi.test/pages?q=x&utm=y&page=2", {by_address("/pages", q) for q in ("q=x&utm=y&page=2", "page=2&q=x")}),
        ("https://pypi.test/pages?page=2&q=x", {by_address("/pages", "page=2&q=x")}),
        ("https://pypi.test/plain?a", {by_address("/plain", "a"), by_address("/plain", "")}),
        # whoever of the three may take it
        ("https://pypi.test/pypi?q=1&b=2", {by_address("/pypi", q) for q in ("", "q=1", "q=1&b=2")}),
        # one copy serves every query
        ("https://pypi.test/one?a=1", {by_path("/one")}),
    ],
)  # fmt: skip
def test_a_url_is_purged_as_the_rules_keep_it(url: str, purges: set[Purge]) -> None:
    assert named(url) == purges


def test_a_host_that_is_none_of_the_rules_is_told() -> None:
    for url in ("https://files.pypihosted.test/", "https://files.pypihosted.test/?a"):
        with pytest.raises(UnknownHostNamed, match="no host of the rules has the name"):
            named(url)


@pytest.mark.parametrize("url", ["", "/simple/", "pypi.test/simple/", "ftp://pypi.test/", "http:/pypi.test"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(BadTarget, match="not a URL such as"):
        read_url(url)


@pytest.mark.parametrize(
    "url", ["https://", "https://pypi.test/a b", "https://pypi.test/%2f", "http://pypi.test:99999/"]
)
def test_a_url_is_read_as_strictly_as_a_request(url: str) -> None:
    with pytest.raises(BadTarget):
        read_url(url)


def test_a_url_says_its_scheme_in_any_case() -> None:
    assert read_url("HTTPS://pypi.test/a").scheme is Scheme.HTTPS


def test_tags_are_purged_once_each() -> None:
    purges = purges_of_tags(["project/a", "project/b", "project/a"], Mode.HARD, NOW)
    assert purges == tuple(Purge(What.TAG, Mode.HARD, tag_digest(tag), NOW) for tag in ("project/a", "project/b"))
