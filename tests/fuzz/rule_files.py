"""What no rule file may bring about: a traceback, a problem that cannot be shown, or a layout that changes what it says.

Texts are near those that are shipped and near the wrong ones of the golden tests: octets and words are changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import yaml

from edgeproxy.ruleset.layout import formatted
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.nodes import without_places
from edgeproxy.ruleset.reader import read_nodes
from edgeproxy.ruleset.shape import SHAPES

_ROOT: Final = Path(__file__).parents[2]
_FOLDERS: Final = (_ROOT / "rules", _ROOT / "tests" / "unit" / "ruleset")
_LONGEST: Final = 8_000  # characters of a seed
_BASE: Final = Path("/nowhere")
_WORD: Final = re.compile(r"[\w.*/-]+|[^\w\s]|\s+")
_KEYS: Final = tuple(sorted({key for shape in SHAPES for key in shape.keys}))
TOKENS: Final = (
    "{", "}", "[", "]", ",", ":", ": ", "- ", "# x", "\n", "\n  ", "\n    - ", "'", '"', "|", ">", "|+\n  x\n\n", "&a ", "*a", "!!str ", "---\n",
    "...\n", "%YAML 1.1\n", "\t", "\r\n", "\r", "\x85", "\u2028", "\ufeff", "\0", "\x7f", "\U0001f600", "é", "~", "null", "yes", "0", "-1",
    "1e400", "9" * 30, "100", "50.0001", "{a*}", "{a:[a-z]+}", "{a:(}", "{a:(?P<b>x)}", "{a:x{1000}}", "{a|pep503}", "{a|nope}", "%2f", "%zz",
    "//", "..", "/../", "http://", "https://[::1", "http://pypi.test:99999", "unix:", "unix:" + "x" * 200, "0.0.0.0:0", "::1", "10.0.0.0/8",
    "1s", "1ms", "1GiB", "10/s", "GET", "get", "? ", "<<: ", "a" * 300, "\\", "\\x00", "include: [a.yaml]\n",
)  # fmt: skip


class Broken(AssertionError):
    """A law that does not hold."""


@dataclass
class Tally:
    """What executions came to, so that a run shows that it went deep."""

    executions: int = 0
    rulesets: int = 0
    refused: int = 0
    formatted: int = 0


class RuleFiles:
    def __init__(self) -> None:
        self.right, self.wrong = (_texts(folder) for folder in _FOLDERS)
        self.tally = Tally()

    def execute(self, random: Random) -> None:
        text = random.choice(self.right if random.random() < 0.6 else self.wrong)
        for _ in range(random.choice((1, 1, 2, 3, 6))):
            text = self.changed(random, text)
        included = {f"{name}.yaml": random.choice(self.wrong) for name in ("a", "hosts", "b")}
        self.check(text, included)

    def check(self, text: str, included: Mapping[str, str]) -> None:
        """Raises whatever the reader raises beside RuleFileError, and Broken."""
        self.tally.executions += 1
        try:
            parse_ruleset(text, "rules.yaml", base=_BASE, included=included)
        except RuleFileError as error:
            self._check_problems(error)
            self.tally.refused += 1
        else:
            self.tally.rulesets += 1
        self._check_layout(text)

    def _check_problems(self, error: RuleFileError) -> None:
        said = str(error)
        if not error.problems or not all(
            f"{each.place}: {each.code}: {each.message}" in said for each in error.problems
        ):
            raise Broken(f"a problem is not shown: {said}")

    def _check_layout(self, text: str) -> None:
        root, problems = read_nodes(text, "rules.yaml")
        if root is None or problems:
            return
        self.tally.formatted += 1
        after = formatted(text)
        again, problems = read_nodes(after, "rules.yaml")
        if again is None or problems or without_places(again) != without_places(root):
            raise Broken(f"the layout changes what the file says: {text!r}: {after!r}")
        if formatted(after) != after:
            raise Broken(f"the layout is not at rest: {text!r}: {after!r}: {formatted(after)!r}")
        if comments(after) != comments(text):
            raise Broken(f"comments are lost: {text!r}: {after!r}")

    def changed(self, random: Random, text: str) -> str:
        """One change: to characters, to a word, or to whole lines."""
        match random.randrange(5):
            case 0:
                start = random.randint(0, len(text))
                return text[:start] + random.choice(TOKENS) + text[start + random.choice((0, 0, 1, 3)) :]
            case 1:
                start = random.randint(0, len(text))
                return (
                    text[:start]
                    + chr(random.choice((random.randrange(128), random.randrange(0x3000))))
                    + text[start + 1 :]
                )
            case 2:
                words = _WORD.findall(text)
                words[random.randrange(len(words))] = random.choice((*TOKENS, *_KEYS, random.choice(words)))
                return "".join(words)
            case 3:
                lines = text.splitlines(keepends=True)
                place = random.randrange(len(lines))
                line = random.choice(
                    (lines[place], " " + lines[place], lines[place].removeprefix("  "), "\n", "# c\n", "")
                )
                lines[place : place + random.randrange(2)] = [line]
                return "".join(lines) or " "
            case _:
                other = random.choice(random.choice((self.right, self.wrong)))
                cut, joint = random.randint(0, len(text)), random.randint(0, len(other))
                return text[:cut] + other[joint:] or " "


def _texts(folder: Path) -> list[str]:
    texts = [path.read_bytes().decode("utf-8", "replace") for path in sorted(folder.rglob("*.yaml"))]
    return [text for text in texts if len(text) < _LONGEST]


def comments(text: str) -> list[str]:
    """The comments of a text, in order: what stands between its tokens, and in the headers of block texts."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found: list[str] = []
    at = 0
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        found += re.findall("#.*", text[at : token.start_mark.index])
        at = max(at, token.end_mark.index)
    return [comment.rstrip() for comment in found + re.findall("#.*", text[at:])]
