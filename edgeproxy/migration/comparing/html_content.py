"""HTML documents, compared element by element.

Laws of this module:
- what a reader of the page does not see is not compared: comments, the document type, how much white space there is,
  how and in which order attributes are written, the order of classes;
- equal elements are equal exactly: each different one has a number of its own, in a table that both sides share;
- end tags that HTML lets be left out are put in where it is plain; beyond that the tree is what the tags say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from edgeproxy.migration.comparing.align import align
from edgeproxy.migration.comparing.bounds import Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.differences import Added, At, Changed, Missing, Reordered, root, shown
from edgeproxy.migration.comparing.found import Found
from edgeproxy.migration.comparing.ignores import Ignores, below
from edgeproxy.migration.comparing.markup import End, Start, tokens
from edgeproxy.ruleset.ignores import Content, ElementIgnore, Parts

_DEEPEST: Final = 4  # times the bound: pages are nested deeper than data
_VOID: Final = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_BLOCKS: Final = (
    *("address", "article", "aside", "blockquote", "div", "dl", "fieldset", "footer", "form", "h1", "h2", "h3", "h4"),
    *("h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul"),
)
# Which open element ends where another begins (WHATWG HTML §13.1.2.4), as far as pages in the field rely on it.
_ENDS: Final[Mapping[str, frozenset[str]]] = {
    **{tag: frozenset(("p",)) for tag in _BLOCKS},
    "li": frozenset(("li", "p")),
    "dt": frozenset(("dt", "dd", "p")),
    "dd": frozenset(("dt", "dd", "p")),
    "option": frozenset(("option",)),
    "optgroup": frozenset(("option", "optgroup")),
    "td": frozenset(("td", "th", "p")),
    "th": frozenset(("td", "th", "p")),
    "tr": frozenset(("td", "th", "tr")),
    "tbody": frozenset(("td", "th", "tr", "thead", "tbody")),
    "tfoot": frozenset(("td", "th", "tr", "thead", "tbody")),
    "body": frozenset(("head",)),
}


@dataclass(slots=True)
class Element:
    """`number` is that of all elements which are equal to it; a text has the tag `#text`."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    inner: list[Element] = field(default_factory=list)
    text: str = ""
    number: int = 0


class HtmlReader:
    """Reads the documents of one comparison: equal elements of all of them have one number."""

    def __init__(self, ignores: Ignores, bounds: Bounds) -> None:
        self._bounds = bounds
        self._deepest = bounds.depth * _DEEPEST
        self._elements = ignores.elements
        self._paths = ignores.within(Content.HTML)
        self._numbers: dict[Hashable, int] = {}

    def read(self, text: str) -> Element:
        opened = _Open(self._deepest)
        for token in tokens(text, self._bounds):
            match token:
                case str():
                    opened.texts.append(token)
                case Start():
                    opened.start(token)
                case End(tag=tag):
                    opened.end(tag)
                case _:
                    assert_never(token)
        opened.flush()
        self._finish(opened.top, self._paths)
        return opened.top

    def _finish(self, element: Element, patterns: tuple[Parts, ...]) -> None:
        """Take out what is ignored, and number what is left, from the inside out."""
        kept: list[Element] = []
        for each in element.inner:
            inner = below(patterns, each.tag)
            if () not in inner and self._is_kept(each, inner):
                self._finish(each, inner)
                kept.append(each)
        element.inner = kept
        key = (
            element.tag,
            element.text,
            tuple(sorted(element.attributes.items())),
            tuple([each.number for each in kept]),
        )
        element.number = self._numbers.setdefault(key, len(self._numbers))

    def _is_kept(self, element: Element, patterns: tuple[Parts, ...]) -> bool:
        """Whether the element is not ignored as such; ignored attributes are taken out of it."""
        for each in self._elements:
            if _selects(each, element):
                if each.only is None:
                    return False
                element.attributes.pop(each.only, None)
        for parts in patterns:
            if len(parts) == 1 and parts[0] is not None and parts[0].startswith("@"):
                element.attributes.pop(parts[0][1:], None)
        return True


