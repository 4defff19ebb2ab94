"""What a capture keeps of a request: nothing that lets anybody in, whatever it is spelled like."""

from __future__ import annotations

import pytest

from edgeproxy.capture.scanning import secrets_of
from edgeproxy.capture.scrubbing import kept_headers, kept_url, kept_value
from edgeproxy.migration.comparing.targets import kept_name, kept_target

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
        "/search/?q=c%2B%2B+100%25",
        "/?p=2&page=3&pws=a&t=abcdefghi",
        "/account/login/?next=%2Fmanage%2Fprojects%2F&tab=versions",
        "/simple/password-reset-confirm/",
        "/packages/source/p/pytest-token/pytest-token-1.0.tar.gz",
        "/account/settings/",
        "/search/?q=compass:east",
    ],
)
def test_what_is_no_secret_stays_as_it_is(target: str) -> None:
    assert kept_target(target) == target


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/a?token=abc&b=1", "/a?token=[hidden]&b=1"),
        ("/a?%74oken=abc", "/a?%74oken=[hidden]"),
        ("/a?%2574oken=abc", "/a?%2574oken=[hidden]"),
        ("/a?%25252574oken=abc", "/a?%25252574oken=[hidden]"),
        ("/a?next=%252Fb%253Ftoken%253Dabcdef", "/a?next=[hidden]"),
        ("/a?q=pypi%25252DAgEIcHlwaS5vcmcCJDk4", "/a?q=[hidden]"),
        ("/a?v=%2530123456789abcdef0123456789abcdef", "/a?v=[hidden]"),
        ("/a?q=Bearer+abcdefghijk", "/a?q=[hidden]"),
        ("/r%2565set/Zm9vYmFyYmF6/", "/r%2565set/[hidden]/"),
        ("/a?q=%2525252525252525", "/a?q=[hidden]"),  # there is no end to it
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
        ("/a?next=//alice:hunter2@h/x", "/a?next=//[hidden]h/x"),
        ("/a?next=//onlyauser@h/x", "/a?next=//[hidden]h/x"),
        ("/a?next=%2F%2Falice%3Ahunter2%40h", "/a?next=[hidden]"),
        ("/a?next=alice:hun@ter2@h", "/a?next=[hidden]h"),
        ("/simple/http:/alice:hunter2@h/", "/simple/http:/[hidden]h/"),
        ("//alice:hunter2@h", "//[hidden]h"),
        ("/a?token=abc#fragment", "/a?token=[hidden]"),
        ("/a?user=b&pw=hunter2", "/a?user=b&pw=[hidden]"),
        ("/a?user[pw]=hunter2", "/a?user[pw]=[hidden]"),
        ("/a?userPwd=hunter2", "/a?userPwd=[hidden]"),
        ("/a?passcode=correcthorse", "/a?passcode=[hidden]"),
        ("/a?pass-code=correcthorse&pass_key=a", "/a?pass-code=[hidden]&pass_key=[hidden]"),
        ("/a?p=hunter2&p=12", "/a?p=[hidden]&p=12"),
        ("/a?%70=hunter2", "/a?%70=[hidden]"),
        ("/a?next=/b?p=hunter2", "/a?next=/b?p=[hidden]"),
        ("/a?next=%2Fb%3Fp%3Dhunter2", "/a?next=[hidden]"),
        ("/a?to%00ken=hunter2", "/a?[hidden]=[hidden]"),
        ("/a?pypi%2DAgEIcHlwaS5vcmcCJDk4=hunter2", "/a?[hidden]=[hidden]"),
        ("/a?q=--password+hunter2", "/a?q=[hidden]"),
        ("/a?q=Token+correcthorsebatterystaple", "/a?q=[hidden]"),
        ("/reset/MQ/correcthorse/", "/reset/MQ/[hidden]/"),
        ("/reset/MQ/a/b/correcthorse", "/reset/MQ/a/b/[hidden]"),
        ("/reset//correcthorse", "/reset//[hidden]"),
        ("/reset/./correcthorse", "/reset/./[hidden]"),
        ("/%72eset/%2e/correcthorse", "/%72eset/%2e/[hidden]"),
        ("/reset%2Fcorrecthorse", "/[hidden]"),
        ("/x%2Freset%2FMQ%2Fcorrecthorse", "/[hidden]"),
        ("/x%2Freset/correcthorse", "/x%2Freset/[hidden]"),
        ("/a?next=/reset/MQ/correcthorse/&b=c", "/a?next=/reset/MQ/[hidden]/&b=c"),
        ("/a?next=%2Freset%2FMQ%2Fcorrecthorse", "/a?next=[hidden]"),
        ("/password-reset-confirm/correcthorse", "/password-reset-confirm/[hidden]"),
        ("/password/reset/key/MQ-correcthorse/", "/password/reset/key/[hidden]/"),
        ("/account_activation/correcthorse", "/account_activation/[hidden]"),
        ("/activate/correcthorse", "/activate/[hidden]"),
        ("/recover/correcthorse", "/recover/[hidden]"),
        ("/forgotPassword/correcthorse", "/forgotPassword/[hidden]"),
        ("/account/reset-password/?t=correcthorse", "/account/reset-password/?t=[hidden]"),
        ("/a?X-Amz-Signature=abc&X-Amz-Credential=def", "/a?X-Amz-Signature=[hidden]&X-Amz-Credential=[hidden]"),
    ],
)
def test_secrets_in_targets_are_taken_out(target: str, kept: str) -> None:
    assert kept_target(target) == kept
    assert kept_target(kept) == kept
    assert list(secrets_of({"url": f"http://pypi.test{target.partition('#')[0]}"}))
    assert not list(secrets_of({"url": f"http://pypi.test{kept}"}))


