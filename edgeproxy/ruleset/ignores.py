"""What a comparison leaves out of account, as a rule says it: `KIND:WHAT`, or `status/OLD/NEW`.

Laws of this module:
- an ignore is the text that a report shows as a difference's path, with `*` for any one part: what was found can be
  copied into a rule;
- parts are separated and escaped as in a JSON Pointer (RFC 6901): `~1` is a slash, `~0` a tilde; and `~2` is a star
  that is no wildcard, `~3` an empty name;
- what lies below an ignored path is ignored too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from edgeproxy.ruleset.modifiers import Comparison
from edgeproxy.ruleset.problems import Code, Refusal, nearest
from edgeproxy.ruleset.values import read_asked_field_name


class Content(StrEnum):
    """Kinds of content that are compared part by part, by paths into it."""

    JSON = "json"
    XMLRPC = "xmlrpc"
    INDEX = "index"  # of a simple page, whatever its form
    HTML = "html"  # the names of the elements from the outermost to the one that is meant, or to its @attribute
    FILE = "file"  # not its octets: where it lies


Parts = tuple[str | None, ...]  # None: any one


@dataclass(frozen=True, slots=True)
class HeaderIgnore:
    """A header, by its name in lower case."""

    name: str


@dataclass(frozen=True, slots=True)
class StatusIgnore:
    """That the new side says this status where the old one says that: nothing of such two answers is compared. With the
    same status twice their headers and contents may be any.
    """

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class EmptyIgnore:
    """Whether a member of JSON is null, an empty text, array or object, or is not there."""


@dataclass(frozen=True, slots=True)
class PathIgnore:
    """What a path leads to, in one kind of content, and all below it."""

    content: Content
    parts: Parts


@dataclass(frozen=True, slots=True)
class ElementIgnore:
    """Elements of HTML that have all of this; `only`: not themselves, but this attribute of theirs."""

    tag: str | None = None
    attributes: tuple[tuple[str, str | None], ...] = ()  # None: any value
    classes: tuple[str, ...] = ()
    only: str | None = None


Ignore = HeaderIgnore | StatusIgnore | EmptyIgnore | PathIgnore | ElementIgnore

_LOOKED_INTO: Final = {
    Comparison.JSON: Content.JSON,
    Comparison.XMLRPC: Content.XMLRPC,
    Comparison.HTML: Content.HTML,
    Comparison.SIMPLE_INDEX: Content.INDEX,
    Comparison.FILE: Content.FILE,
}
_KINDS: Final = ("header", *(each.value for each in Content))
_FORMS: Final = (
    "header:NAME, status/OLD/NEW, json:/PATH, json:empty, xmlrpc:/PATH, index:/PATH, html:/PATH, html:SELECTOR or "
    "file:/host/HOST"
)
_HOST: Final = re.compile("/host(/[^/]+)?")
_EMPTY: Final = "json:empty"
_STATUSES: Final = re.compile("status/([1-5][0-9]{2})/([1-5][0-9]{2})")
_ESCAPED: Final = re.compile("~(.?)")
_UNESCAPED: Final = {"0": "~", "1": "/", "2": "*", "3": ""}
_NAME: Final = "[A-Za-z_][A-Za-z0-9_:.-]*"
_SIMPLE: Final = re.compile(  # one condition of a selector
    rf"""\#(?P<id>[\w-]+) | \.(?P<class>[\w-]+)
    | \[(?P<name>{_NAME})(?:=(?:"(?P<quoted>[^"\]]*)"|(?P<value>[^"\]]*)))?\]""",
    re.VERBOSE,
)
_SELECTOR: Final = re.compile(rf"(?P<tag>\*|[A-Za-z][A-Za-z0-9-]*)?(?P<rest>[^@]*?)(?:@(?P<only>{_NAME}))?", re.DOTALL)


def read_ignore(text: str) -> Ignore:
    statuses = _STATUSES.fullmatch(text)
    if statuses is not None:
        return StatusIgnore(int(statuses[1]), int(statuses[2]))
    if text == _EMPTY:
        return EmptyIgnore()
    kind, colon, what = text.partition(":")
    if not colon or kind not in _KINDS:
        raise Refusal(
            Code.BAD_IGNORE,
            f"{text!r} says nothing to ignore",
            f"what is ignored is written {_FORMS}.",
            nearest(kind, _KINDS),
        )
    if kind == "header":
        return HeaderIgnore(read_asked_field_name(what))
    if Content(kind) is Content.HTML and not what.startswith("/"):
        return _read_selector(what)
    if Content(kind) is Content.FILE and _HOST.fullmatch(what) is None:
        raise Refusal(
            Code.BAD_IGNORE,
            f"{text!r} is nothing that a file is compared by in part",
            "where one side redirects to the same path elsewhere, the host may be another: any one, or this one.",
            "write file:/host or file:/host/files.example.",
        )
    return PathIgnore(Content(kind), _read_path(text, what))


def is_looked_at(ignore: Ignore, compare: Comparison) -> bool:
    """Whether leaving it out can change what such a comparison says."""
    match ignore:
        case HeaderIgnore() | StatusIgnore():
            return True
        case EmptyIgnore():
            return compare is Comparison.JSON
        case PathIgnore(content=content):
            return content is _LOOKED_INTO.get(compare)
        case ElementIgnore():
            return _LOOKED_INTO.get(compare) is Content.HTML
        case _:
            assert_never(ignore)


def looked_into(compare: Comparison) -> str:
    """What such a comparison can leave out, in words."""
    content = _LOOKED_INTO.get(compare)
    return "headers and statuses alone" if content is None else f"headers, statuses and `{content}:`"


def escaped(part: str) -> str:
    """A name as a part of a path."""
    if "~" in part or "/" in part or "*" in part:
        return part.replace("~", "~0").replace("/", "~1").replace("*", "~2")
    return part or "~3"


def unescaped(part: str) -> str:
    """A part of a path as the name it stands for."""
    return _ESCAPED.sub(lambda found: _UNESCAPED[found[1]], part) if "~" in part else part


def written_ignore(ignore: Ignore) -> str:
    match ignore:
        case HeaderIgnore(name=name):
            return f"header:{name}"
        case StatusIgnore(old=old, new=new):
            return f"status/{old}/{new}"
        case EmptyIgnore():
            return _EMPTY
        case PathIgnore(content=content, parts=parts):
            return f"{content}:/{'/'.join('*' if part is None else escaped(part) for part in parts)}"
        case ElementIgnore(tag=tag, attributes=attributes, classes=classes, only=only):
            tests = [f"[{name}]" if value is None else f'[{name}="{value}"]' for name, value in attributes]
            named = "".join([*(f".{name}" for name in classes), *tests])
            return f"html:{tag or ''}{named}{'' if only is None else f'@{only}'}"
        case _:
            assert_never(ignore)


def _read_path(text: str, what: str) -> Parts:
    if not what.startswith("/") or what == "/" or "" in what[1:].split("/"):
        raise Refusal(
            Code.BAD_IGNORE,
            f"{text!r} does not name a part of the content",
            "a path begins with a slash, and its parts are names or `*`, which is any one.",
            "write it as in json:/info/downloads or index:/files/*/hashes/md5.",
        )
    return tuple(None if part == "*" else _ESCAPED.sub(lambda found: _unescape(text, found), part)
                 for part in what[1:].split("/"))  # fmt: skip


def _unescape(text: str, found: re.Match[str]) -> str:
    known = _UNESCAPED.get(found[1])
    if known is None:
        raise Refusal(
            Code.BAD_IGNORE,
            f"{found[0]!r} in {text!r} escapes nothing",
            "`~0` is a tilde, `~1` a slash, `~2` a star and `~3` an empty name.",
            "write ~0 for the tilde.",
        )
    return known


def _read_selector(text: str) -> ElementIgnore:
    whole = _SELECTOR.fullmatch(text)
    rest, at = "" if whole is None else whole["rest"], 0
    attributes: list[tuple[str, str | None]] = []
    classes: list[str] = []
    while found := _SIMPLE.match(rest, at):
        at = found.end()
        if found["class"]:
            classes.append(found["class"])
        elif found["id"]:
            attributes.append(("id", found["id"]))
        else:
            value = found["value"] if found["quoted"] is None else found["quoted"]
            attributes.append((found["name"].lower(), value))
    if whole is None or at < len(rest) or not text:
        raise Refusal(
            Code.BAD_IGNORE,
            f"{text!r} does not select elements",
            "a selector is a tag, #ID, .CLASS, [NAME], [NAME=VALUE] of one element, and @NAME for an attribute of it.",
            "write it as in meta[name=csrf-token], .footer or script@nonce.",
        )
    tag = None if whole["tag"] in (None, "*") else whole["tag"].lower()
    only = None if whole["only"] is None else whole["only"].lower()
    return ElementIgnore(tag, tuple(attributes), tuple(classes), only)
