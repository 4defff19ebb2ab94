"""Whatever words a secret is told in, no header that is kept has it; whatever clients are called by themselves stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from captures import SECRETS
from hypothesis import example, given
from hypothesis import strategies as st

from edgeproxy.capture.scanning import secrets_of
from edgeproxy.capture.scrubbing import kept_value
from edgeproxy.migration.comparing.spoken import searched_scrubbed, spoken_scrubbed
from edgeproxy.migration.comparing.targets import kept_name, kept_target, scrubbed_headers

PASSWORDS: Final = st.sampled_from((*SECRETS, "correcthorse", "Tr0ub4dor_3", "zqxvkjwpw")) | st.from_regex(
    r"zq[a-z][A-Za-z0-9!$%_+-]{5,20}", fullmatch=True
)
CLEAR: Final = st.sampled_from(
    ("password", "Password", "passwd", "pw", "token", "my secret", "api key", "db_pass", "apiToken")
)
VAGUE: Final = st.sampled_from(("key", "code", "sid", "sig", "creds", "pin", "session", "auth"))
SIGNS: Final = st.sampled_from((":", ": ", "=", " = ", " -> ", "=>", " is ", " was ", " is: ", "  is  "))
LOOSE: Final = st.sampled_from((" ", "  ", " - ", " ... "))
OPTIONS: Final = st.sampled_from(("-p ", "-p=", "-P ", "-pw ", "--pass ", "--token ", "--password=", "-u me -p "))
BEFORE: Final = st.sampled_from(("", "mine/1 ", "mine/1 (x; ", "pip/24.0 ", "Mozilla/5.0 (X11) "))
AFTER: Final = st.sampled_from(("", " linux", "; x)", ") CPython/3.11", ", more"))


@st.composite
def told(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and a user agent that tells it."""
    secret = draw(PASSWORDS)
    names = draw(
        st.sampled_from(
            (
                f"{draw(CLEAR)}{draw(SIGNS)}{secret}",
                f"{draw(VAGUE)}{draw(SIGNS)}{secret}",
                f"{draw(st.sampled_from(('password', 'token', 'pw', 'secret', 'api key')))}{draw(LOOSE)}{secret}",
                f"{draw(OPTIONS)}{secret}",
                f"password for me{draw(SIGNS)}{secret}",
                f"{secret} is my {draw(st.sampled_from(('password', 'api key', 'token')))}",
                f"me:{secret}@host",
            )
        )
    )
    return secret, draw(BEFORE) + names + draw(AFTER)


ODD_BLANKS: Final = st.sampled_from(
    ("\xa0", "\t", "\u2007", "\u202f", "\u3000", "\u200b", "\ufeff", "\xa0\u200b", "&nbsp;")
)
SPELLINGS: Final = st.sampled_from(
    (str, lambda said: said.encode().decode("latin-1"), quote, lambda said: quote(quote(said)))
)


def assert_taken_out(secret: str, agent: str) -> None:
    """By whatever scrubs, once and for all, and `verify` sees it in what was said alone."""
    kept = kept_value("user-agent", agent)
    for text in (kept, kept_name(agent), str(scrubbed_headers({"user-agent": [agent]}))):
        assert secret not in text
    assert kept_value("user-agent", kept) == kept
    assert list(secrets_of({"headers": {"user-agent": agent}}))
    assert not list(secrets_of({"headers": {"user-agent": kept}}))


@given(told().filter(lambda said: said[0].isalnum()), ODD_BLANKS, SPELLINGS)
def test_nor_with_other_blanks_or_escaped(said: tuple[str, str], blank: str, spell: Callable[[str], str]) -> None:
    secret, agent = said
    assert_taken_out(secret, spell(agent.replace(" ", blank)))


@given(told())
@example(("zqabcdef", "-p zqabcdef"))
def test_a_secret_that_is_told_in_words_is_not_kept(said: tuple[str, str]) -> None:
    assert_taken_out(*said)


@given(
    PASSWORDS, st.sampled_from(("password", "my token", "the secret")), st.sampled_from((" is ", " was ", "=", ": "))
)
def test_nor_one_that_is_told_in_a_search(secret: str, name: str, joined: str) -> None:
    target = f"/search/?q={quote(f'{name}{joined}{secret}')}"
    kept = kept_target(target)
    assert secret not in kept
    assert quote(secret) not in kept
    assert list(secrets_of({"url": f"http://pypi.test{target}"}))
    assert not list(secrets_of({"url": f"http://pypi.test{kept}"}))


# -- what is none ----------------------------------------------------------------------------------------------------