@pytest.mark.parametrize(
    "agent", [PIP, "token/1.0.0-beta (login/2.0.0.dev1)", "x --no-color all --key-less", "a:b", "mypass:x"]
)
def test_user_agents_that_are_none_stay(agent: str) -> None:
    assert kept_value("user-agent", agent) == agent


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
        ("referer", "//alice:hunter2@pypi.test/x", "//[hidden]@pypi.test/x"),
        ("referer", "alice:hunter2@pypi.test", "[hidden]pypi.test"),
        ("referer", "https://pypi-AgEIcHlwaS5vcmcCJDk4.test/", "https://[hidden].test/"),
        ("user-agent", "x (alice:hunter2@host)", "x ([hidden]host)"),
        ("user-agent", "bot/1 (+mailto:me@pypi.test)", "bot/1 (+mailto:me@pypi.test)"),
        ("referer", "/a?token=abc", "/a?token=[hidden]"),
        ("user-agent", "curl/8 (token=abc)", "curl/8 (token=[hidden]"),
        ("user-agent", "x pypi-AgEIcHlwaS5vcmcCJDk4", "x [hidden]"),
        ("user-agent", "x Bearer abcdefghijk", "x [hidden]"),
        ("user-agent", "mine/1 q8Zr3Vt6Yw9AbCdEfGhJ2kMn", "mine/1 [hidden]"),
        ("user-agent", "a\x00b\x1bc", "a b c"),
        ("user-agent", "pip/24 Token correcthorse", "pip/24 [hidden]"),
        ("user-agent", "mine/1 --password hunter2 x", "mine/1 --password [hidden] x"),
        ("user-agent", "mine/1 --my-token-of-x hunter2", "mine/1 --my-token-of-x [hidden]"),
        ("user-agent", "mine/1 (-pw hunter2)", "mine/1 (-pw [hidden]"),
        ("user-agent", "mine/1 --db-pass  hunter2 --quick a", "mine/1 --db-pass  [hidden] --quick a"),
        ("user-agent", "mine/1 (user:b; pass:hunter2)", "mine/1 (user:b; pass:[hidden]"),
        ("user-agent", "mine/1 pwd: hunter2", "mine/1 pwd: [hidden]"),
        ("user-agent", "mine/1 (p=hunter2; p=12)", "mine/1 (p=[hidden]; p=12)"),
        (
            "user-agent",
            "mine/1 (http://h.test/reset/MQ/correcthorse/ a)",
            "mine/1 (http://h.test/reset/MQ/[hidden]/ a)",
        ),
        ("referer", "https://pypi.test/activate/a/correcthorse", "https://pypi.test/activate/a/[hidden]"),
        ("x-requested-with", "passcode=hunter2", "passcode=[hidden]"),
    ],
)
def test_secrets_in_headers_are_taken_out(name: str, value: str, kept: str) -> None:
    assert kept_value(name, value) == kept
    assert kept_value(name, kept) == kept
    assert value == kept or list(secrets_of({"headers": {name: value}}))
    assert not list(secrets_of({"headers": {name: kept}}))


NAMES_OF_SECRETS = (
    *("phpsessid", "PHPSESSID", "sessid", "sess", "otk", "totp", "mfa", "2fa", "tok", "hmac", "keys", "key1", "ticket"),
    *("pass[]", "pass1", "pwd2", "user[pass]", "userpass", "creds", "assertion", "SAMLResponse", "newPass2"),
)


@pytest.mark.parametrize("name", NAMES_OF_SECRETS)
def test_a_secret_goes_whatever_its_name_is_short_for(name: str) -> None:
    kept = kept_target(f"/simple/six/?{name}=correcthorsebatterystaple&a=b")
    assert kept == f"/simple/six/?{name}=[hidden]&a=b"
    assert list(secrets_of({"url": f"http://pypi.test/?{name}=correcthorse"}))


@pytest.mark.parametrize(
    "value",
    ['"xhMTHkXyyiDgFH2ScsCcTg"', 'W/"A1b2C3d4E5f6G7h8I9j0K", "e5c1"', '"da39a3ee5e6b4b0d3255bfef95601890afd80709"'],
)
def test_an_entity_tag_is_no_secret(value: str) -> None:
    assert kept_headers({"if-none-match": value}) == {"if-none-match": value}


