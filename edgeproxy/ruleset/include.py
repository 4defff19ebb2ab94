"""A rule file and the files that it includes, as one table.

Laws of this module:
- what an included file says stands before what the including file says, depth first, in the order of `include`;
- a file is read once, however many files include it. Two paths are one file when they are the same with `.` and `..`
  taken out, by their letters: symbolic links are not followed for that;
- every file is read, and told of its problems, whatever is wrong with the others. What a file that cannot be read
  may have declared is not missed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.nodes import Items, Node, Table, Text
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem, Refusal, Related
from edgeproxy.ruleset.reader import given_twice, read_nodes
from edgeproxy.ruleset.shape import FILE, Findings, read_items, read_value, report_wrong_type

LANGUAGE_VERSION: Final = "1"
_MOST_DEPTH: Final = 16
_ONCE: Final = ("listen", "limits", "trusted_proxies", "cache", "arm_token")  # in one of the files
_LISTS: Final = ("rules",)  # joined as they come; any other section is a table, joined by its names

Entry = tuple[Text, Node]


class Unreadable(Exception):
    """A file that gives no text. `place`: where in it the trouble is, when it could be read so far."""

    def __init__(self, message: str, why: str, remedy: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.why = why
        self.remedy = remedy
        self.place = place


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What people call the file, and where it is: relative paths in it are relative to `path.parent`."""

    name: str
    path: Path

    def beside(self, written: str) -> RuleFile:
        """The file that a path in this one means."""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(self.name), written))
        return RuleFile(name, Path(posixpath.normpath(self.path.parent / written)))


ReadText = Callable[[RuleFile], str]  # raises Unreadable


@dataclass(slots=True)
class Joined:
    """The texts and the base directories are by file name, in reading order. Not `whole`: a file is missing, or a
    part of one.
    """

    root: Table | None = None
    texts: dict[str, str] = field(default_factory=dict)
    bases: dict[str, Path] = field(default_factory=dict)
    whole: bool = True

    def base_of(self, node: Node) -> Path:
        """Where relative paths are looked up that stand where this node does."""
        return self.bases[node.place.file]


def join_files(findings: Findings, main: RuleFile, read: ReadText) -> Joined:
    """Raises Unreadable for the main file; what is wrong with another one is a problem of its include."""
    return _Joiner(findings, read).join(main)


