"""What people tell of a secret in words is taken out; what only has a secret's name stays."""

from __future__ import annotations

import pytest

from edgeproxy.capture.scanning import secrets_of
from edgeproxy.capture.scrubbing import kept_value
from edgeproxy.migration.comparing.spoken import searched_scrubbed, spoken_scrubbed
from edgeproxy.migration.comparing.targets import kept_name, kept_target, scrubbed_headers

TOLD = (
    *(
        "password is PW",
        "my password is PW",
        "the token was PW",
        "PASSWORD is: PW",
        "password is  PW",
        'secret is "PW"',
    ),
    *("password PW", "with password PW", "passwd PW", "pwd PW", "pw PW", "pin PW", "passphrase PW", "otp PW", "jwt PW"),
    *(
        "password: PW",
        "password = PW",
        "password->PW",
        "password=>PW",
        "password|PW",
        "password - PW",
        "password ... PW",
    ),
    *("password (PW)", "password [PW]", "password <PW>", "password `PW`", "password/PW", "password#PW", "password!PW"),
    *(
        "-p PW",
        "-pPW",
        "-p=PW",
        "-P PW",
        "-u alice -p PW",
        "-pw PW",
        "--pass PW",
        "--token PW",
        "--token:PW",
        "--key PW",
    ),
    *(
        "key:PW",
        "key: PW",
        "key is PW",
        "code: PW",
        "sid:PW",
        "sig:PW",
        "creds:PW",
        "p:PW",
        "{key: PW}",
        "u:alice p:PW",
    ),
    *("api key PW", "apikey PW", "api-key: PW", "secret_key PW", "access key is PW", "session id PW", "db_pass PW"),
    *("githubToken: PW", "github-token PW", "password for alice is PW", "password for alice: PW", "secret token PW"),
    *("user:PW@host", "user alice password PW", "login=alice pass=PW", "PW is my password", "PW is the api key"),
    *("Basic PW", "Token PW", "bearer PW", "token PW", "Digest PW", "passphrase is PW PW PW"),
)
NONE = (
    *(
        "token/1.0.0-beta (login/2.0.0.dev1)",
        "Token 1.0",
        "password-generator/1.0",
        "token-bucket 2.1",
        "keyring/25.2.1",
    ),
    *(
        "pytest-token (linux)",
        "pytest-token/dev",
        "x/1 (token-bucket)",
        "Password Manager/3.0",
        "1Password/8",
        "mypass:x",
    ),
    *(
        "LastPass Extension",
        "tokenizer/1 key frame",
        "auth0-python/4",
        "basic/1.0 x",
        "x (password; linux)",
        "session/2",
    ),
    *(
        "twine/5.1.1 (keyring: 25.2.1, requests-toolbelt: 1.0.0) CPython/3.11",
        "a (compass: east)",
        "app -p 8080",
        "p: 2",
    ),
    *("bandersnatch/6.5.0 (cpython 3.11.2-final0, Linux x86_64) (aiohttp 3.9.1)", "x -- y", "password-manager 1.0"),
    *("Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0", "secret/1.2 token/3", "secret token"),
)


@pytest.mark.parametrize("told", TOLD)
def test_what_is_told_in_words_is_taken_out(told: str) -> None:
    for before, after in (("", ""), ("mine/1 ", ""), ("mine/1 (x; ", ") linux")):
        text = before + told.replace("PW", "correcthorse") + after
        kept = kept_value("user-agent", text)
        assert kept.startswith(before)
        assert "correct" not in f"{kept} {kept_name(text)} {scrubbed_headers({'user-agent': [text]})}"
        assert kept_value("user-agent", kept) == kept
        assert list(secrets_of({"headers": {"user-agent": text}}))
        assert not list(secrets_of({"headers": {"user-agent": kept}}))


@pytest.mark.parametrize("text", NONE)
def test_what_only_has_its_name_stays(text: str) -> None:
    assert kept_value("user-agent", text) == text
    assert not list(secrets_of({"headers": {"user-agent": text}}))


