"""rules/README.md is the reference of the language: it is complete, and every example in it is a rule file."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path

import pytest

from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.ruleset.caches import DEFAULT_CACHE
from edgeproxy.ruleset.filters import Filter
from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.ruleset.load import load_ruleset, parse_ruleset
from edgeproxy.ruleset.modifiers import Cache
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.quantities import read_size, written_size
from edgeproxy.ruleset.read_cache_settings import LEAST
from edgeproxy.ruleset.read_limits import KINDS
from edgeproxy.ruleset.shape import CACHE, CACHE_SETTINGS, FILE, SHAPES

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


def section(heading: str) -> str:
    """From this heading to the next one of its level or above."""
    level = heading.partition(" ")[0]
    after = REFERENCE.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(level)}}} ", re.sub(r"```.*?```", "", after, flags=re.DOTALL), flags=re.M)[0]


def rows(text: str) -> dict[str, list[str]]:
    """The cells of a text's tables behind the first one, by each word that stands there in code marks."""
    found = re.findall(r"^\| (`[^|]+) \| (.+) \|$", text, re.M)
    return {name: cells.split(" | ") for words, cells in found for name in re.findall("`([^`]+)`", words)}


def test_the_reference_has_every_section_and_says_which_are_needed() -> None:
    table = rows(REFERENCE.partition("\n## ")[0])
    assert set(table) == {*FILE.required, *FILE.optional}
    assert {name for name, (_, needed) in table.items() if needed.startswith("yes")} == set(FILE.required)


def test_the_reference_leads_to_every_folder_of_rules() -> None:
    folders = {path.relative_to(ROOT / "rules") for path in (ROOT / "rules").rglob("*.yaml")}
    listed = re.findall(r"\]\(([a-z/-]+)", REFERENCE.partition("\n## ")[0])
    assert {each.parts[0] for each in folders} <= {name.partition("/")[0] for name in listed}


def test_the_reference_has_every_setting_of_the_cache_with_its_default() -> None:
    table = rows(section("## `cache`"))
    assert tuple(table) == CACHE_SETTINGS.keys
    for key in ("memory", "disk", "largest"):
        said = re.match("`([^`]+)`", table[key][1])
        assert said is not None
        assert read_size(said[1]) == getattr(DEFAULT_CACHE, key)
        assert f"`{written_size(LEAST[key])}` or more" in table[key][0]
    assert (DEFAULT_CACHE.directory, DEFAULT_CACHE.purge_token) == (None, None)


def test_the_reference_has_what_a_rule_says_of_its_cache_in_one_table() -> None:
    table = rows(section("### `cache` and `tags`").split("####")[0])
    assert set(table) == set(CACHE.keys)
    nothing_said = Cache(Place("rules.yaml", 1, 1))
    flags = {key for key in CACHE.keys if getattr(nothing_said, key) is False}
    assert {key for key in table if table[key][1].startswith("`false`")} == flags
    by_the_answer = {key for key in table if table[key][1] == "the answer's own word"}
    assert by_the_answer == {"fresh", "negative", "stale_while_revalidate", "stale_if_error"}
    assert all(getattr(nothing_said, key) is None for key in by_the_answer)


def test_the_reference_has_every_word_for_what_became_of_a_request_and_an_answer() -> None:
    table = rows(section("#### What clients get"))
    assert set(table) == {*Outcome, *NotStored}


@pytest.mark.parametrize("name", [each.value for each in Filter])
def test_the_reference_speaks_of_every_filter(name: str) -> None:
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_rule_file_that_is_shipped_loads(path: Path) -> None:
    assert load_ruleset(path).rules
