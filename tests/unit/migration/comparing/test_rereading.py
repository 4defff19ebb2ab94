"""What people and programs read, a scrubber reads: odd blanks, what cannot be seen, escapes, and look-alikes."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import pytest

from edgeproxy.capture.bodies import kept_body
from edgeproxy.capture.scanning import secrets_of
from edgeproxy.capture.scrubbing import kept_value
from edgeproxy.migration.comparing.scrubbing import is_secret, scrubbed_text
from edgeproxy.migration.comparing.targets import kept_name, kept_target, scrubbed_headers

SECRET: Final = "hunter2andmore"
BLANKS: Final = "\t\xa0\u1680\u2000\u2003\u2007\u2009\u2028\u202f\u205f\u2800\u3000\u0085\ufffd"
UNSEEN: Final = "\xad\u034f\u115f\u180e\u200b\u200c\u200d\u200e\u2060\u2063\u3164\ufe0f\ufeff\uffa0\U000e0020"


def as_latin_1(text: str) -> str:
    """As fields of HTTP are read."""
    return text.encode().decode("latin-1")


def is_kept_nowhere(agent: str) -> None:
    kept = kept_value("user-agent", agent)
    assert SECRET not in f"{kept} {kept_name(agent)} {scrubbed_headers({'user-agent': [agent]})}"
    assert kept_value("user-agent", kept) == kept
    assert list(secrets_of({"headers": {"user-agent": agent}}))
    assert not list(secrets_of({"headers": {"user-agent": kept}}))


@pytest.mark.parametrize("blank", [*BLANKS, *UNSEEN, "\xa0\u200b", "&nbsp;", "&#160;", "&#x3000;"], ids=ascii)
def test_whatever_blank_stands_between_the_words(blank: str) -> None:
    for told in ("password is PW", "password PW", "-p PW", "pin: PW", "--token PW", "PW is my password", "Bearer PW"):
        text = f"mine/1 {told}".replace(" ", blank).replace("PW", SECRET)
        is_kept_nowhere(text)
        is_kept_nowhere(as_latin_1(text))


@pytest.mark.parametrize("unseen", [*UNSEEN, "\u200b\u200d"], ids=ascii)
def test_what_cannot_be_seen_hides_no_name(unseen: str) -> None:
    for told in (
        "pass|word is PW",
        "to|ken=PW",
        "api|_key: PW",
        "mine (Tok|en: PW)",
        "http://me|:PW@h.test",
        "|password|: PW",
        "password i|s PW",
        "to|ken=a password|is|PW",
        "pass:a password|is|PW",
        "password:| |PW",
    ):
        text = told.replace("|", unseen).replace("PW", SECRET)
        is_kept_nowhere(text)
        is_kept_nowhere(as_latin_1(text))


@pytest.mark.parametrize(
    "told",
    [
        *("ｐａｓｓｗｏｒｄ：PW", "password＝PW", "password﹕PW", "password∶PW", "password – PW", "password—PW", "password → PW", "password⇒PW"),
        *("password is “PW”", "password\\u00a0is\\u00a0PW", "pass\\u0077ord=PW", '{"user_data":"password\\u00a0is\\u00a0PW"}'),
        *("password=&quot;PW&quot;", "pass&#119;ord:PW", "password&colon;PW", "pass%77ord is PW", "pass%2577ord%20is%20PW"),
        *("password%C2%A0is%C2%A0PW", "password%A0is%A0PW", "password%u00a0is%u00a0PW", "PASSWORD\xa0IS\xa0PW"),
    ],
)  # fmt: skip
def test_nor_do_letters_and_signs_that_are_written_otherwise(told: str) -> None:
    is_kept_nowhere(told.replace("PW", SECRET))
    is_kept_nowhere(as_latin_1(told.replace("PW", SECRET)))


@pytest.mark.parametrize(
    "target",
    [
        *("/a?pass%E2%80%8Bword=PW", "/a?to%C2%ADken=PW", "/a?token%C2%A0=PW", "/a?%EF%BD%94oken=PW", "/a?pass\u200bword=PW"),
        *("/a?q=password%C2%A0is%C2%A0PW", "/a?q=password%A0is%A0PW", "/a?q=password%25C2%25A0is%25C2%25A0PW"),
        *("/a?q=password+IS+PW", "/a?q=password+are+PW", "/a?q=password%u00a0is%u00a0PW", "/a?q=tok%26%23101%3Bn%3DPW"),
        *("/a?q=%7B%22tok\\u0065n%22%3A%22PW%22%7D", "/a?name=password&value=PW", "/a?value=PW&name=pass%77ord"),
        *("/reset%E2%80%8B/PW", "/reset%C2%A0/PW", "/%20reset/PW", "/reset\u200b/PW", "/reset%5CPW", "/reset\\PW"),
        *("/password+is+PW", "/x/password is PW", "/password\xa0is\xa0PW", "/a?next=/reset%5CPW", "/a?next=%2Freset%C2%A0%2FPW"),
        *("/HTTP://me:PW@h.test", "/me%3APW%40h.test", "/a?q=me%E2%80%8B%3APW%40h.test"),
    ],
)  # fmt: skip
def test_nor_in_a_target(target: str) -> None:
    for said in (target, as_latin_1(target)):
        said = said.replace("PW", SECRET)
        kept = kept_target(said)
        assert SECRET not in kept
        assert kept_target(kept) == kept
        assert list(secrets_of({"url": f"http://pypi.test{said}"}))
        assert not list(secrets_of({"url": f"http://pypi.test{kept}"}))


@pytest.mark.parametrize(
    "body",
    [
        *('{"pass\u200bword":"PW"}', '{"q":"password\\u00a0is\\u00a0PW"}', '["pass\u200bword","PW"]', "pass%E2%80%8Bword=PW"),
        *("<pass\xadword>PW</pass\xadword>", "<x to\u200bken='PW'/>", "<name>ｐassword</name><value>PW</value>"),
        *("<string>password is PW</string>", "<string>password&#160;is&#160;PW</string>", "<string>me:PW@h.test</string>"),
        *("<methodName>log\u200bin</methodName>", "<methodName>user.l&#8203;ogin</methodName>"),
    ],
)  # fmt: skip
def test_nor_in_a_body(body: str) -> None:
    body = body.replace("PW", SECRET)
    assert kept_body(body.encode(), {}) is None
    assert list(secrets_of({"body": body}))


NONE: Final = (
    *(
        "mine/1 (café; naïve)",
        "Zażółć/1.0 (gęślą jaźń)",
        "日本語/2 (東京)",
        "mine/1 – the crawler",
        "mine/1\xa0(linux)",
    ),
    *("“mine”/1", "Токен/1.0", "token\xa01.0", "password\u200b-generator/1.0", "R&D/1 (a&amp;b)", "C:\\new\\unit"),
    *("ﷺ/1", "e\u0301a\u0300" * 40),
)


@pytest.mark.parametrize("agent", NONE)
def test_what_only_looks_odd_stays(agent: str) -> None:
    for said in (agent, as_latin_1(agent)):
        assert kept_value("user-agent", said) == said.replace("\x85", " ") or not said.isprintable()
        assert kept_value("accept-language", said) != "[hidden]"
        assert scrubbed_text(said) == said
        assert not list(secrets_of({"headers": {"user-agent": said}}))
    target = f"/search/?q={quote(agent)}"
    assert kept_target(target) == target


def test_a_page_keeps_what_is_none_around_a_secret() -> None:
    page = f"<p>Café &amp; bar:\xa0the\ntoken={SECRET}\nfor “you” &mdash; né</p>"
    kept = scrubbed_text(page)
    assert SECRET not in kept
    assert kept.startswith("<p>Café &amp; bar:")
    assert kept.endswith("&mdash; né</p>")


def test_a_name_is_one_in_whatever_letters() -> None:
    for name in ("to\u200bken", "ｔoken", "token\xa0", "pass\xadword", as_latin_1("api\u200b_key")):
        assert is_secret(name)
    for name in ("größe", "ключ", "x\xa0y", "author\u200b"):
        assert not is_secret(name)


def test_it_takes_no_longer_for_what_looks_like_it() -> None:
    pieces = (
        "\u0300\u0316",
        "\ufdfa",
        "a\u200b",
        "password\xa0",
        "&nbsp;",
        "\\u0070",
        "\xc3\xa9",
        "&#112;",
        "\\x70",
        "–",
        "\\",
    )
    for piece in pieces:
        text = piece * (40_000 // len(piece))
        scrubbed_text(text)
        kept_value("user-agent", text)
        kept_target(f"/search/?q={quote(text)[:8_000]}")
