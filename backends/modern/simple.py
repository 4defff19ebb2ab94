"""`/simple/` and `/simple/{name}/`: PEP 503 in HTML, PEP 691 in JSON, version 1.4 of both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from packaging.utils import canonicalize_name

from backends.modern import answers, rendering
from backends.modern.answers import Answer, Headers
from backends.modern.integrity import url_of
from backends.modern.negotiation import Form, negotiate
from backends.modern.visit import Visit, path_of
from backends.steps import Steps
from backends.store import File, Project

API_VERSION = "1.4"

FILES_AT_ONCE = 250  # 2 ms

_CACHED: Headers = (("Cache-Control", "public, max-age=600"), ("Vary", "Accept"))
_SURROGATE = "max-age={age}, stale-while-revalidate=300, stale-if-error=86400"

# Somebody else's package names are on this page; nothing on it may run or load anything.
_CSP = ("Content-Security-Policy", "default-src 'none'; sandbox allow-top-navigation")

MISSING = answers.Answer(404, (("Content-Type", answers.PLAIN), *answers.CORS), b"404 Not Found")


def index(visit: Visit) -> Steps[Answer]:
    form = negotiate(visit.accept, visit.query.get("format"))
    # Before the projects: who is told of a later state than its serial asks once more, and that is all.
    serial = visit.store.last_serial()
    pages = ([project for project in page if project.is_listed] for page in visit.store.project_pages())
    if form is Form.V1_JSON:
        body = yield from _index_json(pages, serial)
    else:
        projects = chain.from_iterable(pages)
        page = {"projects": projects, "serial": serial, "version": API_VERSION, "prefix": visit.prefix}
        body = yield from rendering.html_in_steps("simple_index.html", **page)
    # The JSON index changes with every upload anywhere, and mirrors ask for it: it is kept for less long.
    age = 1800 if form is Form.V1_JSON else 86400
    return _answer(form, body, _keys(serial, "all-html simple_index.html", age))


def _index_json(pages: Iterable[list[Project]], serial: int) -> Steps[bytes]:
    """As `rendering.json_line` writes the whole."""
    told: list[str] = []
    for page in pages:
        projects = [{"_last-serial": project.serial, "name": project.name} for project in page]
        if projects:
            told.append(rendering.json_text(projects)[1:-1])
        yield
    meta = rendering.json_text({"_last-serial": serial, "api-version": API_VERSION})
    return f'{{"meta":{meta},"projects":[{",".join(told)}]}}\n'.encode()


def detail(visit: Visit) -> Steps[Answer]:
    """Some have thousands of files."""
    normalized = canonicalize_name(visit.captures["name"])
    with visit.store.snapshot():
        project, reading = visit.store.project(normalized), visit.store.files_in_steps(normalized)
    if project is None:
        return MISSING
    if visit.captures["name"] != normalized:
        return answers.moved(visit.with_query(path_of("simple", normalized)))
    files = (yield from reading) if project.is_listed else []
    form = negotiate(visit.accept, visit.query.get("format"))
    tell = detail_json if form is Form.V1_JSON else detail_html
    body = yield from tell(project, files, visit.files_url, visit.origin)
    keys = f"project/{normalized} all-html simple_detail.html"
    return _answer(form, body, _keys(project.serial, keys, 86400))


def _keys(serial: int, keys: str, age: int) -> Headers:
    return (
        ("X-PyPI-Last-Serial", str(serial)),
        ("Surrogate-Key", keys),
        ("Surrogate-Control", _SURROGATE.format(age=age)),
    )


def _answer(form: Form, body: bytes, headers: Headers) -> Answer:
    content_type = answers.HTML if form is Form.HTML else form.value
    return answers.found(body, content_type, (*_CACHED, *headers, *answers.CORS, _CSP))


def detail_json(project: Project, files: list[File], files_url: str, origin: str) -> Steps[bytes]:
    """As `rendering.json_line` writes the whole. `files` come in the order of versions, so the versions that have files
    do too (PEP 700).
    """
    before = {
        "meta": {"_last-serial": project.serial, "api-version": API_VERSION},
        "name": project.normalized,
        "versions": list(dict.fromkeys(file.version for file in files)),
    }
    told: list[str] = []
    for begin in range(0, len(files), FILES_AT_ONCE):
        some = [_file(file, files_url, origin) for file in files[begin : begin + FILES_AT_ONCE]]
        told.append(rendering.json_text(some)[1:-1])
        yield
    behind = rendering.json_text({"project-status": _status(project)})
    return f'{rendering.json_text(before)[:-1]},"files":[{",".join(told)}],{behind[1:]}\n'.encode()


def detail_html(project: Project, files: list[File], files_url: str, origin: str) -> Steps[bytes]:
    page: dict[str, object] = {"project": project, "files": files, "files_url": files_url, "version": API_VERSION}
    provenances = {file.filename: url for file in files if (url := url_of(file, origin))}
    return rendering.html_in_steps("simple_detail.html", **page, provenances=provenances)


def _status(project: Project) -> dict[str, str]:
    reason = {"reason": project.status_reason} if project.status_reason else {}
    return {"status": project.status, **reason}


def _file(file: File, files_url: str, origin: str) -> object:
    metadata = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    return {
        "filename": file.filename,
        "url": f"{files_url}/{file.path}",
        "hashes": {"sha256": file.sha256},
        "requires-python": file.requires_python,
        "size": file.size,
        "upload-time": iso_8601(file.upload_time),
        "yanked": (file.yanked_reason or True) if file.yanked else False,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,  # PEP 691's name for it, with a prefix by mistake; see PEP 714
        "provenance": url_of(file, origin),
    }


def iso_8601(moment: datetime) -> str:
    """With microseconds, even when they are 0, and `Z` (PEP 700)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
