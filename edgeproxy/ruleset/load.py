"""From a rule file and those it includes, or their texts, to a ruleset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edgeproxy.ruleset.compile import NO_OVERRIDES, Overrides, compile_ruleset
from edgeproxy.ruleset.include import ReadText, RuleFile, Unreadable, join_files, reading_order
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem, RuleFileError
from edgeproxy.ruleset.read_moves import NO_MAPS
from edgeproxy.ruleset.shape import Findings

__all__ = ["Overrides", "RuleFileError", "load_ruleset", "parse_ruleset", "read_text"]

_NO_TEXTS: Final[Mapping[str, str]] = MappingProxyType({})


def load_ruleset(path: Path, *, overrides: Overrides = NO_OVERRIDES, generation: int = 1) -> Ruleset:
    """Raises RuleFileError."""
    return _ruleset(RuleFile(str(path), path.absolute()), read_text, overrides, generation)


def parse_ruleset(
    text: str,
    filename: str,
    *,
    base: Path,
    included: Mapping[str, str] = _NO_TEXTS,
    maps: Mapping[Path, Moves] = NO_MAPS,
    overrides: Overrides = NO_OVERRIDES,
    generation: int = 1,
) -> Ruleset:
    """Raises RuleFileError. `base` is where relative paths are looked up; `included` are the texts of other files by
    name, such as the `sources` of a ruleset; `maps` are its maps. No file is read but a map that is not among them.
    """
    main = RuleFile(filename, base / Path(filename).name)

    def read(file: RuleFile) -> str:
        if file == main:
            return text
        if file.name in included:
            return included[file.name]
        raise Unreadable("the file is not at hand", "the rules were read from a text.", "give the text of it too.")

    return _ruleset(main, read, overrides, generation, maps)


def read_text(file: RuleFile) -> str:
    """The text of a file on disk. Raises Unreadable."""
    try:
        octets = file.path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unreadable(
            f"the file cannot be read: {said}",
            "rules are read from it.",
            "name a file that is there and that this user may read.",
        ) from None
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file.name, octets, error.start) from None


def _ruleset(
    main: RuleFile, read: ReadText, overrides: Overrides, generation: int, maps: Mapping[Path, Moves] = NO_MAPS
) -> Ruleset:
    findings = Findings()
    try:
        joined = join_files(findings, main, read)
    except Unreadable as error:
        place = error.place or Place(main.name, 1, 1)
        problem = Problem(Code.UNREADABLE_FILE, place, error.message, error.why, error.remedy)
        raise RuleFileError([problem], {}) from None
    ruleset = compile_ruleset(findings, joined, overrides, generation, maps)
    if ruleset is None:
        texts = {**joined.texts, **findings.sources}
        raise RuleFileError(sorted(findings.problems, key=reading_order(texts)), texts)
    return ruleset


def _not_utf8(file: str, octets: bytes, index: int) -> Unreadable:
    before = octets[:index]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Unreadable(
        f"the octet 0x{octets[index]:02X} is not UTF-8",
        "rule files are UTF-8 text.",
        "save the file as UTF-8.",
        Place(file, line, column),
    )
