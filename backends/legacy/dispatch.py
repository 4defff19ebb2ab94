"""What a request asks of the old site: a pure reading of its facts.

Laws of this module:
- the first path segment is the script. The web layer in front passes it on whatever its case, but the
  application knows its special ones (`simple`, `packages`, `serial`, `daytime`) by exact spelling only:
  `/Simple/x/` is not the simple index, it is the web page of `x`, like `/PyPI/x/`;
- below a special script nothing else counts; then an XML-RPC call is known by its content type, and after
  that `:action` wins over the path;
- the method counts nowhere: what can be read with GET answers HEAD and POST alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, unquote_to_bytes

CALL_TYPE = "text/xml"  # exactly: with a parameter it is no call

_SCRIPTS = frozenset({"daytime", "packages", "pypi", "serial", "simple"})

# Actions that wrote, and are gone for good since uploads moved to a host of their own.
_RETIRED = frozenset({"doc_upload", "file_upload", "submit", "submit_pkg_info", "verify"})

# A version of this name is not a version: it asks for that view of the latest release.
_VIEWS = frozenset({"json"})

_PATH_SAFE = "/~!$&'()*+,;=:@"  # RFC 3986 section 3.3: what may stand in a path as it is


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a request that decides what is answered."""

    raw_path: str
    fields: tuple[tuple[str, str], ...] = ()  # of the query, then of the form
    content_type: str = ""
    call: bytes | None = b""  # the body, if its type is that of XML-RPC; None if it is too large to be read
    scheme: str = "http"
    if_none_match: str | None = None
    byte_range: str | None = None
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    location: str
    status: int = 301


@dataclass(frozen=True, slots=True)
class SimpleIndex:
    pass


@dataclass(frozen=True, slots=True)
class SimpleProject:
    name: str  # as asked for


@dataclass(frozen=True, slots=True)
class FileAt:
    """A path below `/packages`, of either shape."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Serial:
    pass


@dataclass(frozen=True, slots=True)
class Daytime:
    pass


@dataclass(frozen=True, slots=True)
class Call:
    """XML-RPC; which method is in the body."""

    body: bytes | None


@dataclass(frozen=True, slots=True)
class Home:
    pass


@dataclass(frozen=True, slots=True)
class ProjectPage:
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON document of a project or release."""

    name: str
    version: str | None
    callback: str | None


@dataclass(frozen=True, slots=True)
class Retired:
    action: str


@dataclass(frozen=True, slots=True)
class Missing:
    why: str


@dataclass(frozen=True, slots=True)
class Malformed:
    why: str


Asked: TypeAlias = (
    Moved
    | SimpleIndex
    | SimpleProject
    | FileAt
    | Serial
    | Daytime
    | Call
    | Home
    | ProjectPage
    | Document
    | Retired
    | Missing
    | Malformed
)


def script_of(raw_path: str) -> str:
    return _split(unquote_to_bytes(raw_path).decode(errors="replace"))[0]


def dispatch(facts: Facts) -> Asked:
    try:
        path = unquote_to_bytes(facts.raw_path).decode()
    except UnicodeDecodeError:
        return Missing(f"{facts.raw_path} is not UTF-8 encoded")
    if path == "/":
        return Moved("/pypi", 302)
    script, info = _split(path)
    if script.lower() not in _SCRIPTS:
        return Missing(path)
    match script:
        case "simple":
            return _simple(info)
        case "packages":
            return _packages(info)
        case "serial":
            return Serial()
        case "daytime":
            return Daytime()
        case _:
            is_call = facts.content_type == CALL_TYPE
            return Call(facts.call) if is_call else _web(info, facts.fields)


def _split(path: str) -> tuple[str, str]:
    """The script, and the rest of the path with its leading slash."""
    script, slash, rest = path.removeprefix("/").partition("/")
    return script, slash + rest


def _simple(info: str) -> Asked:
    if info == "/":
        return SimpleIndex()
    # Before anything is looked up: a project that is not there gets its slash, too.
    if not info.endswith("/"):
        return Moved(located(f"/simple{info}/"))
    name = info[1:-1]
    return Missing(name) if "/" in name else SimpleProject(name)


def _packages(info: str) -> Asked:
    parts = tuple(info.split("/")[1:])
    if len(parts) < 4 and not info.endswith("/"):
        return Moved(located(f"/packages{info}/"))
    return FileAt(parts)


def _web(info: str, fields: Sequence[tuple[str, str]]) -> Asked:
    given = [(key, value) for key, value in fields if value]  # an empty field is as good as none
    actions = [value for key, value in given if key == ":action"]
    if len(actions) > 1:
        return Malformed(f"Only one :action may be given, not {len(actions)}")
    form = dict(given)
    if not actions:
        return _by_path(info, form)
    if sum(key == "name" for key, _ in given) > 1:
        return Malformed("Only one name may be given")
    return _act(actions[0], form)


def _by_path(info: str, form: dict[str, str]) -> Asked:
    if info in ("", "/"):
        return Home()
    name, *rest = info.split("/")[1:]
    form["name"] = name
    if rest and rest[0]:
        form["version"] = rest[0]
    action = rest[1] if len(rest) == 2 and rest[1] else "display"
    return _act(action, form)


def _act(action: str, form: dict[str, str]) -> Asked:
    name, version = form.get("name"), form.get("version")
    if version in _VIEWS:
        action, version = version, None
    match action:
        case "home":
            return Home()
        case "display" if name is not None:
            return ProjectPage(name, version)
        case "display":
            return Malformed("Which package is to be displayed? No name was given")
        case "json" if name is not None:
            return Document(name, version, form.get("callback"))
        case "json":
            return Missing("no package name supplied")
        case _ if action in _RETIRED:
            return Retired(action)
        case _:
            return Missing("")


def located(path: str) -> str:
    """A path as a `Location`: what was decoded for look-ups is encoded again, line breaks above all."""
    return quote(path, safe=_PATH_SAFE)
