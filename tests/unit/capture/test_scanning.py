"""The second look: secrets that are in a capture are found, told where, and never shown."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from captures import SECRETS

from edgeproxy.capture.scanning import known_in, secrets_of, spellings_of


@pytest.mark.parametrize("secret", [each for each in SECRETS if each != "hunter2-and-more"])
@pytest.mark.parametrize("place", ["url", "user-agent", "rule", "xmlrpc"])
def test_what_looks_like_a_secret_is_found_wherever_it_stands(secret: str, place: str) -> None:
    if secret.startswith("dXNl"):
        secret = f"Basic {secret}"
    text = {"url": f"http://pypi.test/a/{secret}/b", "user-agent": f"mine/1 {secret}"}.get(place, secret)
    record: dict[str, Any] = {"headers": {place: text}} if place == "user-agent" else {place: text}
    found = list(secrets_of(record))
    assert found
    assert not any(secret in f"{each.key} {each.what}" for each in found)


@pytest.mark.parametrize(
    "record",
    [
        {"url": "http://user:pass@pypi.test/"},
        {"url": "http://pypi.test/?token=abc"},
        {"url": "http://pypi.test/?x=pypi%252DAgEIcHlwaS5vcmcCJDk4"},
        {"url": "http://pypi.test/?x=pypi%2525252DAgEIcHlwaS5vcmcCJDk4"},
        {"body": "<member><name>password</name><value>x</value></member>"},
        {"more": {"12": {"body": '{"api_key": 1}'}}},
        {"asked": [{"url": "http://pypi.test/reset/Zm9vYmFyYmF6"}]},
        {"rule": "mine --password hunter2"},
        {"shape": "/a?pw=hunter2"},
        {"arm": "Token correcthorse"},
        {"backend": "pwd: hunter2"},
        {"xmlrpc": "passcode=hunter2"},
        {"url": "http://pypi.test/reset/MQ/Zm9vYmFyYmF6/"},
        {"url": "http://pypi.test/?p=hunter2"},
        {"headers": {"user-agent": "mine/1 --password hunter2"}},
        {"body": '["password", "hunter2"]'},
        {"headers": {"x-anything": "1"}},
        {"fields": [{"headers": {"cookie": "1"}}]},
        {"outcomes": [{"arm": "-----BEGIN RSA PRIVATE KEY-----"}]},
    ],
)
def test_so_is_what_captures_do_not_keep(record: dict[str, Any]) -> None:
    assert list(secrets_of(record))


@pytest.mark.parametrize(
    "record",
    [
        {"url": "http://[hidden]@pypi.test/simple/six/?token=[hidden]", "digest": "ab" * 32, "rule": "simple"},
        {"more": {"3": {"body": "<methodCall><methodName>search</methodName></methodCall>", "sent": 3}}},
        {"contents": [{"octets": 3, "digest": "Ab1" + "0" * 61}]},
        {"contents": [[3, "Ab1" + "0" * 61]], "headers": {"user-agent": "pip/24.0", "accept": "*/*"}},
        {
            "rule": "mine --password [hidden] pw=[hidden] pass: [hidden] --no-pass -- a",
            "shape": "/reset/{uid}/{usertoken}/",
        },
        {"url": "http://pypi.test/packages/aa/bb/" + "c0" * 30 + "/SQLAlchemy-2.0.1-cp311-manylinux2014_x86_64.whl"},
    ],
)
def test_what_is_none_is_not(record: dict[str, Any]) -> None:
    assert list(secrets_of(record)) == []


@pytest.mark.parametrize("secret", ["hunter2-and-more", 'with "quotes" and ü'])
def test_known_secrets_are_found_in_any_spelling(secret: str) -> None:
    known = [spellings_of("something else"), spellings_of(secret)]
    octets = secret.encode()
    for before in (b"", b"a", b"ab", b"user:"):
        assert list(known_in(b64encode(before + octets + b" tail"), known)) == [2]
    assert list(known_in(b"x" + octets + b"y", known)) == [2]
    assert list(known_in(b"nothing", known)) == []
