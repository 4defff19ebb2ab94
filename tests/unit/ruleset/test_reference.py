"""rules/README.md is the reference of the language: it is complete, and every example in it is a rule file."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path

import pytest

from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.ruleset.load import load_ruleset, parse_ruleset
from edgeproxy.ruleset.read_limits import KINDS
from edgeproxy.ruleset.shape import SHAPES

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "rules" / "README.md").read_text()
SHIPPED = [
    path for path in sorted((ROOT / "rules").rglob("*.yaml")) if path.parent.name != "parts"
]  # parts are included
EXAMPLES = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
# An example whose first line is the name of a file can be included by others.
FILES = {found[1]: text for text in EXAMPLES if (found := re.match(r"# (\S+\.yaml)\n", text))}

# What an example leaves out because it shows something else.
DEFAULT_SECTIONS = {
    "edge": "edge: 1\n",
    "listen": 'listen: [{address: "127.0.0.1:8080"}]\n',
    "hosts": "hosts: {app: {names: [pypi.test]}}\n",
    "backends": 'backends: {modern: {url: "http://127.0.0.1:8082"}}\n',
    "rules": 'rules: [{name: all, match: {path: "/{rest*}"}, respond: {status: 404}}]\n',
}


def completed(example: str) -> str:
    here = example + "".join(text for name, text in FILES.items() if f"include: [{name}]" in example)
    missing = [text for section, text in DEFAULT_SECTIONS.items() if not re.search(f"^{section}:", here, re.M)]
    return "".join(missing) + example


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_reference_loads(example: str) -> None:
    assert parse_ruleset(completed(example), "README.md", base=ROOT / "rules", included=FILES).rules


@pytest.mark.parametrize("key", sorted({key for shape in SHAPES for key in shape.keys}))
def test_the_reference_speaks_of_every_key(key: str) -> None:
    assert f"`{key}`" in REFERENCE


@pytest.mark.parametrize("key", sorted({key for shape in SHAPES for key in shape.keys}))
def test_the_reference_shows_every_key(key: str) -> None:
    assert any(re.search(rf"\b{key}:", example) for example in EXAMPLES)


@pytest.mark.parametrize("field", fields(Limits), ids=lambda field: field.name)
def test_the_reference_has_every_limit_with_its_default(field: Field[float]) -> None:
    row = re.search(rf"^\| `{field.name}` \| [^|]+ \| `([^`|]+)` \|$", REFERENCE, re.M)
    assert row is not None
    assert KINDS[field.name].read(row[1]) == getattr(DEFAULT_LIMITS, field.name)


def test_the_reference_shows_the_limits_as_they_are_without_it() -> None:
    example = next(each for each in EXAMPLES if re.search("^  rate_slots:", each, re.M))
    assert parse_ruleset(completed(example), "README.md", base=ROOT).limits == DEFAULT_LIMITS


@pytest.mark.parametrize("name", [each.value for each in Filter])
def test_the_reference_speaks_of_every_filter(name: str) -> None:
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_rule_file_that_is_shipped_loads(path: Path) -> None:
    assert load_ruleset(path).rules
