"""A request's body is kept whole, or not at all: what might hold a secret, or cannot be looked through, is not."""

from __future__ import annotations

import json
import zlib
from urllib.parse import quote

import pytest
from captures import SECRETS

from edgeproxy.capture.bodies import MOST_LOOKED_AT, holds_secret, kept_body
from edgeproxy.capture.scanning import secrets_of

XML = {"content-type": "text/xml"}


def call(method: str, *params: str) -> str:
    values = "".join(f"<param><value><string>{each}</string></value></param>" for each in params)
    return f"<?xml version='1.0'?>\n<methodCall>\n<methodName>{method}</methodName>\n<params>{values}</params></methodCall>"


READS = (
    call("package_releases", "tokenizers"),
    call("list_packages"),
    call("search", "Flask &amp; Jinja2", "or"),
    call("release_urls", "six", "1.10.0").replace("'1.0'", "'1.0' encoding='UTF-8'"),
    call("search").replace("<params>", "<params><param><value><struct><member><name>name</name><value><string>sessions"
                           "</string></value></member></struct></value></param>"),
    call("browse", "Programming Language :: Python :: 3"),
    json.dumps({"query": "{ project(name: \"six\") { releases } }", "variables": {"first": 10}}),
    json.dumps({"jsonrpc": "2.0", "method": "package.releases", "params": ["Zażółć"], "id": 1}),
    "q=flask+web&page=2&classifiers=Framework+%3A%3A+Django",
    "q=flask&p=2",
    call("system.multicall").replace("<params>", "<params><param><value><array><data><value><struct><member><name>"
         "methodName</name><value>package_releases</value></member><member><name>params</name><value><array><data><value>"
         "tokenizers</value></data></array></value></member></struct></value></data></array></value></param>"),
    json.dumps({"project": "tokenizers", "names": ["passlib", "sessionmaker", "blogin", "design"]}),
    "query { search(text: \"flask (web)\") { name } }",
    "- search: flask\n- page: 2\n",
    "",
)  # fmt: skip


@pytest.mark.parametrize("text", READS)
def test_a_read_is_kept_as_it_is(text: str) -> None:
    assert kept_body(text.encode(), XML) == text
    assert list(secrets_of({"body": text})) == []


def spelled(secret: str) -> tuple[str, ...]:
    entities = "".join(f"&#{ord(each)};" for each in secret)
    escapes = "".join(f"%{ord(each):02X}" for each in secret)
    units = "".join(f"\\u{ord(each):04x}" for each in secret)
    return (
        secret,
        entities,
        escapes,
        units,
        quote(escapes),
        entities.replace("&", "&amp;"),
        f"{secret[:3]}<!-- -->{secret[3:]}",
    )


LOOKS = tuple(each for each in SECRETS if each != "hunter2-and-more" and not each.endswith("=="))


@pytest.mark.parametrize("secret", LOOKS)
@pytest.mark.parametrize("text", [call("search", "@"), '{"q": ["@"]}', "q=@&page=1", "just @ text"])
def test_what_looks_like_a_secret_is_not_kept_in_any_spelling(secret: str, text: str) -> None:
    for each in spelled(secret):
        body = text.replace("@", each)
        assert kept_body(body.encode(), XML) is None, body
        assert list(secrets_of({"body": body}))


NAMED = (
    call("search").replace(
        "<params>", "<params><param><value><struct><member><name>@</name><value>hunter2-and-more</value>"
    ),
    call("search").replace(
        "<params>", "<params><param><value><struct><member><name> @\n</name><value><int>7</int></value>"
    ),
    "<a><b:@ x='1'>hunter2-and-more</b:@></a>",
    "<a @='hunter2-and-more'/>",
    '{"@": "hunter2-and-more"}',
    '{"a": [{"@" : ["hunter2-and-more"]}]}',
    "{'@': 7}",
    "a=1&@=hunter2-and-more&b=2",
    "a=1;@=hunter2-and-more",
    "a=%26@%3Dhunter2-and-more",
    '--x\r\nContent-Disposition: form-data; name="@"\r\n\r\nhunter2-and-more\r\n--x--',
    "@: hunter2-and-more",
    "a: b\n- @: hunter2-and-more",
    '{a: 1, @: "hunter2-and-more"}',
    '{"name": "@", "value": "hunter2-and-more"}',
    '{"value": "hunter2-and-more", "key": "@"}',
    '["@", "hunter2-and-more"]',
    '[["a", "b"], ["@" , "hunter2-and-more"]]',
    "[('@', 'hunter2-and-more')]",
    "name=@&value=hunter2-and-more",
    "@\nhunter2-and-more",
    "user @\nhunter2-and-more\n@\nhunter2-and-more",
    call("search").replace(
        "<params>",
        "<params><param><value><array><data><value><string>@</string></value><value>hunter2-and-more</value>",
    ),
    call("search").replace(
        "<params>",
        "<params><param><value><struct><member><name>name</name><value>@</value></member>"
        "<member><name>value</name><value>hunter2-and-more</value></member></struct></value></param>",
    ),
    "<a><field name='@'>hunter2-and-more</field></a>",
    '<a key="@" value="hunter2-and-more"/>',
    "--x\r\nContent-Disposition: form-data; name*=utf-8''@\r\n\r\nhunter2-and-more\r\n--x--",
    "--x\r\nContent-Disposition: form-data; name*=UTF-8'en'%@\r\n\r\nhunter2-and-more\r\n--x--".replace("%@", "@"),
    "--x\r\nContent-Disposition: form-data;\r\n name = @\r\n\r\nhunter2-and-more\r\n--x--",
    call("@", "hunter2-and-more"),
    call("user.@.now", "hunter2-and-more"),
    '{"method": "user.@", "params": ["hunter2-and-more"]}',
)


