"""PURGE by a client: who may, and what a request names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproxy.caching.keys import path_digest, tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.http.target import parse_target
from edgeproxy.proxy.cache.purge_call import purge_of, purged
from edgeproxy.proxy.plan import Answer
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules: [{name: all, match: {host: app, path: "/{rest*}", methods: [GET]}, respond: {status: 204}}]
"""
RULESET = parse_ruleset(RULES, "rules.yaml", base=Path())
TOKEN = b"0123456789abcdef-._~+/=="
KNOWN = {"authorization": f"Bearer {TOKEN.decode()}"}
NOW = 1_700_000_000.0
SIMPLE = parse_target("/simple/flask/", "pypi.test")


def asked(values: dict[str, str], token: bytes | None = TOKEN) -> tuple[Purge, ...] | Answer:
    return purge_of(values, SIMPLE, RULESET, token, NOW)


@pytest.mark.parametrize(
    ("authorization", "token", "status"),
    [
        (None, TOKEN, 401),
        ("", TOKEN, 401),
        ("Bearer", TOKEN, 401),
        ("Bearer ", TOKEN, 401),
        (f"Basic {TOKEN.decode()}", TOKEN, 401),
        (f"Token {TOKEN.decode()}", TOKEN, 401),
        (TOKEN.decode(), TOKEN, 401),
        (f"Bearer {TOKEN.decode()}, Bearer {TOKEN.decode()}", TOKEN, 401),  # two fields, joined
        ("Bearer caf\xe9caf\xe9caf\xe9caf\xe9", TOKEN, 401),
        (f"Bearer {TOKEN.decode()[:-1]}", TOKEN, 403),
        (f"Bearer {TOKEN.decode().upper()}", TOKEN, 403),
        (f"Bearer {TOKEN.decode()}=", TOKEN, 403),
        ("Bearer x", TOKEN, 403),
        (f"Bearer {TOKEN.decode()}", None, 503),  # the file is missing, unreadable, everybody's
        (None, None, 503),
        ("Bearer None", None, 503),
    ],
)
@pytest.mark.parametrize("rest", [{}, {"purge-mode": "nonsense"}, {"surrogate-key": ""}], ids=["plain", "mode", "tags"])
def test_a_stranger_purges_nothing_and_learns_nothing(
    authorization: str | None, token: bytes | None, status: int, rest: dict[str, str]
) -> None:
    values = rest | ({} if authorization is None else {"authorization": authorization})
    answer = asked(values, token)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert (b'\r\nWWW-Authenticate: Bearer realm="purge"' in answer.head) == (status == 401)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_the_url_of_the_request_is_purged_softly(scheme: str) -> None:
    expected = Purge(What.PATH, Mode.SOFT, path_digest("pypi.test", "/simple/flask/"), NOW)
    assert asked({"authorization": scheme + TOKEN.decode()}) == (expected,)
    assert asked(KNOWN | {"purge-mode": "soft"}) == (expected,)


def test_or_hard_when_it_says_so() -> None:
    expected = Purge(What.PATH, Mode.HARD, path_digest("pypi.test", "/simple/flask/"), NOW)
    assert asked(KNOWN | {"purge-mode": "Hard"}) == (expected,)


def test_or_tags_instead_of_the_url() -> None:
    expected = tuple(Purge(What.TAG, Mode.HARD, tag_digest(tag), NOW) for tag in ("project/a", "project/b"))
    assert asked(KNOWN | {"surrogate-key": " project/a  project/b project/a", "purge-mode": "hard"}) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"purge-mode": "harder"}, b"neither soft nor hard"),
        ({"purge-mode": "soft, hard"}, b"neither soft nor hard"),
        ({"surrogate-key": "  "}, b"names no tag"),
        ({"surrogate-key": "a " * 257}, b"more than 256 tags"),
    ],
)
def test_what_cannot_be_understood_purges_nothing(values: dict[str, str], message: bytes) -> None:
    answer = asked(KNOWN | values)
    assert isinstance(answer, Answer)
    assert answer.status == 400
    assert message in answer.body


def test_a_host_of_others_is_misdirected() -> None:
    answer = purge_of(KNOWN, parse_target("/", "files.pypihosted.test"), RULESET, TOKEN, NOW)
    assert isinstance(answer, Answer)
    assert answer.status == 421


def test_what_was_purged_is_told_in_json() -> None:
    done = purged(7)
    assert done.status == 200
    assert json.loads(done.body) == {"purged": True, "disk": 7}
    assert b"\r\nContent-Length: %d" % len(done.body) in done.head
