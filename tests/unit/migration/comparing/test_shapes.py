"""Few shapes, whoever asks for what."""

from __future__ import annotations

from pathlib import Path

import pytest

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
