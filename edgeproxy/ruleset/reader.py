"""From the text of a rule file to nodes with places, or to problems: never to an exception of YAML's.

Nodes are put together from the parser's events: only these tell where anchors, aliases and tags stand, and an
alias can so be refused before it means anything (there is nothing for a bomb to grow from). Nesting is bounded,
and no step here recurses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from edgeproxy.ruleset.nodes import Broken, Items, Node, Table, Text, kind_of
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import LINE_END, Code, Problem, Related

_MOST_NESTING: Final = 32
# YAML 1.1 §5.1, without what only JSON or UTF-16 needs: a surrogate is no character.
_NOT_YAML: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it


def read_nodes(text: str, file: str) -> tuple[Table | None, tuple[Problem, ...]]:
    """The root table, as far as it could be read, and what is wrong with the text."""
    bad = _NOT_YAML.search(text)
    if bad is not None:
        return None, (_bad_character(text, file, bad.start()),)
    builder = _Builder(file)
    try:
        builder.take_all(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        return None, (*builder.problems, _syntax(error, text, file))
    except yaml.YAMLError as error:  # the reader's own errors carry no mark
        return None, (*builder.problems, _unreadable(str(error), Place(file, 1, 1)))
    return _root(builder)


@dataclass(slots=True)
class _Open:
    """A list or table whose end has not come. `key` waits for its value."""

    place: Place
    is_table: bool
    nodes: list[Node] = field(default_factory=list)
    entries: list[tuple[Text, Node]] = field(default_factory=list)
    keys: dict[str, Text] = field(default_factory=dict)
    key: Node | None = None


class _Builder:
    """Nodes from events."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.file = file
        self._open: list[_Open] = []
        self._documents = 0

    def take_all(self, events: Iterable[yaml.Event]) -> None:
        """Take events in turn, to the end or to a problem after which nothing more can be said.

        PERF: 10,000 rules are 200,000 events. Looked up by type they take 0.65 s; matched class by class, and with
        a dataclass for each place and text, it was 1.25 s. The parser alone takes 0.24 s.
        """
        take: Mapping[type[yaml.Event], Callable[[Any], bool]] = {
            yaml.ScalarEvent: self._take_text,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._refuse_alias,
            yaml.DocumentStartEvent: self._begin_document,
        }
        for event in events:
            taker = take.get(type(event))  # the ends of the document and of the stream say nothing new
            if taker is not None and not taker(event):
                break

    def _take_text(self, event: yaml.ScalarEvent) -> bool:
        if event.anchor is not None or event.tag is not None:
            self._refuse_anchor_and_tag(event)
        self._add(_text(event, self.file))
        return True

    def _begin(self, event: yaml.CollectionStartEvent) -> bool:
        if event.anchor is not None or event.tag is not None:
            self._refuse_anchor_and_tag(event)
        place = _place_of(event.start_mark, self.file)
        if len(self._open) == _MOST_NESTING:
            self._report(
                Code.TOO_DEEP,
                place,
                f"more than {_MOST_NESTING} lists and tables inside one another",
                "no rule needs that many.",
                "close the brackets that are open, or correct the indentation.",
            )
            return False
        self._open.append(_Open(place, isinstance(event, yaml.MappingStartEvent)))
        return True

    def _end(self, _: yaml.Event) -> bool:
        done = self._open.pop()
        if done.is_table:
            self._add(Table(tuple(done.entries), done.place))
        else:
            self._add(Items(tuple(done.nodes), done.place))
        return True

    def _begin_document(self, event: yaml.Event) -> bool:
        self._documents += 1
        return self._documents == 1 or self._refuse_document(event)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        within = self._open[-1]
        if not within.is_table:
            within.nodes.append(node)
        elif within.key is None:
            within.key = node
        else:
            key, within.key = within.key, None
            self._add_entry(within, key, node)

    def _add_entry(self, within: _Open, key: Node, value: Node) -> None:
        if isinstance(key, Broken):
            return
        if not isinstance(key, Text):
            self._report(
                Code.WRONG_TYPE,
                key.place,
                f"a key is {kind_of(key)}",
                "keys are names.",
                "write a text before the colon; quote it if it begins with a bracket.",
            )
            return
        first = within.keys.setdefault(key.value, key)
        if first is key:
            within.entries.append((key, value))
        else:
            self.problems.append(given_twice(key, first))

    def _refuse_anchor_and_tag(self, event: yaml.NodeEvent) -> None:
        anchor, tag = event.anchor, getattr(event, "tag", None)
        if anchor is not None:
            self._report(
                Code.YAML_FEATURE,
                _place_of(event.start_mark, self.file),
                f"the anchor &{anchor}",
                "a rule file says what it says in one place: anchors and aliases are not part of the language.",
                "remove it, and write the value where it is needed.",
            )
        if tag is not None:
            self._report(
                Code.YAML_FEATURE,
                _place_of(event.start_mark, self.file),
                f"the tag {tag}",
                "the key says what its value is: tags are not part of the language.",
                "remove it; quote a text that YAML would take for something else.",
            )

    def _refuse_alias(self, event: yaml.AliasEvent) -> bool:
        place = _place_of(event.start_mark, self.file)
        self._report(
            Code.YAML_FEATURE,
            place,
            f"the alias *{event.anchor}",
            "a rule file says what it says in one place: anchors and aliases are not part of the language.",
            "write the value itself; quote a text that begins with an asterisk.",
        )
        self._add(Broken(place))
        return True

    def _refuse_document(self, event: yaml.Event) -> bool:
        self._report(
            Code.YAML_FEATURE,
            _place_of(event.start_mark, self.file),
            "a second YAML document",
            "a rule file is one document; what follows would not be read.",
            "remove the line `---`.",
        )
        return False

    def _report(self, code: Code, place: Place, message: str, why: str, remedy: str) -> None:
        self.problems.append(Problem(code, place, message, why, remedy))