class _Joiner:
    def __init__(self, findings: Findings, read: ReadText) -> None:
        self._findings = findings
        self._read = read
        self._joined = Joined()
        self._seen: set[Path] = set()
        self._chain: list[tuple[RuleFile, Place]] = []  # the files that are open, and where each is included
        self._sections: dict[str, list[Entry]] = {}
        self._others: list[Entry] = []  # `edge`, and what is no section

    def join(self, main: RuleFile) -> Joined:
        root = self._enter(main, self._read(main), Place(main.name, 1, 1))
        if root is not None:
            sections = [self._section(key, parts) for key, parts in self._sections.items()]
            self._joined.root = Table((*self._others, *sections), root.place)
        return self._joined

    def _enter(self, file: RuleFile, text: str, included: Place) -> Table | None:
        """Take what a file says, after what those say that it includes."""
        self._seen.add(file.path)
        self._joined.texts[file.name] = text
        self._joined.bases[file.name] = file.path.parent
        root, problems = read_nodes(text, file.name)
        self._findings.problems.extend(problems)
        if root is None or not self._speaks(root, is_main=not self._chain):
            self._joined.whole = False
            return None
        self._chain.append((file, included))
        for node in self._includes(root):
            self._include(node, file)
        self._chain.pop()
        self._take(root, is_main=not self._chain)
        return root

    def _speaks(self, root: Table, *, is_main: bool) -> bool:
        """Whether a file is of this language: of a file of another one nothing could be said."""
        version = next((value for key, value in root.entries if key.value == "edge"), None)
        if version is None and not is_main:
            self._findings.report(
                Code.MISSING_KEY,
                root.place,
                "an included file needs the key 'edge'",
                "each file says for itself which version of the language it is written in.",
                f"add `edge: {LANGUAGE_VERSION}`.",
            )
        if version is None or (isinstance(version, Text) and version.value == LANGUAGE_VERSION):
            return True
        self._findings.report(
            Code.LANGUAGE_VERSION,
            version.place,
            "a version of the rule language that this edge does not know",
            f"it knows version {LANGUAGE_VERSION}.",
            f"write `edge: {LANGUAGE_VERSION}`.",
        )
        return False

    def _includes(self, root: Table) -> Sequence[Node]:
        node = next((value for key, value in root.entries if key.value == "include"), None)
        if node is None:
            return ()
        return read_items(self._findings, node, "`include` is a list of rule files, as in [hosts.yaml]") or ()

    def _include(self, node: Node, within: RuleFile) -> None:
        written = read_value(self._findings, node, _read_path, "it is the path of a rule file")
        if written is None:
            self._joined.whole = False
            return
        file = within.beside(written)
        if any(file.path == open_file.path for open_file, _ in self._chain):
            self._report_cycle(node.place, file)
        elif file.path not in self._seen and self._is_shallow(node.place):
            text = self._text(file, node.place)
            if text is not None:
                self._enter(file, text, node.place)

    def _is_shallow(self, place: Place) -> bool:
        if len(self._chain) < _MOST_DEPTH:
            return True
        self._joined.whole = False
        self._findings.report(
            Code.TOO_DEEP,
            place,
            f"more than {_MOST_DEPTH} files that include one another",
            "nobody could tell what comes before what.",
            "include it from a file nearer to the first.",
        )
        return False

    def _text(self, file: RuleFile, place: Place) -> str | None:
        try:
            return self._read(file)
        except Unreadable as error:
            self._joined.whole = False
            inside = error.place
            self._findings.report(
                Code.UNREADABLE_FILE,
                inside or place,
                error.message if inside else f"{file.name}: {error.message}",
                error.why,
                error.remedy,
                Related(place, "included here") if inside else None,
            )
            return None

    def _report_cycle(self, place: Place, file: RuleFile) -> None:
        names = [open_file.name for open_file, _ in self._chain]
        start = next(at for at, (open_file, _) in enumerate(self._chain) if open_file.path == file.path)
        around = " includes ".join([*names[start:], file.name])
        steps = [Related(at, f"{each.name} is included here") for each, at in self._chain[start + 1 :]]
        self._findings.problems.append(
            Problem(
                Code.CYCLIC_INCLUDE,
                place,
                f"a cycle: {around}",
                "what an included file says comes before what the including one says: here each would come first.",
                "remove one of these includes; what both files need goes into a third.",
                steps[0] if steps else None,
                tuple(steps[1:]),
            )
        )

    def _take(self, root: Table, *, is_main: bool) -> None:
        for key, value in root.entries:
            if key.value not in FILE.keys or (key.value == "edge" and is_main):
                self._others.append((key, value))
            elif key.value in _ONCE and key.value in self._sections:
                self._findings.problems.append(given_twice(key, self._sections[key.value][0][0]))
            elif key.value not in ("edge", "include"):
                self._sections.setdefault(key.value, []).append((key, value))

    def _section(self, name: str, parts: Sequence[Entry]) -> Entry:
        """The parts of a section as one, without those of another kind than the section is."""
        key, first = parts[0]
        if len(parts) == 1:
            return key, first
        nodes = [value for _, value in parts]
        if name in _LISTS:
            lists = [node for node in nodes if isinstance(node, Items)]
            self._refuse_others(nodes, Items, f"`{name}` is a list")
            return key, Items(tuple(node for each in lists for node in each.nodes), first.place)
        tables = [node for node in nodes if isinstance(node, Table)]
        self._refuse_others(nodes, Table, f"`{name}` is a table of names")
        return key, Table(self._unique(tables), first.place)

    def _unique(self, tables: Sequence[Table]) -> tuple[Entry, ...]:
        """The entries of tables that share their names: the first of each name is kept."""
        found: dict[str, Entry] = {}
        for key, value in (entry for table in tables for entry in table.entries):
            first, _ = found.setdefault(key.value, (key, value))
            if first is not key:
                self._findings.problems.append(given_twice(key, first))
        return tuple(found.values())

    def _refuse_others(self, nodes: Sequence[Node], kind: type[Items | Table], what: str) -> None:
        for node in nodes:
            if not isinstance(node, kind):
                self._joined.whole = False
                report_wrong_type(self._findings, node, what)


def _read_path(text: str) -> str:
    if not text or "\0" in text or text.endswith("/"):
        raise Refusal(
            Code.BAD_FILE,
            f"{text!r} is not a file",
            "it is the path of a rule file, relative to the file that includes it.",
            "write it as in hosts.yaml or shared/hosts.yaml.",
        )
    return text


def reading_order(texts: Mapping[str, str]) -> Callable[[Problem], tuple[int, int, int]]:
    """What sorts problems as people read: by file in reading order, then by line and column."""
    order = {name: at for at, name in enumerate(texts)}
    return lambda problem: (order.get(problem.place.file, len(order)), problem.place.line, problem.place.column)
