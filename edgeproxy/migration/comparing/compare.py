"""Two answers compared, by the kind that a rule declares.

Laws of this module:
- `compare(kind, x, x)` finds nothing, for any x whose content is there as a whole: the same octets under the same media
  type are the same, readable or not;
- where the status differs nothing else is compared, but that a file which one side gives, and the other one redirects
  to elsewhere under the same path, is on another host; of an answer that is no success (2xx) only `exact` compares the
  content: nobody reads the page of a 404;
- content that cannot be read is a finding of its own for the side that it comes from. Nothing here raises, and time and
  memory are in proportion to the two answers, within the bounds;
- two answers without content (to HEAD, of a 204) have the same content, whatever their media types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, assert_never

from edgeproxy.migration.comparing.answers import Answer, digest_of
from edgeproxy.migration.comparing.bounds import BOUNDS, Bounds, BrokenContent, Flaw
from edgeproxy.migration.comparing.decoding import html_text
from edgeproxy.migration.comparing.differences import (
    At,
    Changed,
    Difference,
    Side,
    StatusChanged,
    Unreadable,
    root,
    shown,
)
from edgeproxy.migration.comparing.file_places import moved_file
from edgeproxy.migration.comparing.found import Found
from edgeproxy.migration.comparing.headers import compare_headers
from edgeproxy.migration.comparing.html_content import HtmlReader, compare_html
from edgeproxy.migration.comparing.ignores import NOTHING_DECLARED, Ignores
from edgeproxy.migration.comparing.json_content import read_json
from edgeproxy.migration.comparing.redirects import compare_redirects
from edgeproxy.migration.comparing.simple_html import SimpleHtmlReader
from edgeproxy.migration.comparing.simple_index import Page, compare_pages
from edgeproxy.migration.comparing.simple_json import read_simple_json
from edgeproxy.migration.comparing.trees import Tree, compare_trees, prune, without_empty
from edgeproxy.migration.comparing.xmlrpc_content import read_xmlrpc
from edgeproxy.ruleset.ignores import Content
from edgeproxy.ruleset.modifiers import Comparison

T = TypeVar("T")

_HTML_TYPES = frozenset(("text/html", "application/vnd.pypi.simple.v1+html"))
_JSON_TYPES = frozenset(("application/json", "application/vnd.pypi.simple.v1+json"))
_CONTEXT = 40  # octets that are shown before the first one that differs


def compare(
    kind: Comparison, old: Answer, new: Answer, ignores: Ignores = NOTHING_DECLARED, bounds: Bounds = BOUNDS
) -> tuple[Difference, ...]:
    """What the new side's answer has otherwise than the old side's, without what is ignored."""
    found = Found(bounds.differences, ignores)
    if kind is Comparison.REDIRECT:
        compare_redirects(found, old, new)
        compare_headers(found, kind, old, new)
        return found.all()
    if (old.status, new.status) in ignores.statuses:
        return ()
    if old.status != new.status:
        moved = moved_file(old, new) if kind is Comparison.FILE else None
        found.add(moved or StatusChanged(old.status, new.status))
        return found.all()
    compare_headers(found, kind, old, new)
    if kind is Comparison.EXACT or old.is_success:
        _compare_content(kind, old, new, ignores, bounds, found)
    return found.all()


def _compare_content(
    kind: Comparison, old: Answer, new: Answer, ignores: Ignores, bounds: Bounds, found: Found
) -> None:
    if kind is Comparison.FILE and _size_of(old) is not None and _size_of(new) is not None:
        _compare_files(found, old, new)
        return
    for side, answer in ((Side.OLD, old), (Side.NEW, new)):
        if answer.flaw is not None:
            found.add(Unreadable(side, answer.flaw, answer.why))
    if old.flaw is not None or new.flaw is not None or _have_same_content(kind, old, new):
        return
    match kind:
        case Comparison.EXACT:
            _compare_octets(found, old.content, new.content)
        case Comparison.FILE | Comparison.REDIRECT:
            pass  # compared above
        case Comparison.JSON:
            _compare_values(found, Content.JSON, old, new, ignores, lambda each: read_json(each.content, bounds))
        case Comparison.XMLRPC:
            _compare_values(found, Content.XMLRPC, old, new, ignores, lambda each: _xmlrpc(each, bounds))
        case Comparison.HTML:
            reader = HtmlReader(ignores, bounds)
            trees = _both(found, old, new, lambda each: reader.read(_html(each)))
            if trees is not None:
                compare_html(found, *trees)
        case Comparison.SIMPLE_INDEX:
            page_reader = SimpleHtmlReader(bounds)
            pages = _both(found, old, new, lambda each: _page(each, page_reader, bounds))
            if pages is not None:
                compare_pages(found, ignores.within(Content.INDEX), *pages)
        case _:
            assert_never(kind)


def _have_same_content(kind: Comparison, old: Answer, new: Answer) -> bool:
    if old.content != new.content:
        return False
    is_one_reading = kind is Comparison.EXACT or old.values("content-type") == new.values("content-type")
    return is_one_reading or not old.content


def _both(found: Found, old: Answer, new: Answer, read: Callable[[Answer], T]) -> tuple[T, T] | None:
    """Both sides' content, as it is read; None, with findings, where one cannot be."""
    values: list[T] = []
    for side, answer in ((Side.OLD, old), (Side.NEW, new)):
        try:
            values.append(read(answer))
        except BrokenContent as broken:
            found.add(Unreadable(side, broken.flaw, shown(broken.why)))
    return None if len(values) < len(Side) else (values[0], values[1])


