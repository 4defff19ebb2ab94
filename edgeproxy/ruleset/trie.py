"""A trie over the segments of path templates, with something at the end of each.

Laws of this module:
- templates that differ in nothing but the names of their captures end at one point, and no others do;
- `lowest` is the index of the first rule at or below a node, so that a walk can leave out what comes too late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar, assert_never

from edgeproxy.ruleset.segment import (
    Affixed,
    Expression,
    Literal,
    Mixed,
    Segment,
    Whole,
    nameless,
    show,
    tester,
)
from edgeproxy.ruleset.template import PathTemplate

NEVER: Final = 1 << 62  # an index after every rule


class End(Protocol):
    """What stands at the end of templates: their rules, of which `lowest` is the first one's index."""

    lowest: int


E = TypeVar("E", bound=End)


@dataclass(slots=True)
class Node(Generic[E]):
    """A point between two segments. `end`: the path ends here; `rest`: whatever follows does not matter."""

    lowest: int = NEVER
    literals: dict[str, Node[E]] = field(default_factory=dict)
    patterns: dict[Segment, tuple[Callable[[str], bool], Node[E]]] = field(default_factory=dict)
    whole: Node[E] | None = None
    end: E | None = None
    rest: E | None = None


def insert(root: Node[E], template: PathTemplate, end: E) -> None:
    """Put an end where a template ends. Each shape of template is put in once."""
    node = root
    node.lowest = min(node.lowest, end.lowest)
    for segment in template.segments:
        node = _child(node, segment)
        node.lowest = min(node.lowest, end.lowest)
    if template.rest is None:
        node.end = end
    else:
        node.rest = end


def ends(node: Node[E], parts: Sequence[str], at: int) -> Iterator[E]:
    """Every end that the parts of a path from `at` on reach."""
    if at == len(parts):
        if node.end is not None:
            yield node.end
        return
    if node.rest is not None:
        yield node.rest
    part = parts[at]
    if part in node.literals:
        yield from ends(node.literals[part], parts, at + 1)
    if node.whole is not None and part:
        yield from ends(node.whole, parts, at + 1)
    for matches, child in node.patterns.values():
        if matches(part):
            yield from ends(child, parts, at + 1)


def lines(node: Node[E], indent: str, describe: Callable[[E], str]) -> Iterator[str]:
    """A line for each branch, with what ends there."""
    branches = [(text, child) for text, child in node.literals.items()]
    if node.whole is not None:
        branches.append(("{}", node.whole))
    branches += [(show(segment), child) for segment, (_, child) in node.patterns.items()]
    for text, child in branches:
        yield f"{indent}/{text}{'' if child.end is None else describe(child.end)}"
        yield from lines(child, f"{indent}  ", describe)
    if node.rest is not None:
        yield f"{indent}/{{*}}{describe(node.rest)}"


def _child(node: Node[E], segment: Segment) -> Node[E]:
    match segment:
        case Literal(text=text):
            if text not in node.literals:
                node.literals[text] = Node()
            return node.literals[text]
        case Whole():
            node.whole = node.whole or Node()
            return node.whole
        case Affixed() | Expression() | Mixed():
            return node.patterns.setdefault(nameless(segment), (tester(segment), Node()))[1]
        case _:
            assert_never(segment)
