"""Few shapes and few families, whoever asks for what."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.migration.comparing.families import BOT, BROWSER, UNNAMED, family_of
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.template import PathTemplate

DIGEST = "ab/cd/" + "0" * 60


def template(path: str) -> PathTemplate:
    text = f"""edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}}}
rules: [{{name: a, match: {{path: "{path}"}}, respond: {{status: 404}}}}]
"""
    (rule,) = parse_ruleset(text, "rules.yaml", base=Path("/")).rules
    assert isinstance(rule.match.path, PathTemplate)
    return rule.match.path


def test_the_rules_template_says_it_best() -> None:
    assert shape_of("/simple/six/", template("/simple/{project}/")) == "/simple/{project}/"


def test_what_a_template_leaves_open_is_guessed() -> None:
    assert (
        shape_of("/packages/" + DIGEST + "/six-1.zip", template("/packages/{rest*}"))
        == "/packages/{hex}/{hex}/{hex}/{file}"
    )
    assert shape_of("/a/pypi/six/json", template("/{x}/{rest*}")) == "/{x}/pypi/{name}/json"


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", "/"),
        ("/simple/", "/simple/"),
        ("/simple/six/", "/simple/{name}/"),
        ("/pypi/six/1.17.0/json", "/pypi/{name}/{version}/json"),
        (f"/packages/{DIGEST}/six-1.17.0-py2.py3-none-any.whl.metadata", "/packages/{hex}/{hex}/{hex}/{file}"),
        ("/packages/source/s/six/six-1.17.0.tar.gz", "/packages/source/{name}/{name}/{file}"),
        ("/user/4217", "/user/{number}"),
        ("/" + "/".join("abcdefghijkl"), "/" + "/".join(["{name}"] * 8) + "/{rest*}"),
    ],
)
def test_without_a_template_words_are_kept_and_names_are_not(path: str, shape: str) -> None:
    assert shape_of(path) == shape


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
        ("", UNNAMED),
        ("()", UNNAMED),
        ("x" * 1000, UNNAMED),
        ("\x00\xff", UNNAMED),
    ],
)
def test_a_family_is_a_program_without_its_version(user_agent: str, family: str) -> None:
    assert family_of(user_agent) == family