WORDS: Final = st.sampled_from(
    (
        *(
            "password",
            "token",
            "secret",
            "key",
            "auth",
            "session",
            "pass",
            "api",
            "code",
            "generator",
            "bucket",
            "flask",
        ),
        *(
            "manager",
            "pypi",
            "sk",
            "jwt",
            "py",
            "tools",
            "client",
            "login",
            "reset",
            "video",
            "six",
            "o2",
            "x86",
            "basic",
        ),
    )
)
PROJECTS: Final = st.lists(WORDS, min_size=1, max_size=5).flatmap(
    lambda words: st.sampled_from("-_").map(lambda mark: mark.join(words))
)
VERSIONS: Final = st.from_regex(
    r"[0-9]{1,2}(\.[0-9]{1,3}){1,3}(rc[0-9]|\.post[0-9]|\.dev[0-9]|b[0-9])?", fullmatch=True
)
PRODUCTS: Final = st.tuples(PROJECTS, VERSIONS).map("/".join)
AGENTS: Final = st.one_of(
    VERSIONS.map(
        lambda v: (
            f'pip/{v} {{"ci":null,"cpu":"x86_64","distro":{{"id":"bookworm","libc":{{"lib":"glibc","version":"{v}"}},'
            f'"name":"Debian GNU/Linux"}},"implementation":{{"name":"CPython","version":"{v}"}},"installer":{{"name":"pip",'
            f'"version":"{v}"}},"openssl_version":"OpenSSL 3.0.11 19 Sep 2023","rustc_version":"{v}","user_data":null}}'
        )
    ),
    VERSIONS.map(
        lambda v: f'uv/{v} {{"installer":{{"name":"uv","version":"{v}","subcommand":["pip","install"]}},"ci":null}}'
    ),
    st.lists(
        st.tuples(PROJECTS, VERSIONS).map(": ".join).filter(lambda each: each.startswith(("six", "flask", "video"))),
        max_size=4,
    )
    .map(", ".join)
    .map(lambda said: f"twine/5.1.1 (keyring: 25.2.1, {said or 'requests: 2.32'}) CPython/3.11.2"),
    VERSIONS.map(lambda v: f"bandersnatch/{v} (cpython 3.11.2-final0, Linux x86_64) (aiohttp {v})"),
    VERSIONS.map(lambda v: f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}) Gecko/20100101 Firefox/{v}"),
    VERSIONS.map(
        lambda v: f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v} Safari/537.36"
    ),
    st.lists(PRODUCTS, min_size=1, max_size=4).map(" ".join),
    st.tuples(PRODUCTS, PRODUCTS).map(" (".join).map(lambda said: f"{said}; linux)"),
)


@given(AGENTS)
def test_what_clients_call_themselves_stays(agent: str) -> None:
    assert kept_value("user-agent", agent) == agent
    assert kept_name(agent) == agent
    assert not list(secrets_of({"headers": {"user-agent": agent}}))


@given(PROJECTS, VERSIONS)
def test_what_projects_are_called_stays(project: str, version: str) -> None:
    for target in (
        *(
            f"/simple/{project}/",
            f"/project/{project}/{version}/",
            f"/pypi/{project}/{version}/json",
            f"/pypi/{project}/json",
        ),
        *(
            f"/packages/source/{project[0]}/{project}/{project}-{version}.tar.gz",
            f"/rss/project/{project}/releases.xml",
        ),
        *(f"/packages/aa/bb/{'c0' * 30}/{project}-{version}-py3-none-any.whl.metadata", f"/search/?q={project}"),
    ):
        assert kept_target(target) == target
        assert not list(secrets_of({"url": f"http://pypi.test{target}"}))


@given(st.lists(WORDS, max_size=5))
def test_words_that_are_searched_for_stay(words: list[str]) -> None:
    for joined in ("+", "%20"):
        target = f"/search/?q={joined.join(words)}&o=&c="
        assert kept_target(target) == target
        assert not list(secrets_of({"url": f"http://pypi.test{target}"}))


PARTS: Final = ("password", " is ", " ", "-p ", "key", ":", "=", "PW", "/1.0", "(", ")", "[hidden]", '"', "'", "my ", "@", "a:b", "Token ", ";", "for me", "->", "<", "`")  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_what_was_taken_out_stays_so(text: str) -> None:
    for scrub in (spoken_scrubbed, searched_scrubbed, kept_name, lambda each: kept_value("user-agent", each)):
        once = scrub(text)
        assert scrub(once) == once
    kept = kept_value("user-agent", text)
    assert not list(secrets_of({"headers": {"user-agent": kept}}))
