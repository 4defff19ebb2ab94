"""XML-RPC methods that the new site answered at its launch, as it did: not quite as the old site had.

`package_releases` gives the latest version only, unless it is asked for hidden ones, which are all the others here; a
search gives one row for a project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from packaging.utils import canonicalize_name

from backends import listing
from backends.changelog import changes_since
from backends.marshalling import Result, Written
from backends.modern.visit import Visit, path_of
from backends.steps import Steps
from backends.store import File
from backends.store.latest import latest
from backends.store.substrings import MOST_SOUGHT, SEARCHABLE, Operator, brief_of
from backends.store.words import Hit

Arguments: TypeAlias = tuple[object, ...]

MOST_FOUND: Final = 1000
_LINES_A_STEP: Final = 200

_TEXTS: Final = (
    "home_page", "download_url", "author", "author_email", "maintainer", "maintainer_email", "summary", "description",
    "license", "requires_python",
)  # fmt: skip
_LISTS: Final = (
    "classifiers", "requires", "requires_dist", "provides", "provides_dist", "obsoletes", "obsoletes_dist",
    "requires_external",
)  # fmt: skip


class WrongArguments(Exception):
    """Of what kind, and why: in the words that a fault has."""


def search(visit: Visit, arguments: Arguments) -> Steps[Result]:
    spec, operator = (*arguments, "and")[:2]
    if not isinstance(spec, dict):
        raise WrongArguments("TypeError: Invalid spec, must be a mapping/dictionary.")
    if operator not in ("and", "or"):
        raise WrongArguments("ValueError: Invalid operator, must be one of 'and' or 'or'.")
    wanted: dict[str, Sequence[str]] = {
        key: [str(each) for each in (value if isinstance(value, list) else [value])]
        for key, value in spec.items()
        if value and key in SEARCHABLE
    }
    if sum(map(len, wanted.values())) > MOST_SOUGHT:
        raise WrongArguments(f"ValueError: Invalid spec, more than {MOST_SOUGHT} values to search for.")
    return _searching(visit, wanted, "or" if operator == "or" else "and")


def _searching(visit: Visit, wanted: Mapping[str, Sequence[str]], operator: Operator) -> Steps[Result]:
    found: dict[str, Result] = {}  # by project
    for page in visit.store.search_pages(wanted, operator, hidden_too=True):
        for number, line in enumerate(page, 1):
            project = brief_of(line).project
            if project not in found and (hit := visit.store.hit(str(canonicalize_name(project)))) is not None:
                found[project] = _found(hit)
            if len(found) == MOST_FOUND:
                return [*found.values()]
            if number % _LINES_A_STEP == 0:
                yield
        yield
    return [*found.values()]


def _found(hit: Hit) -> dict[str, Any]:
    return {"name": hit.name, "summary": hit.summary, "version": hit.version, "_pypi_ordering": False}


def list_packages(visit: Visit, _arguments: Arguments) -> Steps[Written]:
    names: list[str] = []
    for page in visit.store.project_pages():
        names.extend(project.name for project in page if project.is_listed)
        yield
    return (yield from listing.names(sorted(names)))


def package_releases(visit: Visit, arguments: Arguments) -> Result:
    releases = visit.store.bare_releases(_normalized(arguments))
    if len(arguments) > 1 and arguments[1]:
        return [release.version for release in reversed(releases)]
    newest = latest(releases)
    return [newest.version] if newest is not None else []


def release_data(visit: Visit, arguments: Arguments) -> Result:
    release = visit.store.release(_normalized(arguments), _text(arguments, 1))
    if release is None or release.version != arguments[1]:
        return {}
    return {
        **{key: release.text(key) for key in _TEXTS},
        **{key: list(release.several(key)) for key in _LISTS},
        "name": release.project,
        "version": release.version,
        "keywords": ",".join(release.several("keywords")),
        "platform": ",".join(release.several("platforms")),
        "project_url": [f"{label}, {url}" for label, url in release.labelled("project_urls").items()],
        "package_url": visit.origin + path_of("project", release.project),
        "release_url": visit.origin + path_of("project", release.project, release.version),
        "downloads": {"last_day": -1, "last_week": -1, "last_month": -1},
        "_pypi_hidden": False,
        "_pypi_ordering": 0,
        **dict.fromkeys(("bugtrack_url", "docs_url", "stable_version")),
        **{f"cheesecake_{kind}_id": None for kind in ("code_kwalitee", "documentation", "installability")},
    }


def release_urls(visit: Visit, arguments: Arguments) -> Result:
    version = _text(arguments, 1)
    files = visit.store.files(_normalized(arguments), version)
    return [_file(visit, file) for file in files if file.version == version]


def _file(visit: Visit, file: File) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "packagetype": file.packagetype,
        "python_version": file.python_version,
        "size": file.size,
        "md5_digest": file.md5,
        "sha256_digest": file.sha256,
        "digests": {"md5": file.md5, "sha256": file.sha256},
        "has_sig": visit.has_signature(file),
        "upload_time": f"{file.upload_time.replace(tzinfo=None).isoformat()}Z",
        "comment_text": file.comment,
        "downloads": -1,
        "path": file.path.removeprefix("packages/"),
        "url": f"{visit.files_url}/{file.path}",
    }


def changelog(visit: Visit, arguments: Arguments) -> Steps[Written]:
    since, with_ids = (*arguments, False)[:2]
    if not isinstance(since, int):
        raise WrongArguments("TypeError: an integer is required")
    try:
        moment = datetime.fromtimestamp(since, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise WrongArguments("ValueError: year is out of range") from error
    return changes_since(visit.store, moment, bool(with_ids))


def package_hosting_mode(visit: Visit, arguments: Arguments) -> Result:
    return visit.store.hosting_mode(_normalized(arguments))


def _normalized(arguments: Arguments) -> str:
    return str(canonicalize_name(_text(arguments, 0)))


def _text(arguments: Arguments, place: int) -> str:
    if len(arguments) <= place or not isinstance(arguments[place], str):
        raise WrongArguments(f"TypeError: argument {place + 1} is to be a string")
    return str(arguments[place])


READS: Final[Mapping[str, Callable[[Visit, Arguments], Result | Steps[Result]]]] = {
    "changelog": changelog,
    "list_packages": list_packages,
    "package_hosting_mode": package_hosting_mode,
    "package_releases": package_releases,
    "release_data": release_data,
    "release_urls": release_urls,
}
