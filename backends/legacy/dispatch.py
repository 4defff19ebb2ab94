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

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from backends.legacy.actions import Form, act
from backends.legacy.asked import (
    Asked,
    Call,
    Daytime,
    Directory,
    Facts,
    FileAt,
    Gone,
    Home,
    Malformed,
    Missing,
    Moved,
    Notice,
    Purge,
    Serial,
    Signature,
    SignatureKey,
    SimpleIndex,
    SimpleProject,
    StyleSheet,
    Write,
)

CALL_TYPE = "text/xml"  # exactly: with a parameter it is no call

# Those that answer the same whatever comes after them.
_SCRIPTS: Final[Mapping[str, Asked]] = {
    "daytime": Daytime(),
    "google_login": Malformed("No provider of identities is known any more"),
    "mirrors": Notice.MIRRORS,
    "oauth": Gone("OAuth has been disabled."),
    "openid_claim": Malformed("No provider of identities is known any more"),
    "openid_login": Malformed("No provider of identities is known any more"),
    "security": Notice.SECURITY,
    "serial": Serial(),
    "serverkey": SignatureKey(),
    "tos": Notice.TERMS,
}
_DIRECTORIES: Final = frozenset({"/stats/", "/stats/days/", "/local-stats/", "/local-stats/days/"})

_PATH_SAFE = "/~!$&'()*+,;=:@"  # RFC 3986 section 3.3: what may stand in a path as it is


def is_for_tls_only(asked: Asked) -> bool:
    """What programs use, and send passwords with."""
    return isinstance(asked, SimpleIndex | SimpleProject | FileAt | Call | Write | Purge)


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
    if script == "serversig":
        return Signature(info)
    if script in _SCRIPTS:
        return _SCRIPTS[script]
    match script.lower():
        case "stats" | "local-stats":
            return _statistics(path)
        case "static":
            return StyleSheet() if info == "/styles.css" else Missing(path)
        case "simple" if script == "simple":
            return _simple(info)
        case "packages" if script == "packages":
            return _packages(info)
        case "pypi" | "simple" | "packages" | "serversig":
            return _application(info, facts)
        case lowered if lowered in _SCRIPTS:
            return _application(info, facts)
        case _:
            return Missing(path)


def _application(info: str, facts: Facts) -> Asked:
    return Call(facts.call) if facts.content_type == CALL_TYPE else _web(info, facts)


def _statistics(path: str) -> Asked:
    if path in _DIRECTORIES:
        return Directory(path)
    return Moved(located(f"{path}/")) if f"{path}/" in _DIRECTORIES else Missing(path)


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


def _web(info: str, facts: Facts) -> Asked:
    given = [(key, value) for key, value in facts.fields if value]  # an empty field is as good as none
    form = Form(dict(given), given, facts.user_agent)
    actions = form.several(":action")
    if len(actions) > 1:
        return Malformed(f"Only one :action may be given, not {len(actions)}")
    if not actions:
        return _by_path(info, form)
    if len(form.several("name")) > 1:
        return Malformed("Only one name may be given")
    return act(actions[0], form)


def _by_path(info: str, form: Form) -> Asked:
    if info == "":
        return Home()
    if info == "/":
        return Notice.INDEX
    name, *rest = info.split("/")[1:]
    fields = {**form.fields, "name": name}
    if rest and rest[0]:
        fields["version"] = rest[0]
    action = rest[1] if len(rest) == 2 and rest[1] else "display"
    return act(action, Form(fields, form.all, form.user_agent))


def located(path: str) -> str:
    """A path as a `Location`: what was decoded for look-ups is encoded again, line breaks above all."""
    return quote(path, safe=_PATH_SAFE)
