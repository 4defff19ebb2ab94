"""What a request asks for, read from its method, its path and its query: of both sites, whose URLs are alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from backends.faults.model import Place, Surface, Where

_CALL_TYPE: Final = "text/xml"
_FORM_TYPE: Final = "multipart/form-data"
_ACTIONS: Final[Mapping[str, Surface]] = {"json": Surface.JSON, "display": Surface.PAGE}
_BESIDE: Final = (".metadata", ".asc")


@dataclass(frozen=True, slots=True)
class NamedJson:
    """`/pypi/NAME[/VERSION]/json`: the name as it is spelled, and the path around it, still encoded."""

    before: str
    name: str
    after: str


_JSON: Final = re.compile(r"(/pypi/)([^/]+)((?:/[^/]+)?/json/?)")


def named_json(raw_path: str) -> NamedJson | None:
    matched = _JSON.fullmatch(raw_path)
    return None if matched is None else NamedJson(matched[1], unquote(matched[2]), matched[3])


def place_of(method: str, raw_path: str, query: Mapping[str, str], content_type: str) -> Place | None:
    """None: it is nothing of the index's, and has no faults."""
    first, *rest = raw_path.removeprefix("/").split("/")
    segments = [unquote(segment) for segment in rest if segment]
    match first:
        case "simple":
            return Place(Surface.SIMPLE, _project(segments[0] if segments else None))
        case "packages":
            return Place(Surface.FILES, _project(_name_in(segments[-1]) if segments else None))
        case "legacy" if method == "POST":
            return Place(Surface.UPLOAD)
        case "project" | "p":
            return Place(Surface.PAGE, _project(segments[0] if segments else None))
        case "pypi" | "RPC2" if method == "POST" and content_type == _CALL_TYPE:
            return Place(Surface.CALLS)
        case "pypi" if method == "POST" and content_type.startswith(_FORM_TYPE):
            return Place(Surface.UPLOAD)  # as the old site took them: what it is for is in the form
        case "pypi":
            return _of_pypi(raw_path, segments, query)
        case "":
            return Place(Surface.PAGE)
        case "static":
            return None
        case _:
            return Place(None)


def _of_pypi(raw_path: str, segments: list[str], query: Mapping[str, str]) -> Place:
    """The action wins over the path, as it does on the old site."""
    action = _ACTIONS.get(query.get(":action", ""))
    if action is not None:
        return Place(action, _project(query.get("name")))
    surface = Surface.PAGE if named_json(raw_path) is None else Surface.JSON
    return Place(surface, _project(segments[0] if segments else None))


def is_for(where: Where, place: Place) -> bool:
    """Whether a fault that is planted there acts on this request as a whole."""
    return where.surface in (None, place.surface) and where.project in (None, place.project)


def may_show_at(where: Where, place: Place) -> bool:
    """Whether an answer to this request may tell of what is planted there. A list tells of every project."""
    return where.surface in (None, place.surface) and (place.project is None or where.project in (None, place.project))


def _project(name: str | None) -> str | None:
    return str(canonicalize_name(name)) if name else None


def _name_in(filename: str) -> str:
    for suffix in _BESIDE:
        filename = filename.removesuffix(suffix)
    if filename.endswith(".whl"):
        return filename.partition("-")[0]
    return filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[0]