class _Open:
    """The elements that are not closed yet, the innermost last."""

    def __init__(self, deepest: int) -> None:
        self.top = Element("")
        self.texts: list[str] = []
        self._stack = [self.top]
        self._tags: Counter[str] = Counter()  # of the stack: an end tag of nothing that is open costs no search
        self._deepest = deepest

    def start(self, token: Start) -> None:
        self.flush()
        ended = _ENDS.get(token.tag)
        while ended is not None and self._stack[-1].tag in ended:
            self._pop()
        element = Element(token.tag, {name: _written(name, value) for name, value in token.attributes.items()})
        self._stack[-1].inner.append(element)
        if token.tag in _VOID:
            return
        if len(self._stack) > self._deepest:
            raise BrokenContent(Flaw.TOO_DEEP, f"more than {self._deepest} levels of elements")
        self._stack.append(element)
        self._tags[token.tag] += 1

    def end(self, tag: str) -> None:
        """Close the innermost open element of this tag, if there is one."""
        if self._tags[tag]:
            self.flush()
            while self._pop() != tag:
                pass

    def flush(self) -> None:
        """What was text so far is a text of the innermost element."""
        text = " ".join("".join(self.texts).split())
        self.texts.clear()
        if text:
            self._stack[-1].inner.append(Element("#text", text=text))

    def _pop(self) -> str:
        tag = self._stack.pop().tag
        self._tags[tag] -= 1
        return tag


def _written(name: str, value: str) -> str:
    return " ".join(sorted(set(value.split()))) if name == "class" else value.strip()


def _selects(selector: ElementIgnore, element: Element) -> bool:
    if selector.tag is not None and selector.tag != element.tag:
        return False
    for name, value in selector.attributes:
        has = element.attributes.get(name)
        if has is None or (value is not None and value != has):
            return False
    return not selector.classes or set(selector.classes) <= set(element.attributes.get("class", "").split())


# -- comparing ----------------------------------------------------------------------------------------------------


def compare_html(found: Found, old: Element, new: Element) -> None:
    _compare_elements(found, root("html"), old, new)


def _compare_elements(found: Found, at: At, old: Element, new: Element) -> None:
    if old.number == new.number:
        return
    if old.tag == "#text":
        found.add(Changed(*at, shown(old.text), shown(new.text)))
        return
    _compare_attributes(found, at, old.attributes, new.attributes)
    aligned = align(old.inner, new.inner, lambda each: each.number, _label)
    olds, news = _places(at, old), _places(at, new)
    for before, after in aligned.pairs:
        _compare_elements(found, olds[before], old.inner[before], new.inner[after])
    for index in aligned.missing:
        found.add(Missing(*olds[index], _show(old.inner[index])))
    for index in aligned.added:
        found.add(Added(*news[index], _show(new.inner[index])))
    if aligned.is_reordered:
        found.add(Reordered(*at))


def _compare_attributes(found: Found, at: At, old: dict[str, str], new: dict[str, str]) -> None:
    for name, value in old.items():
        if name not in new:
            found.add(Missing(*at.part(f"@{name}"), shown(value)))
        elif new[name] != value:
            found.add(Changed(*at.part(f"@{name}"), shown(value), shown(new[name])))
    for name, value in new.items():
        if name not in old:
            found.add(Added(*at.part(f"@{name}"), shown(value)))


def _places(at: At, parent: Element) -> list[At]:
    """By the elements' tags, and which of its kind each is where there are several, from 1 on as XPath counts."""
    tags = [each.tag for each in parent.inner]
    several, so_far = Counter(tags), Counter[str]()
    places: list[At] = []
    for tag in tags:
        so_far[tag] += 1
        plain = at.part(tag)
        places.append(plain if several[tag] == 1 else At(f"{plain.path}[{so_far[tag]}]", plain.pattern))
    return places


def _label(element: Element) -> Hashable:
    identity = element.attributes.get("id") or element.attributes.get("name")
    return (element.tag, identity) if identity else element.tag


def _show(element: Element) -> str:
    if element.tag == "#text":
        return shown(element.text)
    attributes = "".join(f' {name}="{value}"' for name, value in element.attributes.items())
    return shown(f"<{element.tag}{attributes}>")
