"""The canonical layout: one file with every way of writing, to the letter, and the laws for texts near all rule files."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from fuzz.rule_files import RuleFiles, comments
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.ruleset.layout import formatted
from edgeproxy.ruleset.nodes import without_places
from edgeproxy.ruleset.reader import read_nodes

ROOT = Path(__file__).parents[3]
LAYOUT = Path(__file__).parent / "layout"
SHIPPED = sorted((ROOT / "rules").rglob("*.yaml"))
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "rules" / "README.md").read_text(), re.DOTALL)
BLANKS = st.sampled_from(["", " ", "   "])
RULE_FILES = RuleFiles()


def test_every_way_of_writing() -> None:
    assert formatted((LAYOUT / "everything.yaml").read_text()) == (LAYOUT / "everything.txt").read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_is_in_its_layout(path: Path) -> None:
    assert formatted(path.read_text()) == path.read_text()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_reference_is_in_its_layout(example: str) -> None:
    assert formatted(example) == example


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:   b\r\n\r\n\r\n\r\nc: d\r\n\r\n", "a: b\n\nc: d\n"),
        ("\ufeff\n\n# lead\na: b", "# lead\na: b\n"),
        ("a:\n- b\n-   c\n", "a:\n  - b\n  - c\n"),
        ("a: {b :  c,d: [ e,f ] }\n", "a: {b: c, d: [e, f]}\n"),
        ("aa:  {x: y}\nb:   {x: y}\n", "aa: {x: y}\nb:  {x: y}\n"),  # aligned, and stays so
        ("aa:    {x: y}\nb:   {x: y}\n", "aa: {x: y}\nb: {x: y}\n"),
        ("a: b # c\nd: e\n", "a: b  # c\nd: e\n"),
        ("a: b      # c\n          # goes on\n# own\n", "a: b      # c\n          # goes on\n# own\n"),
        ("a: |\n        x\n         y\nb: c\n", "a: |\n  x\n   y\nb: c\n"),
        ("a: |+\n  x\n\n\nb: c\n", "a: |+\n  x\n\n\nb: c\n"),
        ("a: |\n  x\n\n\n\nb: c\n", "a: |\n  x\n\nb: c\n"),
        ("a: |\n  x", "a: |\n  x"),  # without a line's end it is another text
        ("a: [\n# c\n     b,\n   ]\n", "a: [\n  # c\n  b,\n]\n"),
        ("a: b\u2028c: d\n", "a: b\u2028c: d\n"),
    ],
)
def test_one_thing_at_a_time(before: str, after: str) -> None:
    assert formatted(before) == after


@given(st.integers(0, 2**32))
def test_texts_near_all_rule_files_keep_what_they_say_and_their_comments(seed: int) -> None:
    RULE_FILES.execute(Random(seed))


@given(st.data())
def test_blanks_between_tokens_do_not_count(data: st.DataObject) -> None:
    """Any blanks put where they do not matter are gone again."""
    text = data.draw(st.sampled_from(SHIPPED)).read_text()
    lines = []
    for line in text.splitlines():
        ends = "" if line.lstrip().startswith("#") else data.draw(BLANKS)
        lines.append(line + ends + "\n" * data.draw(st.sampled_from([1, 1, 1, 2])) if not line else line + ends + "\n")
    assert formatted("".join(lines)) == text


@pytest.mark.parametrize("name", ["1-legacy-only.yaml", "tls.yaml"])
def test_another_indentation_is_the_same_in_the_end(name: str) -> None:
    text = next(path for path in SHIPPED if path.name == name).read_text()
    indented = [" " * (len(line) - len(line.lstrip(" "))) + line + "\n" for line in text.splitlines()]
    wide = "".join(re.sub("^( *)- ", r"\1-   ", line) for line in indented)
    assert comments(formatted(wide)) == comments(text)
    first, second = read_nodes(formatted(wide), "a")[0], read_nodes(text, "a")[0]
    assert first is not None
    assert second is not None
    assert without_places(first) == without_places(second)