@pytest.mark.parametrize(
    "searched",
    [
        *(
            "secret+token",
            "token+authentication",
            "token+bucket",
            "password+generator",
            "basic+computing",
            "digest+auth",
        ),
        *(
            "api+key+manager",
            "what+is+a+secret",
            "bearer+token",
            "password-generator",
            "key:value",
            "Basic+Authentication",
        ),
        *("session+cookie", "token%20bucket", "otp", "secret+key", "python+-p", "jwt+library"),
    ],
)
def test_what_is_searched_for_stays(searched: str) -> None:
    target = f"/search/?q={searched}&page=2"
    assert kept_target(target) == target
    assert not list(secrets_of({"url": f"http://pypi.test{target}"}))


@pytest.mark.parametrize(
    "searched",
    ["password+is+PW", "my%20token%20is%20PW", "PW+is+my+password", "password:PW", "token=PW", "Token+PW", "me:PW@h"],
)
def test_what_is_told_in_a_search_is_taken_out(searched: str) -> None:
    target = f"/search/?q={searched.replace('PW', 'correcthorse')}"
    assert "correct" not in kept_target(target)
    assert list(secrets_of({"url": f"http://pypi.test{target}"}))


PROJECTS = (
    *(
        "password-generator",
        "token-bucket",
        "secret-key",
        "key",
        "token",
        "basic-auth",
        "oauth2",
        "pytest-token",
        "keyring",
    ),
    *(
        "sk-video-tools-extra",
        "pypi-attestation-models",
        "pypi-simple-and-more-of-it",
        "sk_learn_something_long",
        "PyJWT",
    ),
    *(
        "reset",
        "login",
        "session",
        "magic-link",
        "passlib",
        "rk-something-long-enough2",
        "glpat-reader-of-things",
        "confirm",
    ),
)
PLACES = (
    *("/simple/{0}/", "/project/{0}/1.0.0rc1/", "/pypi/{0}/json", "/pypi/{0}/1.2.3.post1/json", "/search/?q={0}+x"),
    *(
        "/packages/source/t/{0}/{0}-1.0.0.tar.gz",
        "/simple/{0}/{0}-1.0.0-py3-none-any.whl",
        "/rss/project/{0}/releases.xml",
    ),
    *(
        "/packages/aa/bb/" + "c0" * 30 + "/{0}-1.0.0.tar.gz.asc",
        "/pypi?:action=display&name={0}&version=1.0",
        "/user/{0}/",
    ),
)


@pytest.mark.parametrize("project", PROJECTS)
def test_a_project_is_called_as_it_likes(project: str) -> None:
    for place in PLACES:
        target = place.format(project)
        assert kept_target(target) == target
        assert not list(secrets_of({"url": f"http://pypi.test{target}"}))


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/project/token/correcthorse/",
            "/reset/1.0.0.dev12345/",
            "/simple/token/x/correcthorse",
            "/pypi/reset/correct-1.0",
        ),
        *("/packages/source/t/token/correcthorse.tar.gz", "/reset/MQ/reset-1.0.tar.gz", "/sk-aB3dE5fG7hJ9kLmNpQrS/"),
    ],
)
def test_behind_its_name_is_no_hiding_place(target: str) -> None:
    assert "[hidden]" in kept_target(target)
    assert list(secrets_of({"url": f"http://pypi.test{target}"}))


@pytest.mark.parametrize(
    "record", [{"arm": "password is hunter2"}, {"rule": "the token correcthorse"}, {"why": "pw is: a"}]
)
def test_whoever_wrote_it_into_another_place_is_told(record: dict[str, str]) -> None:
    assert list(secrets_of(record))


def test_it_takes_no_longer_for_what_looks_like_it() -> None:
    pieces = (
        *(
            "password ",
            "password is ",
            "-p ",
            "-p",
            "key:",
            "p:",
            "token token",
            "a is my password ",
            "pass for a ",
            " is my ",
        ),
        *(
            "password",
            "a" * 10,
            " ",
            "password (",
            "Token ",
            "basic ",
            '"',
            "pass-",
            "is the ",
            "password for ",
            "sk-a-",
            "a-",
        ),
    )
    for piece in pieces:
        text = piece * (40_000 // len(piece))
        spoken_scrubbed(text)
        searched_scrubbed(text + " is ")
        kept_target(f"/search/?q=pypi-{text[:8_000].replace(' ', '+')}")
