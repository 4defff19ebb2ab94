"""Simple pages as what they say: a set of files, or of projects, whatever the form (PEP 503, 592, 629, 658, 691, 700,
708, 714, 740, 792).

Laws of this module:
- the order of files, white space, quoting, comments and private keys say nothing;
- files that lie on another host (scheme, name and port of their URLs) are one difference of the page, however many they
  are. On the same host the path of a URL counts where no hash of the file is of both sides: what a hash vouches for may
  lie anywhere (simple_places.py);
- what one form cannot say is not missing from it: sizes, moments of upload and lists of versions are compared
  between two JSON pages, and a page in HTML names one hash of those that JSON has;
- two pages whose files have no hash in common do not say the same. Where the pages have no algorithm in common, that is
  one difference, of the page: who ignores it still has compared what pages have in common;
- of an `api-version` the major number counts, which is what clients refuse (PEP 629).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from edgeproxy.migration.comparing.differences import Added, At, Changed, Missing, root, shown
from edgeproxy.migration.comparing.found import Found
from edgeproxy.migration.comparing.ignores import leads
from edgeproxy.migration.comparing.simple_places import Places, Sited, moves
from edgeproxy.ruleset.ignores import Parts

HASHES: Final = "hashes/"
METADATA: Final = "core-metadata"
ALGORITHMS: Final = "hash-algorithms"
HOSTS: Final = "hosts"
URL_PATH: Final = "url/path"
URL_DIGEST: Final = "url/digest"  # the BLAKE2b that PyPI's paths have: the one hash that pages of all ages share
_GROUPS: Final = (HASHES, f"{METADATA}/")
_JSON_ALONE: Final = frozenset(("size", "upload-time"))
_NAME: Final = ("name",)
_EVERY_FILE: Final = ("files", None)
_ANYTHING: Final = (None, None)

Attributes = dict[str, str]  # by path below the file; what is not said is not there


class Form(Enum):
    HTML = "html"
    JSON = "json"


@dataclass(slots=True)
class Page:
    """`said` is about the page as a whole; `versions` is None where the form or the page has no such list. `places`:
    the URLs of files by their names, as they are written; they lead from `base`.
    """

    form: Form
    base: str = ""
    places: Places = field(default_factory=dict)
    files: dict[str, Attributes] = field(default_factory=dict)
    projects: dict[str, Attributes] = field(default_factory=dict)
    said: Attributes = field(default_factory=dict)
    versions: frozenset[str] | None = None


class _Excused(dict[str, bool]):
    """Whether a file may differ in an attribute, by its path: computed once for all files of two pages."""

    def __init__(self, patterns: Iterable[Parts], *, is_same_form: bool) -> None:
        super().__init__()
        self._patterns = [parts[2:] for parts in patterns if parts[:2] in (_EVERY_FILE, _ANYTHING)]
        self._is_same_form = is_same_form

    def __missing__(self, name: str) -> bool:
        excused = name in _JSON_ALONE and not self._is_same_form
        parts = name.split("/")
        self[name] = found = excused or any(leads(pattern, parts) for pattern in self._patterns)
        return found


def compare_pages(found: Found, ignored: tuple[Parts, ...], old: Page, new: Page) -> None:
    """`ignored` are paths of which nothing below is compared; those of single files are left to `found`."""
    index = root("index")
    is_same_form = old.form is new.form
    _compare_said(found, index, old, new)
    if old.versions is not None and new.versions is not None:
        _compare_versions(found, index.part("versions"), old.versions, new.versions)
    excused = _Excused(ignored, is_same_form=is_same_form)
    algorithms = _algorithms_apart(old.files, new.files, excused)
    if algorithms is not None:
        found.add(Changed(*index.part(ALGORITHMS), *algorithms))
    files = index.part("files")
    _compare_places(found, index, old, new)
    for name, olds, news in _compare_names(found, files, old.files, new.files):
        differing = {each for each, _ in olds.items() ^ news.items() if not excused[each]}
        if algorithms is not None and _algorithms(olds) and _algorithms(news):
            differing -= {each for each in differing if each.startswith(HASHES)}
        if differing and not is_same_form:
            _drop_unsaid(differing, olds, news)
        if differing:
            _drop_implied(differing, olds, news)
            _compare_plainly(found, files.part(name, is_free=True), sorted(differing), olds, news)
    projects = index.part("projects")
    for name, olds, news in _compare_names(found, projects, old.projects, new.projects):
        _compare_plainly(found, projects.part(name, is_free=True), _NAME, olds, news)


def _compare_places(found: Found, index: At, old: Page, new: Page) -> None:
    def has_path(name: str) -> bool:
        return not _have_hash_in_common(old.files[name], new.files[name])

    moved = moves(Sited(old.base, old.places), Sited(new.base, new.places), has_path)
    if moved.hosts is not None:
        found.add(Changed(*index.part(HOSTS), *map(shown, moved.hosts)))
    for name, (before, after) in moved.paths.items():
        where = _below(index.part("files").part(name, is_free=True), URL_PATH)
        found.add(Changed(*where, shown(before), shown(after)))


def _have_hash_in_common(old: Attributes, new: Attributes) -> bool:
    """Of one algorithm: where it is another one, that is a difference already."""
    return any(name in new for name in old if name.startswith(HASHES) or name == URL_DIGEST)


def _algorithms_apart(
    old: dict[str, Attributes], new: dict[str, Attributes], excused: _Excused
) -> tuple[str, str] | None:
    """Those of each side, where none is of both, in the files that both have. PERF: one look, mostly."""
    ours: set[str] = set()
    theirs: set[str] = set()
    for name, olds in old.items():
        if name in new:
            ours |= _algorithms(olds)
            theirs |= _algorithms(new[name])
            if ours & theirs:
                return None
    sides = [sorted(each.removeprefix(HASHES) for each in side if not excused[each]) for side in (ours, theirs)]
    return (shown(", ".join(sides[0])), shown(", ".join(sides[1]))) if all(sides) else None


def _algorithms(attributes: Attributes) -> set[str]:
    return {name for name in attributes if name.startswith(HASHES)}


def _compare_said(found: Found, at: At, old: Page, new: Page) -> None:
    """The name of the project is in JSON alone: in a page for people it is anywhere."""
    names = sorted(old.said.keys() | new.said.keys())
    if old.form is not new.form:
        names = [name for name in names if name not in _NAME]
    _compare_plainly(found, at, names, old.said, new.said)


def _compare_versions(found: Found, at: At, old: frozenset[str], new: frozenset[str]) -> None:
    for version in sorted(old ^ new):
        where = at.part(version, is_free=True)
        found.add(Missing(*where, shown(version)) if version in old else Added(*where, shown(version)))


def _compare_names(
    found: Found, at: At, old: dict[str, Attributes], new: dict[str, Attributes]
) -> Iterator[tuple[str, Attributes, Attributes]]:
    """Those that both have, and have otherwise."""
    for name, olds in old.items():
        news = new.get(name)
        if news is None:
            found.add(Missing(*at.part(name, is_free=True), _summary(olds)))
        elif olds != news:
            yield name, olds, news
    for name, news in new.items():
        if name not in old:
            found.add(Added(*at.part(name, is_free=True), _summary(news)))


def _drop_unsaid(differing: set[str], old: Attributes, new: Attributes) -> None:
    """Of two groups of hashes that have one in common, what only one of them has: the other form has no room for it."""
    for group in _GROUPS:
        ours, theirs = ({name for name in each if name.startswith(group)} for each in (old, new))
        if ours & theirs:
            differing -= ours ^ theirs


def _drop_implied(differing: set[str], old: Attributes, new: Attributes) -> None:
    """Where there is no metadata, there is no hash of it; and not every URL has a digest."""
    if METADATA in differing:
        differing -= {name for name in differing if name.startswith(f"{METADATA}/")}
    if URL_DIGEST not in old or URL_DIGEST not in new:
        differing.discard(URL_DIGEST)


def _compare_plainly(found: Found, at: At, names: Iterable[str], old: Attributes, new: Attributes) -> None:
    for name in names:
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        where = _below(at, name)
        if after is None:
            found.add(Missing(*where, shown(before or "")))
        elif before is None:
            found.add(Added(*where, shown(after)))
        else:
            found.add(Changed(*where, shown(before), shown(after)))


def _below(at: At, name: str) -> At:
    for part in name.split("/"):
        at = at.part(part)
    return at


def _summary(attributes: Attributes) -> str:
    return shown(", ".join(f"{name}={value}" for name, value in attributes.items()))


def as_set(entries: list[tuple[str, Attributes]]) -> dict[str, Attributes]:
    """Files by their names. What is listed twice with the same attributes is one; with others there are several, told
    apart by their numbers, in an order of their own: `#` cannot stand in the last segment of a URL.
    """
    found = dict(entries)
    if len(found) == len(entries):
        return found
    by_name: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for name, attributes in entries:
        by_name.setdefault(name, set()).add(tuple(sorted(attributes.items())))
    return {
        name if number == 0 else f"{name}#{number + 1}": dict(attributes)
        for name, several in by_name.items()
        for number, attributes in enumerate(sorted(several))
    }
