"""Nothing that lets anybody in is kept."""

from __future__ import annotations

import pytest

from edgeproxy.migration.comparing.scrubbing import HIDDEN, scrubbed_headers, scrubbed_target, scrubbed_text


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("authorization", "Basic dXNlcjpwYXNz", HIDDEN),
        ("proxy-authorization", "anything", HIDDEN),
        ("cookie", "session=abc", HIDDEN),
        ("set-cookie", "session=abc; Path=/", f"session={HIDDEN}"),
        ("x-api-key", "abc", HIDDEN),
        ("x-auth-token", "abc", HIDDEN),
        ("x-csrf", "abc", HIDDEN),
        ("warehouse-token", "abc", HIDDEN),
        ("location", "/a?token=abc&b=c", f"/a?token={HIDDEN}&b=c"),
        ("referer", "https://user:pass@pypi.test/", f"https://{HIDDEN}pypi.test/"),
        ("x-odd", "Bearer abcdefghijk", HIDDEN),
        ("www-authenticate", 'Basic realm="pypi"', 'Basic realm="pypi"'),
        ("surrogate-key", "project/six", "project/six"),
        ("user-agent", "pip/26.3", "pip/26.3"),
        ("content-type", "text/html", "text/html"),
    ],
)
def test_headers(name: str, value: str, kept: str) -> None:
    assert scrubbed_headers({name: (value,)}) == {name: [kept]}


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/simple/six/", "/simple/six/"),
        ("/pypi?:action=display&name=six", "/pypi?:action=display&name=six"),
        ("/a?access_token=x&sig=y&q=z&flag", f"/a?access_token={HIDDEN}&sig={HIDDEN}&q=z&flag"),
        ("/pypi-AgEIcHlwaS5vcmcCJDk4/a", f"/{HIDDEN}/a"),
        ("/a?q=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", f"/a?q={HIDDEN}"),
    ],
)
def test_targets(target: str, kept: str) -> None:
    assert scrubbed_target(target) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"password": "hunter2", "name": "a"}', f'{{"password": {HIDDEN}, "name": "a"}}'),
        (r'{"password": "a\"b", "name": 1}', f'{{"password": {HIDDEN}, "name": 1}}'),
        ("api_key=abc&b=c", f"api_key={HIDDEN}&b=c"),
        ("ghp_abcdefghijklmnopqrstuv", HIDDEN),
        ('{"author": "Guido", "author_email": "g@a.test"}', '{"author": "Guido", "author_email": "g@a.test"}'),
        ("the token was lost", "the token was lost"),
    ],
)
def test_texts(text: str, kept: str) -> None:
    assert scrubbed_text(text) == kept


def test_it_takes_no_longer_for_what_looks_like_it() -> None:
    for text in ("token" * 2_000, "a" * 10_000, '"' * 10_000, "auth=" * 2_000, "://" * 3_000, "eyJ" * 3_000):
        scrubbed_text(text)
        scrubbed_target("/?" + text)
