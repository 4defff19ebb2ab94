"""From a rule file, or its text, to a ruleset."""

from __future__ import annotations

from pathlib import Path

from edgeproxy.ruleset.compile import NO_OVERRIDES, Overrides, Source, compile_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem, RuleFileError
from edgeproxy.ruleset.reader import read_nodes
from edgeproxy.ruleset.shape import Findings

__all__ = ["Overrides", "RuleFileError", "load_ruleset", "parse_ruleset"]


def load_ruleset(path: Path, *, overrides: Overrides = NO_OVERRIDES, generation: int = 1) -> Ruleset:
    """Raises RuleFileError."""
    file = str(path)
    try:
        octets = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise RuleFileError([_unreadable(file, error)], {}) from None
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RuleFileError([_not_utf8(file, octets, error.start)], {}) from None
    base = path.absolute().parent
    return parse_ruleset(text, file, base=base, overrides=overrides, generation=generation)


def parse_ruleset(
    text: str, filename: str, *, base: Path, overrides: Overrides = NO_OVERRIDES, generation: int = 1
) -> Ruleset:
    """Raises RuleFileError. `base` is where relative paths are looked up."""

    def order(problem: Problem) -> tuple[bool, str, int, int]:  # the rule file first, then the maps it names
        place = problem.place
        return place.file != filename, place.file, place.line, place.column

    root, problems = read_nodes(text, filename)
    findings = Findings(problems)
    ruleset = None
    if root is not None:
        ruleset = compile_ruleset(findings, root, Source(text, base), overrides, generation)
    if ruleset is None:
        raise RuleFileError(sorted(findings.problems, key=order), {filename: text, **findings.sources})
    return ruleset


def _unreadable(file: str, error: OSError | ValueError) -> Problem:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Problem(
        Code.UNREADABLE_FILE,
        Place(file, 1, 1),
        f"the file cannot be read: {said}",
        "rules are read from it.",
        "name a file that is there and that this user may read.",
    )


def _not_utf8(file: str, octets: bytes, index: int) -> Problem:
    before = octets[:index]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Problem(
        Code.UNREADABLE_FILE,
        Place(file, line, column),
        f"the octet 0x{octets[index]:02X} is not UTF-8",
        "rule files are UTF-8 text.",
        "save the file as UTF-8.",
    )