def given_twice(key: Text, first: Text) -> Problem:
    """A key of a table that has it already, or of one table in two files."""
    return Problem(
        Code.DUPLICATE_KEY,
        key.place,
        f"the key {key.value!r} is given twice",
        "which of the two would hold is not defined.",
        "keep one.",
        Related(first.place, "first given here"),
    )


def _root(builder: _Builder) -> tuple[Table | None, tuple[Problem, ...]]:
    if isinstance(builder.root, Table) or builder.problems:
        root = builder.root if isinstance(builder.root, Table) else None
        return root, tuple(builder.problems)
    place = Place(builder.file, 1, 1) if builder.root is None else builder.root.place
    found = "nothing" if builder.root is None else kind_of(builder.root)
    problem = Problem(
        Code.WRONG_TYPE,
        place,
        f"the file holds {found}",
        "a rule file is a table of `edge`, `listen`, `hosts`, `backends`, `splits` and `rules`.",
        "begin it with the line `edge: 1`.",
    )
    return None, (problem,)


def _text(event: yaml.ScalarEvent, file: str) -> Text:
    """Characters and columns agree where a value is as wide as what stands in the file."""
    start: Any = event.start_mark
    end: Any = event.end_mark
    style = event.style
    quotes = 1 if style == '"' or style == "'" else 0
    exact = (
        end.column - start.column == len(event.value) + 2 * quotes
        and start.line == end.line
        and style != "|"
        and style != ">"
    )
    return Text(event.value, Place(file, start.line + 1, start.column + 1), bool(style), quotes if exact else None)


def _place_of(mark: Any, file: str) -> Place:
    return Place(file, 1, 1) if mark is None else Place(file, mark.line + 1, mark.column + 1)


def _bad_character(text: str, file: str, index: int) -> Problem:
    lines = LINE_END.split(text[:index])
    return Problem(
        Code.YAML_SYNTAX,
        Place(file, len(lines), len(lines[-1]) + 1),
        f"the character U+{ord(text[index]):04X} cannot stand in YAML",
        "control characters and surrogates are not text.",
        'remove it; in double quotes it can be written as an escape, such as "\\x07".',
    )


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    place = _place_of(error.problem_mark or error.context_mark, file)
    said = error.problem or "the text cannot be read"
    lines = LINE_END.split(text)
    is_at_tab = "cannot start any token" in said or "tab character" in said
    if is_at_tab and "\t" in lines[place.line - 1][place.column - 1 : place.column]:
        return Problem(
            Code.YAML_SYNTAX,
            place,
            "a tab where indentation is",
            "YAML indents with spaces: how wide a tab is nobody can tell.",
            "replace the tab by spaces.",
        )
    within = f" {error.context}" if error.context else ""
    return _unreadable(f"{said}{within}", place)


def _unreadable(said: str, place: Place) -> Problem:
    return Problem(
        Code.YAML_SYNTAX,
        place,
        f"not YAML: {said}",
        "the file cannot be read from here on.",
        "look for a missing quote, bracket, colon or space before this place.",
    )
