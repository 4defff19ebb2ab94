"""`/pypi/{name}/json` and `/pypi/{name}/{version}/json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import canonicalize_name

from backends.modern import answers, rendering
from backends.modern.answers import Answer
from backends.modern.simple import iso_8601
from backends.modern.visit import Visit, path_of
from backends.store import File, Project, Release
from backends.store.latest import latest

MISSING = Answer(404, (("Content-Type", answers.JSON), *answers.CORS), b'{"message": "Not Found"}')


def project(visit: Visit) -> Answer:
    """The project with its latest release, and all its files by release."""
    normalized = canonicalize_name(visit.captures["name"])
    with visit.store.snapshot():
        found = visit.store.project(normalized)
        releases = visit.store.bare_releases(normalized)
        files = visit.store.files(normalized)
        newest = latest(releases)
        chosen = None if newest is None else visit.store.release(normalized, newest.version)
    if found is None or not found.is_listed or chosen is None:
        return MISSING
    spelled = _spelled(visit, found)
    if visit.captures["name"] != spelled:
        return answers.moved(visit.with_query(path_of("pypi", spelled) + "json"))
    document = release_document(visit, found, chosen, files)
    by_version: dict[str, list[object]] = {release.version: [] for release in releases}
    for file in files:
        by_version[file.version].append(file_document(file, visit))
    return _answer(found, "project-legacy-json", {**document, "releases": by_version})


def release(visit: Visit) -> Answer:
    """One release; the files of the others are not listed."""
    name, version = visit.captures["name"], visit.captures["version"]
    normalized = canonicalize_name(name)
    with visit.store.snapshot():
        found = visit.store.project(normalized)
        chosen = visit.store.release(normalized, version)
        files = visit.store.files(normalized, version)
    if found is None or not found.is_listed or chosen is None:
        return MISSING
    spelled = _spelled(visit, found)
    if name != spelled:
        release_path = path_of("pypi", spelled, version) + "json"
        return answers.moved(visit.with_query(release_path))
    return _answer(found, "release-legacy-json", release_document(visit, found, chosen, files))


def _spelled(visit: Visit, project: Project) -> str:
    """The one name under which a project's JSON is not redirected."""
    return project.name if visit.site.era.answers_json_verbatim else project.normalized


def _answer(project: Project, key: str, document: object) -> Answer:
    headers = (
        ("Cache-Control", "public, max-age=900"),
        ("Surrogate-Control", "max-age=86400, stale-while-revalidate=300, stale-if-error=86400"),
        ("Surrogate-Key", f"project/{project.normalized} all-legacy-json {key}"),
        ("X-PyPI-Last-Serial", str(project.serial)),
        *answers.CORS,
    )
    return answers.found(rendering.json_line(document), answers.JSON, headers)


def release_document(visit: Visit, project: Project, release: Release, files: Sequence[File]) -> dict[str, object]:
    return {
        "info": _info(release, visit.origin),
        "last_serial": project.serial,
        "ownership": {"organization": None, "roles": visit.roles_of(project.normalized)},
        "urls": [file_document(file, visit) for file in files if file.version == release.version],
        "vulnerabilities": [],
    }


def _info(release: Release, origin: str) -> Mapping[str, object]:
    """What was not given is null, not empty, but for the description and the classifiers."""
    project_url = origin + path_of("project", release.project)
    texts = (
        "author", "author_email", "description_content_type", "download_url", "home_page", "license",
        "license_expression", "maintainer", "maintainer_email", "requires_python", "summary",
    )  # fmt: skip
    lists = ("dynamic", "license_files", "provides_extra", "requires_dist")
    return {
        **{key: release.text(key) or None for key in texts},
        **{key: list(release.several(key)) or None for key in lists},
        "bugtrack_url": None,
        "classifiers": list(release.several("classifiers")),
        "description": release.text("description"),
        "docs_url": None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "keywords": ",".join(release.several("keywords")) or None,
        "name": release.project,
        "package_url": project_url,
        "platform": ",".join(release.several("platforms")) or None,
        "project_url": project_url,
        "project_urls": dict(release.labelled("project_urls")) or None,
        "release_url": origin + path_of("project", release.project, release.version),
        "version": release.version,
        "yanked": release.yanked,
        "yanked_reason": release.yanked_reason,
    }


def file_document(file: File, visit: Visit) -> object:
    return {
        "comment_text": file.comment or None,
        "core-metadata": {"sha256": file.metadata_sha256} if file.metadata_sha256 else False,
        "digests": {"blake2b_256": file.blake2b_256, "md5": file.md5, "sha256": file.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": visit.has_signature(file),
        "md5_digest": file.md5,
        "packagetype": file.packagetype,
        "python_version": file.python_version,
        "requires_python": file.requires_python,
        "size": file.size,
        "upload_time": file.upload_time.strftime("%Y-%m-%dT%H:%M:%S"),
        "upload_time_iso_8601": iso_8601(file.upload_time),
        "url": f"{visit.files_url}/{file.path}",
        "yanked": file.yanked,
        "yanked_reason": file.yanked_reason,
    }
