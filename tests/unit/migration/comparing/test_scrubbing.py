"""Nothing that lets anybody in is kept."""

from __future__ import annotations

import pytest

from edgeproxy.migration.comparing.scrubbing import HIDDEN, holds_secret, scrubbed_target, scrubbed_text
from edgeproxy.migration.comparing.targets import scrubbed_headers

PIP = (
    'pip/24.0 {"ci":null,"cpu":"x86_64","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},"name":'
    '"Debian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.11.7"},"installer":{"name":'
    '"pip","version":"24.0"},"openssl_version":"OpenSSL 3.0.11 19 Sep 2023","python":"3.11.7","rustc_version":"1.75.0"}'
)


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
        ("client-cert", ":MIIBqDCCAU6gAwIBAgIB:", HIDDEN),
        ("x-ssl-client-verify", "SUCCESS", HIDDEN),
        ("x-ssl-client-s-dn", "CN=me", HIDDEN),
        ("x-client-cert", "abc", HIDDEN),
        ("x-remote-user", "guido", HIDDEN),
        ("dpop", "abc", HIDDEN),
        ("x-otp", "123456", HIDDEN),
        ("x-bypass", "yes", "yes"),
        ("x-note", "github_pat_11ABCDEFG0123456789_abcdefghij", HIDDEN),
        ("location", "/a?token=abc&b=c", f"/a?token={HIDDEN}&b=c"),
        ("referer", "https://user:pass@pypi.test/", f"https://{HIDDEN}@pypi.test/"),
        ("referer", "https://user:p@ss@pypi.test/", f"https://{HIDDEN}@pypi.test/"),
        ("x-odd", "Bearer abcdefghijk", HIDDEN),
        ("www-authenticate", 'Basic realm="pypi"', 'Basic realm="pypi"'),
        ("surrogate-key", "project/six", "project/six"),
        ("user-agent", "pip/26.3", "pip/26.3"),
        ("content-type", "text/html", "text/html"),
        (
            "user-agent",
            "mytool/1.0 (token=UASECRET77; password: UAPW88)",
            f"mytool/1.0 (token={HIDDEN}; password: {HIDDEN}",
        ),
        ("user-agent", "mytool/1.0 (+http://a.test/?sig=abc)", f"mytool/1.0 (+http://a.test/?sig={HIDDEN}"),
        ("user-agent", "mytool/1.0 token%3DUASECRET77", HIDDEN),
        ("x-note", "token=HDRSECRET9", f"token={HIDDEN}"),
        ("x-note", "/a?x=1&key=abc", f"/a?x=1&key={HIDDEN}"),
        ("link", "</a?code=abc>; rel=next", f"</a?code={HIDDEN}; rel=next"),
        ("location", "/done#access_token=abc", f"/done#access_token={HIDDEN}"),
        ("location", "/done?a=b#access_token=abc", f"/done?a=b#access_token={HIDDEN}"),
        ("accept", "text/html;q=0.9, */*;q=0.1", "text/html;q=0.9, */*;q=0.1"),
        ("if-none-match", 'W/"0123456789abcdef"', 'W/"0123456789abcdef"'),
        ("content-security-policy", "default-src 'none'; sandbox", "default-src 'none'; sandbox"),
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
        (
            "/a?pass=abc&user_pin=1&otp=2&spin=3&compass=4",
            f"/a?pass={HIDDEN}&user_pin={HIDDEN}&otp={HIDDEN}&spin=3&compass=4",
        ),
        ("/simple/npm-utilities-for-python/", "/simple/npm-utilities-for-python/"),
        ("/simple/hf_transfer/", "/simple/hf_transfer/"),
        ("/a?%74oken=abc&b=c", f"/a?%74oken={HIDDEN}&b=c"),
        ("/a?b=c;sid=abc;d=e", f"/a?b=c;sid={HIDDEN};d=e"),
        ("/a?next=https%3A%2F%2Fx%2F%3Ftoken%3DNESTED55&b=c", f"/a?next={HIDDEN}&b=c"),
        ("/a?next=https%253A%252F%252Fx%252F%253Fsig%253DNESTED55", f"/a?next={HIDDEN}"),
        ("/a?next=%2Fb%3Fsig%3Dabc", f"/a?next={HIDDEN}"),
        ("/a?q=pypi%2DAgEIcHlwaS5vcmcCJDk4", f"/a?q={HIDDEN}"),
        ("/a?q=c%2B%2B+and+more&page=2", "/a?q=c%2B%2B+and+more&page=2"),
        ("/a;token=abc/b", f"/a;token={HIDDEN}/b"),
        ("/reset-password/PATHSECRET5566/done", f"/reset-password/{HIDDEN}/done"),
        ("/pypi/token/json", "/pypi/token/json"),
        ("/simple/tokenizers/", "/simple/tokenizers/"),
    ],
)
def test_targets(target: str, kept: str) -> None:
    assert scrubbed_target(target) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"password": "hunter2", "name": "a"}', f'{{"password": {HIDDEN}, "name": "a"}}'),
        (r'{"password": "a\"b", "name": 1}', f'{{"password": {HIDDEN}, "name": 1}}'),
        ('{"api_key": ["SECRET_IN_LIST_1", {"a": "b]"}], "name": "a"}', f'{{"api_key": {HIDDEN}, "name": "a"}}'),
        ('{"secrets": {"a": ["b", "}"]}, "name": "a"}', f'{{"secrets": {HIDDEN}, "name": "a"}}'),
        ('{"tokens": ["cut off', f'{{"tokens": {HIDDEN}'),
        ('{"jwt": "abc", "code": 404}', f'{{"jwt": {HIDDEN}, "code": 404}}'),
        ("user[password]=abc a[pw]=abc", f"user[password]={HIDDEN} a[pw]={HIDDEN}"),
        ("userPw=abc dbPass: abc compass=abc", f"userPw={HIDDEN} dbPass: {HIDDEN} compass=abc"),
        ("password=[ab]cd&b=c", f"password={HIDDEN}&b=c"),
        ("Authorization: Basic YTpi and", f"Authorization: {HIDDEN} and"),
        ("api_key=abc&b=c", f"api_key={HIDDEN}&b=c"),
        ("ghp_abcdefghijklmnopqrstuv", HIDDEN),
        ("github_pat_11ABCDEFG0_abcdefghijklmnopq", HIDDEN),
        ("npm_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789", HIDDEN),
        ("hf_aBcDeFgHiJkLmNoPqRsTuVwXyZabcdefgh", HIDDEN),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", HIDDEN),
        ("ASIAIOSFODNN7EXAMPLE", HIDDEN),
        ('{"pin": "1234", "otp": 5, "spin": 6}', f'{{"pin": {HIDDEN}, "otp": {HIDDEN}, "spin": 6}}'),
        ('{"author": "Guido", "author_email": "g@a.test"}', '{"author": "Guido", "author_email": "g@a.test"}'),
        ("the token was lost", "the token was lost"),
        (
            "To\u212aen=abc pa\u017f\u017fword=abc",
            f"To\u212aen={HIDDEN} pa\u017f\u017fword={HIDDEN}",
        ),  # letters of other sizes
    ],
)
def test_texts(text: str, kept: str) -> None:
    assert scrubbed_text(text) == kept