@pytest.mark.parametrize(
    "agent",
    [
        "curl -u alice:correcthorse",
        "curl --user=alice:correcthorse https://pypi.test/",
        "x Cookie: a=correcthorse",
        "x Cookie: a=1; b=correcthorse; c=2",
        "x Cookie: [hidden]; b=correcthorse",
        "set-cookie: a=1;b=correcthorse (x)",
        "Bearer:correcthorse",
        "Negotiate correcthorsebattery",
    ],
)
def test_what_people_paste_into_their_user_agent_goes(agent: str) -> None:
    assert "correct" not in kept_value("user-agent", agent)
    assert "correct" not in kept_name(agent)
    assert list(secrets_of({"headers": {"user-agent": agent}}))


@pytest.mark.parametrize(
    "agent", ["app -u", "tool --user alice", "cookiecutter/2.1", "negotiate/1.0 (x)", "a-uuid/1 b"]
)
def test_what_is_like_it_and_is_none_stays(agent: str) -> None:
    assert kept_value("user-agent", agent) == agent


def test_a_token_is_one_also_where_an_entity_tag_stands() -> None:
    assert "pypi-" not in kept_value("if-none-match", '"pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw"')


def test_a_url_has_no_user() -> None:
    assert kept_url("http", "user:pass@pypi.test:80", "/a") == "http://[hidden]@pypi.test:80/a"
    assert kept_url("http", "ignored.test", "http://pypi.test/a?token=b") == "http://pypi.test/a?token=[hidden]"
    assert kept_url("http", "ignored.test", "http://pypi.test?a=b") == "http://pypi.test?a=b"
    assert kept_url("http", "pypi.test", "*") == "http://pypi.test"


@pytest.mark.parametrize(
    ("authority", "kept"),
    [
        ("pypi.test:8080", "pypi.test:8080"),
        ("auth-service:8080", "auth-service:8080"),  # a host's name
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ("pypi-AgEIcHlwaS5vcmcCJDk4.pypi.test", "[hidden].pypi.test"),
        ("q8Zr3Vt6Yw9AbCdEfGhJ2kMn:80", "[hidden]:80"),
        ("user:pypi-AgEIcHlwaS5vcmcCJDk4@pypi.test", "[hidden]@pypi.test"),
    ],
)
def test_a_host_may_be_a_secret_that_was_pasted_there(authority: str, kept: str) -> None:
    url = f"http://{kept}/"
    assert kept_url("http", authority, "/") == kept_url("http", kept, "/") == url
    assert not list(secrets_of({"url": url}))
    assert (url == f"http://{authority}/") or list(secrets_of({"url": f"http://{authority}/"}))


@pytest.mark.parametrize("place", ["http://h.test/?next=//{}@h/x", "http://h.test/{}@h", "http://h.test/a/http:/{}@h/"])
def test_what_was_kept_of_a_user_by_somebody_else_is_found(place: str) -> None:
    assert list(secrets_of({"url": place.format("alice:hunter2")}))
    assert list(secrets_of({"headers": {"user-agent": "x (alice:hunter2@h)"}}))
    assert not list(secrets_of({"headers": {"user-agent": "x (mailto:alice@h)"}}))


@pytest.mark.parametrize(
    "told",
    [
        *("hunter2andmore is my password", "me:hunter2andmore@h.test", "password is hunter2andmore"),
        *("x-hunter2andMORE0123456789abc", "ghp_hunter2aBcDeFgHiJkLmNoPqRsTuVwXyZ01"),
    ],
)
def test_what_is_cut_keeps_no_half_of_a_secret(told: str) -> None:
    for before in range(2_010, 2_060):
        kept = kept_value("user-agent", f"{'a' * 5}{' ' * (before - 5)}{told}")
        assert "hunt" not in kept
        assert kept_value("user-agent", kept) == kept
    for before in range(8_150, 8_200):
        kept = kept_url("http", "pypi.test", f"/a?{'b=c&' * 2_000}{'b' * (before - 8_004)}&q={told.replace(' ', '+')}")
        assert "hunt" not in kept
        assert len(kept) > 8_000
    assert "hunter" not in kept_url("http", f"me:{'hunter2' * 500}@pypi.test", "/")
    assert "hunter" not in kept_url("http", f"{'hunter2' * 500}.test", "/")


def test_it_takes_no_longer_for_what_looks_like_it() -> None:
    for part in (
        "token=",
        "a=b;",
        "/reset",
        "%41",
        "aB1",
        "://",
        "eyJ",
        "=;&",
        "/a=b",
        ":",
        "?",
        "a:",
        "a:a",
        "@",
        "//",
    ):
        kept_target("/" + part * 2_500)
        kept_target("/?" + part * 2_500)
        kept_value("user-agent", part * 2_500)
        list(secrets_of({"url": f"http://{part * 2_500}", "headers": {"user-agent": part * 2_500}}))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("pypi.test:8080", "pypi.test:8080"),
        ("user:hunter2@pypi.test", "[hidden]@pypi.test"),
        ("pip/24.0 (mail me@pypi.test)", "pip/24.0 (mail me@pypi.test)"),
        ("pip/24.0 ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789", "pip/24.0 [hidden]"),
        ("x token=hunter2hunter2", "x token=[hidden]"),
    ],
)
def test_hosts_and_user_agents_keep_their_names(text: str, kept: str) -> None:
    assert kept_name(text) == kept
