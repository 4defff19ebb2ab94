"""The `cache` section of a rule file: where answers are kept, and how much of them.

Law: nothing that the edge keeps for itself lies where it serves files from: neither copies nor the token.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.caches import DEFAULT_CACHE, CacheSettings
from edgeproxy.ruleset.model import Files, Rule
from edgeproxy.ruleset.nodes import Node, Table
from edgeproxy.ruleset.origins import Backend, DirectoryBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal, Related
from edgeproxy.ruleset.quantities import read_size, written_size
from edgeproxy.ruleset.shape import CACHE_SETTINGS, Findings, read_table, read_value
from edgeproxy.ruleset.values import read_directory, read_token_name

# Below these a tier would throw out what it has just taken in.
LEAST: Final[Mapping[str, int]] = {"memory": 1 << 20, "disk": 16 << 20, "largest": 64 << 10}
_A_SIZE: Final = "it is a size"


def read_cache_settings(findings: Findings, node: Node, base: Path) -> CacheSettings:
    """`base` is where relative paths are looked up."""
    before = len(findings.problems)
    table = read_table(findings, node, CACHE_SETTINGS) or {}
    sizes = {key: read_value(findings, table[key], _size_reader(key), _A_SIZE) for key in LEAST if key in table}
    directory = _read_path(findings, table, "directory", read_directory, "it is a directory", base)
    token = _read_path(findings, table, "purge_token", read_token_name, "it is the path of a file", base)
    if "disk" in table and "directory" not in table:
        findings.report(
            Code.MISSING_KEY,
            table["disk"].place,
            "`disk` without a `directory`",
            "without one nothing is kept on disk.",
            "add `directory:`, or remove `disk`.",
        )
    if len(findings.problems) > before:
        return DEFAULT_CACHE
    memory = sizes.get("memory") or DEFAULT_CACHE.memory
    disk = sizes.get("disk") or DEFAULT_CACHE.disk
    room, where = (memory, "memory") if directory is None else (disk, "disk")
    largest = sizes.get("largest")
    if largest is not None and largest > room:
        _report_too_large(findings, table["largest"].place, largest, room, where)
    return CacheSettings(memory, directory, disk, largest or min(DEFAULT_CACHE.largest, disk), token)


def _read_path(
    findings: Findings, table: Mapping[str, Node], key: str, read: Callable[[str], str], what: str, base: Path
) -> Path | None:
    text = read_value(findings, table[key], read, what) if key in table else None
    return None if text is None else Path(posixpath.normpath(base / text))


def _size_reader(key: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        octets = read_size(text)
        if octets < LEAST[key]:
            least = written_size(LEAST[key])
            raise Refusal(
                Code.BAD_SIZE,
                f"a `{key}` of {text}",
                "hardly anything would be kept.",
                f"write {least} or more; where nothing is to be kept, leave `cache` out of the rules.",
            )
        return octets

    return read


def _report_too_large(findings: Findings, place: Place, largest: int, room: int, where: str) -> None:
    largest_text, room_text = written_size(largest), written_size(room)
    findings.report(
        Code.CONFLICTING_VALUES,
        place,
        f"a `largest` of {largest_text} with {room_text} of {where}",
        "no such answer could be kept.",
        f"write {room_text} or less, or `{where}: {largest_text}` or more.",
    )


# -- beside what is served ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Served:
    """A directory that clients get files from."""

    path: Path
    by: str
    place: Place | None


def check_kept_apart(
    findings: Findings, node: Node, settings: CacheSettings, backends: Iterable[Backend], rules: Iterable[Rule]
) -> None:
    """A problem for what the edge keeps for itself where clients could ask for it."""
    places = {key.value: value.place for key, value in node.entries} if isinstance(node, Table) else {}
    for served in _served(backends, rules):
        for key, path in (("directory", settings.directory), ("purge_token", settings.purge_token)):
            if path is not None and _is_within(path, served.path):
                why = (
                    "clients could ask for everything that is kept."
                    if key == "directory"
                    else "clients could ask for it."
                )
                _report_served(findings, places[key], key, path, served, why)
            elif path is not None and key == "directory" and _is_within(served.path, path):
                why = "what is in the cache's directory and not of it is moved aside, or thrown out."
                _report_served(findings, places[key], key, path, served, why)


def served_around(
    path: Path, backends: Iterable[Backend], rules: Iterable[Rule]
) -> Iterator[tuple[str, Related | None]]:
    """Where a file lies that is not to be served: each directory around it that clients get files from, as in "/srv,
    where the backend 'store' has".
    """
    for served in _served(backends, rules):
        if _is_within(path, served.path):
            yield f"{served.path}, where {served.by} has", _related(served)


def _served(backends: Iterable[Backend], rules: Iterable[Rule]) -> Iterator[_Served]:
    for backend in backends:
        if isinstance(backend, DirectoryBackend):
            yield _Served(Path(posixpath.normpath(backend.directory)), f"the backend {backend.name!r}", None)
    for rule in rules:
        if isinstance(rule.action, Files):
            yield _Served(Path(posixpath.normpath(rule.action.directory)), f"the rule {rule.name!r}", rule.place)


def _is_within(path: Path, directory: Path) -> bool:
    return directory == path or directory in path.parents


def _report_served(findings: Findings, place: Place, key: str, path: Path, served: _Served, why: str) -> None:
    findings.report(
        Code.CONFLICTING_VALUES,
        place,
        f"the `{key}` {path} of the cache and {served.path}, where {served.by} has its files",
        why,
        "name a place of its own.",
        _related(served),
    )


def _related(served: _Served) -> Related | None:
    return None if served.place is None else Related(served.place, "the rule is here")