# -- kinds of content -----------------------------------------------------------------------------------------------


def _compare_values(
    found: Found, content: Content, old: Answer, new: Answer, ignores: Ignores, read: Callable[[Answer], Tree]
) -> None:
    trees = _both(found, old, new, read)
    if trees is None:
        return
    patterns = ignores.within(content)
    if patterns:
        for tree in trees:
            prune(tree, patterns)
    if content is Content.JSON and ignores.takes_empty:
        for tree in trees:
            without_empty(tree)
    compare_trees(found, root(content), *trees)


def _xmlrpc(answer: Answer, bounds: Bounds) -> Tree:
    return read_xmlrpc(answer.content, answer.values("content-type"), bounds)


def _html(answer: Answer) -> str:
    return html_text(answer.content, answer.values("content-type"))


def _page(answer: Answer, html: SimpleHtmlReader, bounds: Bounds) -> Page:
    media_type = answer.media_type
    if media_type in _HTML_TYPES:
        return html.read(_html(answer), answer.url)
    if media_type in _JSON_TYPES:
        return read_simple_json(answer.content, bounds, answer.url)
    said = ", ".join(answer.values("content-type"))
    raise BrokenContent(Flaw.NOT_THE_KIND, f"no installer takes the content type {said[:100]!r} for a simple page")


# -- octets -------------------------------------------------------------------------------------------------------


def _compare_octets(found: Found, old: bytes, new: bytes) -> None:
    at = _first_difference(old, new)
    before, after = (_excerpt(each, at) for each in (old, new))
    found.add(Changed(*At("content", "content"), before, after))


def _first_difference(old: bytes, new: bytes) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:  # PERF: by halves, with comparisons of whole slices, not octet by octet
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(content: bytes, at: int) -> str:
    start = max(at - _CONTEXT, 0)
    text = content[start : at + 2 * _CONTEXT].decode("utf-8", "backslashreplace")
    return shown(f"octet {at} of {len(content)}: {'…' if start else ''}{text}")


def _compare_files(found: Found, old: Answer, new: Answer) -> None:
    before, after = _size_of(old), _size_of(new)
    if before != after:
        found.add(Changed(*At("content:size", "content:size"), str(before), str(after)))
    elif (before_hash := old.digest or digest_of(old.content)) != (after_hash := new.digest or digest_of(new.content)):
        found.add(Changed(*At("content:sha256", "content:sha256"), before_hash, after_hash))


def _size_of(answer: Answer) -> int | None:
    """How large the file is, where that is known: by its octets, or by those who hashed it as it came."""
    if answer.digest:
        return answer.size if answer.size is not None else len(answer.content)
    return None if answer.flaw is not None else _said_size(answer)


def _said_size(answer: Answer) -> int:
    """The answer to HEAD says how large the file is; the length of coded content is of no file."""
    said = answer.values("content-length")
    if answer.content or len(said) != 1 or not said[0].isdecimal() or answer.values("content-encoding"):
        return len(answer.content)
    return int(said[0][:18])
