"""Few families, whatever clients send."""

from __future__ import annotations

import pytest

from edgeproxy.migration.comparing.families import BOT, BROWSER, OTHER, UNNAMED, family_of


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ('pip/26.3 {"ci":null}', "pip"),
        ("uv/0.13.9", "uv"),
        ("twine/7.0.0 CPython/3.11.7", "twine"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", BROWSER),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.crawler.test/bot.html)", BOT),
        ("bandersnatch/6.5.0 (cpython 3.11.7)", "bandersnatch"),
        ("python-requests/2.32.3", "requests"),
        ("Go-http-client/1.1", "go"),
        ("setuptools/40.0", "setuptools"),
        ("Python/3.11 aiohttp/3.14", "python"),
        ("my-own-tool/1.0", OTHER),
        ("", UNNAMED),
        ("()", UNNAMED),
        ("x" * 1000, UNNAMED),
        ("\x00\xff", UNNAMED),
    ],
)
def test_a_family_is_a_program_without_its_version(user_agent: str, family: str) -> None:
    assert family_of(user_agent) == family
