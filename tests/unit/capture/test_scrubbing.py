"""What a capture keeps of a request: nothing that lets anybody in, whatever it is spelled like."""

from __future__ import annotations

import pytest

from edgeproxy.capture.scrubbing import kept_headers, kept_target, kept_url, kept_value

PIP = (
    'pip/24.0 {"ci":null,"cpu":"x86_64","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},"name":'
    '"Debian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.11.7"},"installer":{"name":'
    '"pip","version":"24.0"},"openssl_version":"OpenSSL 3.0.11 19 Sep 2023","python":"3.11.7","rustc_version":"1.75.0"}'
)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/simple/six/",
        "/pypi/token/json",
        "/simple/oauthlib/",
        "/project/password/",
        "/pypi?:action=display&name=six&version=1.0",
        "/search/?q=a%20b&o=&page=2",
        "/packages/aa/bb/" + "c0" * 30 + "/SQLAlchemy-2.0.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "/pypi/Flask/json?if=%22abc%22",
        "/a:b/c@d/e;v=1",
    ],
)
def test_what_is_no_secret_stays_as_it_is(target: str) -> None:
    assert kept_target(target) == target


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/a?token=abc&b=1", "/a?token=[hidden]&b=1"),
        ("/a?%74oken=abc", "/a?%74oken=[hidden]"),
        ("/a?b=1;sid=abc;c=2", "/a?b=1;sid=[hidden];c=2"),
        ("/a;token=abc/b", "/a;token=[hidden]/b"),
        ("/a/password:abc", "/a/password:[hidden]"),
        ("/account/reset-password/Zm9vYmFyYmF6/", "/account/reset-password/[hidden]/"),
        ("/unsubscribe/%41bcdefgh1", "/unsubscribe/[hidden]"),
        ("/pypi-AgEIcHlwaS5vcmcCJDk4/a", "/[hidden]/a"),
        ("/x?q=pypi%2DAgEIcHlwaS5vcmcCJDk4", "/x?q=[hidden]"),
        ("/t/q8Zr3Vt6Yw9AbCdEfGhJ2kMn/a", "/t/[hidden]/a"),
        ("/a?next=https://user:pass@pypi.test/", "/a?next=https://[hidden]pypi.test/"),
        ("/a?v=0123456789abcdef0123456789abcdef", "/a?v=[hidden]"),
        ("/a?token=abc#fragment", "/a?token=[hidden]"),
        ("/a?X-Amz-Signature=abc&X-Amz-Credential=def", "/a?X-Amz-Signature=[hidden]&X-Amz-Credential=[hidden]"),
    ],
)
def test_secrets_in_targets_are_taken_out(target: str, kept: str) -> None:
    assert kept_target(target) == kept
    assert kept_target(kept) == kept


def test_of_headers_only_chosen_ones_stay() -> None:
    values = {
        "host": "pypi.test",
        "authorization": "Basic dXNlcjpwYXNz",
        "cookie": "session=abc",
        "x-anything": "abc",
        "user-agent": PIP,
        "accept": "text/html;q=0.9, */*;q=0.1",
        "if-none-match": '"0123456789abcdef"',
    }
    assert kept_headers(values) == {name: values[name] for name in ("user-agent", "accept", "if-none-match")}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("referer", "https://user:pass@pypi.test/a?token=abc", "https://[hidden]@pypi.test/a?token=[hidden]"),
        ("referer", "/a?token=abc", "/a?token=[hidden]"),
        ("user-agent", "curl/8 (token=abc)", "curl/8 (token=[hidden]"),
        ("user-agent", "x pypi-AgEIcHlwaS5vcmcCJDk4", "x [hidden]"),
        ("user-agent", "x Bearer abcdefghijk", "x [hidden]"),
        ("user-agent", "mine/1 q8Zr3Vt6Yw9AbCdEfGhJ2kMn", "mine/1 [hidden]"),
        ("user-agent", "a\x00b\x1bc", "a b c"),
    ],
)
def test_secrets_in_headers_are_taken_out(name: str, value: str, kept: str) -> None:
    assert kept_value(name, value) == kept
    assert kept_value(name, kept) == kept


def test_a_url_has_no_user() -> None:
    assert kept_url("http", "user:pass@pypi.test:80", "/a") == "http://[hidden]@pypi.test:80/a"
    assert kept_url("http", "ignored.test", "http://pypi.test/a?token=b") == "http://pypi.test/a?token=[hidden]"
    assert kept_url("http", "ignored.test", "http://pypi.test?a=b") == "http://pypi.test?a=b"
    assert kept_url("http", "pypi.test", "*") == "http://pypi.test"


def test_it_takes_no_longer_for_what_looks_like_it() -> None:
    for part in ("token=", "a=b;", "/reset", "%41", "aB1", "://", "eyJ", "=;&", "/a=b", ":", "?"):
        kept_target("/" + part * 2_500)
        kept_target("/?" + part * 2_500)
        kept_value("user-agent", part * 2_500)