def test_it_takes_no_longer_for_what_looks_like_it() -> None:
    for text in (
        "token=[" * 2_000,
        'token={"' * 2_000,
        "%25" * 4_000,
        "/reset" * 2_000,
        "&a=b;" * 2_000,
        "token" * 2_000,
        "a" * 10_000,
        '"' * 10_000,
        "auth=" * 2_000,
        "://" * 3_000,
        "eyJ" * 3_000,
    ):
        scrubbed_text(text)
        scrubbed_target("/?" + text)
        scrubbed_target("/" + text)
        holds_secret(text)


@pytest.mark.parametrize(
    "text", ["", "a", PIP, "q=c%2B%2B", "text/html;q=0.9", "100%", "next=%2Fsimple%2F", "token", "token="]
)
def test_what_has_none_holds_no_secret(text: str) -> None:
    assert not holds_secret(text)
    assert scrubbed_headers({"user-agent": [text]}) == {"user-agent": [text]}


@pytest.mark.parametrize(
    "text", ["token=a", "x (password: a)", "next=%2F%3Fsig%3Da", "%2574oken=a", "Bearer abcdefghijk", "a=b;sid=c"]
)
def test_what_has_one_holds_it_however_it_is_quoted(text: str) -> None:
    assert holds_secret(text)