@pytest.mark.parametrize("name", ["password", "access_token", "API-Key", "sessionid", "pw", "pwd", "passcode"])
@pytest.mark.parametrize("text", NAMED)
def test_nor_is_what_stands_beside_a_name_that_speaks_of_one(text: str, name: str) -> None:
    assert kept_body(text.replace("@", name).encode(), XML) is None
    assert list(secrets_of({"body": text.replace("@", name)}))


LETS_IN = (
    *(
        "login",
        "system.auth",
        "user.reset",
        "signin",
        "log_in",
        "sign-in",
        "logIn",
        "userLogin",
        "doSignIn",
        "weblogin",
    ),
    *("logon", "package.log_on", "LOGIN", "activate_account", "user.recover"),
)
MULTICALL = (
    "<param><value><array><data><value><struct>{}</struct></value></data></array></value></param>",
    "<member><name>methodName</name><value>{}@{}</value></member>",
    "<member><name>params</name><value><array><data><value>me</value><value>hunter2-and-more</value></data></array>"
    "</value></member>",
)


def multicall(method: str, before: str, after: str, order: slice) -> str:
    whole, name, params = MULTICALL
    members = (name.format(before, after).replace("@", method), params)
    return call("system.multicall").replace("<params>", f"<params>{whole.format(''.join(members[order]))}")


@pytest.mark.parametrize("method", LETS_IN)
def test_nor_a_call_that_lets_somebody_in(method: str) -> None:
    calls = (
        call(method, "me", "hunter2-and-more"),
        multicall(method, "", "", slice(None)),
        multicall(method, "<string>", "</string>", slice(None)),
        multicall(method, " <![CDATA[", "]]>\n", slice(None, None, -1)),
        multicall(method, "<string>", "</string>", slice(None)).replace(
            "<name>methodName", "<name >method<!-- -->Name"
        ),
        json.dumps({"jsonrpc": "2.0", "method": method, "params": ["me", "hunter2-and-more"]}),
        json.dumps([{"method": "search"}, {"methodName": method, "params": ["me", "hunter2-and-more"]}]),
        json.dumps({"operationName": method, "variables": ["me", "hunter2-and-more"]}),
        f"a=b&method={method}&user=me&word=hunter2-and-more",
        f":action={method}&user=me&word=hunter2-and-more",
    )
    for body in calls:
        assert kept_body(body.encode(), XML) is None, body
        assert list(secrets_of({"body": body}))


@pytest.mark.parametrize("method", ["login", "signIn", "log_in", "userLogin"])
def test_nor_a_query_that_does(method: str) -> None:
    for body in (
        f'mutation {{ {method}(u: "me", w: "hunter2") {{ ok }} }}',
        f"{{a: {method} (u: 'me', w: 'hunter2')}}",
    ):
        assert kept_body(body.encode(), {}) is None, body


@pytest.mark.parametrize("form", ["p=hunter2&q=a", "q=a;p=hunter2", "q=a&%70=hunter2", "q=%26p%3Dhunter2"])
def test_nor_what_may_be_a_password_and_is_no_page(form: str) -> None:
    assert kept_body(form.encode(), {}) is None
    assert list(secrets_of({"body": form}))


@pytest.mark.parametrize(
    "octets",
    [
        call("search", "six").encode("utf-16"),
        call("search", "\xfc").encode("latin-1"),
        call("search", "a\x00b").encode(),
        call("search", "a\x1bb").encode(),
        call("search", "six").replace("'1.0'", "'1.0' encoding='utf-7'").encode(),
        call("search", "six").replace("<methodCall>", "<!DOCTYPE a [<!ENTITY b 'pass'>]><methodCall>").encode(),
        call("search")
        .replace("<params>", "<params><param><value><base64>cGFzc3dvcmQ9eA==</base64></value></param>")
        .encode(),
        b"--x\r\nContent-Transfer-Encoding: base64\r\n\r\ncGFzc3dvcmQ9eA==",
        zlib.compress(b"password=x"),
        b"a" * (MOST_LOOKED_AT + 1),
        b"a%" + b"25" * 9,
        b'--x\r\nContent-Disposition: form-data; name*0="pass"; name*1="word"\r\n\r\nhunter2-and-more',
    ],
)
def test_nor_what_cannot_be_looked_through(octets: bytes) -> None:
    assert kept_body(octets, XML) is None


@pytest.mark.parametrize(
    "values",
    [
        {"content-encoding": "gzip"},
        {"content-type": "text/xml; charset=utf-7"},
        {"content-type": "a/b; charset=utf-16"},
    ],
)
def test_nor_what_is_in_a_coding(values: dict[str, str]) -> None:
    assert kept_body(call("search", "six").encode(), values) is None


def test_the_longest_is_kept_and_takes_no_time() -> None:
    for text in (
        "ä" * MOST_LOOKED_AT,
        "<a " * (MOST_LOOKED_AT // 3),
        "<!--" * (MOST_LOOKED_AT // 4),
        "%25" * (MOST_LOOKED_AT // 3),
    ):
        holds_secret(text)
    assert kept_body(("ä" * MOST_LOOKED_AT).encode(), {}) == "ä" * MOST_LOOKED_AT
