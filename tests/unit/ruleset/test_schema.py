"""The JSON Schema takes every rule file that the edge takes, and refuses what is wrong in form."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edgeproxy.cli.main import main
from edgeproxy.ruleset.nodes import Broken, Items, Node, Table, Text
from edgeproxy.ruleset.reader import read_nodes
from edgeproxy.ruleset.schema import TABLES, json_schema
from edgeproxy.ruleset.shape import SHAPES

ROOT = Path(__file__).parents[3]
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "rules" / "README.md").read_text(), re.DOTALL)
FILES = sorted((ROOT / "rules").rglob("*.yaml"))
PROBLEMS = Path(__file__).parent / "problems"
VALIDATOR = Draft202012Validator(json_schema())


def as_json(node: Node | None) -> object:
    """As an editor reads YAML 1.2 (core schema)."""
    match node:
        case Text(value=value, quoted=False) if re.fullmatch(r"[-+]?[0-9]+", value):
            return int(value)
        case Text(value=value, quoted=False) if re.fullmatch(r"[-+]?[0-9]*\.[0-9]+(e[-+]?[0-9]+)?", value, re.I):
            return float(value)
        case Text(value="true" | "false" as value, quoted=False):
            return value == "true"
        case Text(value="" | "~" | "null", quoted=False) | Broken() | None:
            return None
        case Text(value=value):
            return value
        case Items(nodes=nodes):
            return [as_json(each) for each in nodes]
        case Table(entries=entries):
            return {key.value: as_json(value) for key, value in entries}


def errors_of(text: str) -> list[str]:
    root, _ = read_nodes(text, "rules.yaml")
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(as_json(root))]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_every_key_of_every_shape_is_in_it_and_described() -> None:
    tables = {id(each.shape): each for each in TABLES}
    for shape in SHAPES:
        assert id(shape) in tables, f"{shape.what} is not in TABLES"
        keys = tables[id(shape)].keys
        assert set(keys) == set(shape.keys), shape.what
        assert all(key.says for key in keys.values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_rule_file_that_is_shipped_is_valid(path: Path) -> None:
    assert errors_of(path.read_text()) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_reference_is_valid(example: str) -> None:
    assert errors_of(example if example.startswith("edge:") or "\nedge:" in example else f"edge: 1\n{example}") == []


@pytest.mark.parametrize("name", ["unknown-keys", "wrong-types", "missing-keys", "root-is-a-list", "empty-values"])
def test_what_is_wrong_in_form_is_not_valid(name: str) -> None:
    assert errors_of((PROBLEMS / f"{name}.yaml").read_text())


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ("hosts: {app: {names: [pypi.test], nmaes: [a]}}", "$.hosts.app"),
        ("limits: {idle: 30}", "$.limits.idle"),
        ("limits: {connections: 0}", "$.limits.connections"),
        ("rules: [{name: a, match: {path: /}}]", "$.rules[0]"),
        ("rules: [{name: a, match: {path: /}, respond: {status: 404}, files: {directory: .}}]", "$.rules[0]"),
        ("rules: [{name: a, match: {path: /}, redirect: {to: /b, status: 300}}]", "$.rules[0].redirect.status"),
        ("backends: {a: {url: ftp://a}}", "$.backends.a.url"),
    ],
)
def test_an_editor_is_told_where(wrong: str, where: str) -> None:
    assert [error.partition(": ")[0] for error in errors_of(f"edge: 1\n{wrong}\n")] == [where]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
