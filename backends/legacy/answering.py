"""From what is asked to what is answered, out of one state of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias, assert_never
from urllib.parse import quote

from backends.legacy import answers, lists
from backends.legacy.answers import HTML, PLAIN, Answer, FileAnswer, found, missing, moved
from backends.legacy.asked import (
    Broken,
    Browse,
    Classifiers,
    Daytime,
    Digest,
    Directory,
    Doap,
    Document,
    Facts,
    Feed,
    FileAt,
    FileList,
    Gone,
    Home,
    Login,
    Malformed,
    Missing,
    Moved,
    Notice,
    PackageInfo,
    Page,
    ProjectPage,
    Purge,
    Refused,
    Registration,
    Search,
    Serial,
    Signature,
    SignatureKey,
    SimpleIndex,
    SimpleProject,
    StyleSheet,
    Write,
)
from backends.legacy.described import doap, doap_filename, package_info
from backends.legacy.documents import document, padded
from backends.legacy.feeds import CONTENT_TYPE
from backends.legacy.files import SIGNATURE, file_answer, is_at, no_file, signature_answer
from backends.legacy.library import Library
from backends.legacy.names import normalized_name, simple_name
from backends.legacy.notices import NOTICES
from backends.legacy.pages import (
    STYLES,
    all_page,
    directory_page,
    files_page,
    home_page,
    matches_page,
    notice_page,
    release_page,
    releases_page,
)
from backends.legacy.signing import public_key, signed
from backends.legacy.simple import index_page, project_page
from backends.legacy.site import page_path
from backends.legacy.tags import SIMPLE_INDEX, pages_tag
from backends.legacy.trove import browse_page_of
from backends.steps import Steps, joined
from backends.store import Project, Release

Reply: TypeAlias = Answer | FileAnswer

UPLOADS = "https://upload.pypi.test/legacy/"

_NO_SIGNATURES = (
    "The Simple Sign API has been deprecated and removed. If you're mirroring PyPI with bandersnatch then please "
    "upgrade to 1.7+. If you're mirroring PyPI with pep381client then please switch to bandersnatch. Otherwise contact "
    "the maintainer of your software and inform them of PEP 464."
)

_JSON_HEADERS = (
    ("Content-Disposition", "inline"),
    ("Surrogate-Control", "max-age=86400"),
    ("Cache-Control", "max-age=600, public"),
    ("Access-Control-Allow-Origin", "*"),
)


def answer(asked: Page, facts: Facts, library: Library, now: datetime) -> Reply | Steps[Reply]:
    """In steps, each of them out of one state of the store, if it is long."""
    match asked:
        case Moved(location, status):
            return moved(location, status)
        case SimpleIndex():
            return _simple_index(library)
        case SimpleProject(name):
            return _simple_project(name, library)
        case FileAt(parts):
            return _file(parts, facts, library)
        case Serial():
            return found(str(library.store.last_serial()), "text/plain")
        case Daytime():
            return found(f"{now.astimezone(UTC):%Y%m%dT%H:%M:%S}\n", "text/plain")
        case StyleSheet():
            return found(STYLES, "text/css", (("Cache-Control", "max-age=86400"),))
        case ProjectPage(name, version):
            return _project_page(name, version, library)
        case Document() | Doap() | PackageInfo():
            return _described(asked, library)
        case Signature(path):
            return _signature(path, library)
        case SignatureKey():
            return _signature_key(library)
        case Gone() | Login() | Missing() | Malformed() | Refused() | Broken() | Write() | Registration():
            return _refusal(asked)
        case _:
            return _page(asked, library, now)


def _page(
    asked: Home | Notice | Feed | Browse | Search | FileList | Classifiers | Digest | Purge | Directory,
    library: Library,
    now: datetime,
) -> Reply | Steps[Reply]:
    match asked:
        case Notice.INDEX if library.site.era.lists_the_world:
            return _all_projects(library)
        case Notice():
            return found(notice_page(*NOTICES[asked]), HTML)
        case Home():
            return _home(library)
        case Feed():
            return found(lists.told(asked, library, now), CONTENT_TYPE)
        case Browse():
            return _browse(asked, library)
        case Search(terms):
            return _search(terms, library)
        case FileList(name, version):
            return found(files_page(name, version, library.files_of(name, version), library.site), HTML)
        case Classifiers():
            return found("".join(f"{name}\n" for name in library.store.classifiers().values()) or "\n", PLAIN)
        case Digest(md5):
            return found(md5, PLAIN) if library.store.file_with_md5(md5) else missing("")
        case Purge():  # what it does is done outside
            return found("OK", "text/plain")
        case Directory(path):
            return found(directory_page(path), "text/html")
        case _:
            assert_never(asked)


def _refusal(
    asked: Gone | Login | Missing | Malformed | Refused | Broken | Write | Registration,
) -> Answer:
    match asked:
        case Registration():  # accounts are the new site's
            return answers.malformed("Clearing the email address is not allowed")
        case Write(action):
            return answers.gone(f"{action} has left this host: upload to {UPLOADS} instead")
        case Gone(why):
            return answers.gone(why)
        case Login(why):
            return answers.login(why)
        case Missing(why):
            return missing(why)
        case Malformed(why):
            return answers.malformed(why)
        case Refused(why):
            return answers.refused(why)
        case Broken():
            return answers.failed()
        case _:
            assert_never(asked)


def _home(library: Library) -> Answer:
    newest = [release for release in library.store.newest_releases(lists.MOST_IN_FEED) if not release.hidden]
    return found(home_page(newest, library.store.count_projects()), HTML)


def _all_projects(library: Library) -> Steps[Reply]:
    page = yield from joined(all_page(library.every_project(), library.store.count_projects()))
    return found(page, HTML)


def _simple_index(library: Library) -> Steps[Reply]:
    # Before the projects: who is told of a later state than its serial asks once more, and that is all.
    serial = _serial(library.store.last_serial(), library)
    projects: list[Project] = []
    for page in library.store.project_pages():
        projects += page
        yield
    text = yield from joined(index_page(projects))
    return found(text, HTML, (("Surrogate-Key", f"simple {SIMPLE_INDEX}"), *serial))


def _simple_project(name: str, library: Library) -> Answer:
    project = library.project_like(name)
    wanted = project.name if project and library.site.era.redirects_to_verbatim else simple_name(name)
    if name != wanted:
        # To the address without its slash, which moves on in a step of its own.
        return moved(page_path(wanted, script="simple")) if project else missing(f"{name} does not have any releases")
    if project is None:
        return missing(f"{name} does not exist")
    out = library.with_metadata(library.releases_of(project.name)) if library.site.era.links_out else ()
    page = project_page(name, library.store.files(project.normalized), library.site, out)
    return found(page, HTML, (_key("simple", project.name), *_serial(project.serial, library)))


def _signature(path: str, library: Library) -> Answer:
    """Of the simple page of the same name, by the site's key (PEP 381); what is no page is answered as there."""
    if not library.site.era.signs_pages:
        return answers.gone(_NO_SIGNATURES)
    if not path.endswith("/"):
        return moved(f"{quote(f'/serversig{path}')}/")
    name = path[1:-1]
    page = missing(name) if "/" in name else _simple_project(name, library)
    return page if page.status != 200 else signed(page, library.store.directory)


def _signature_key(library: Library) -> Answer:
    if not library.site.era.signs_pages:
        return missing("/serverkey")
    return found(public_key(library.store.directory), "text/plain")


def _file(parts: tuple[str, ...], facts: Facts, library: Library) -> Reply:
    name = parts[-1].removesuffix(SIGNATURE)
    file, is_signature = library.store.file_named(name), parts[-1] != name
    if file is None or not is_at(file, (*parts[:-1], name)) or (is_signature and not file.has_signature):
        return no_file(parts)
    project = library.store.project(normalized_name(file.project))
    path = library.store.files_directory / (file.path + SIGNATURE if is_signature else file.path)
    if project is None or not path.is_file():
        return no_file(parts)
    return (
        signature_answer(file, path, project.serial) if is_signature else file_answer(file, path, project.serial, facts)
    )


def _project_page(name: str, version: str | None, library: Library) -> Answer:
    releases = library.releases_of(name)
    if version is None:
        releases = [release for release in releases if not release.hidden]
        if len(releases) > 1:
            return found(releases_page(library.with_metadata(releases)[::-1]), HTML)
    chosen = _choose(releases, version)
    if chosen is not None:
        return found(release_page(library.whole(chosen), library.files_of(name, chosen.version), library.site), HTML)
    project = library.project_like(name)
    if project is None or project.name == name:
        return missing("")
    return moved(library.site.page(project.name, version))


def _described(asked: Document | Doap | PackageInfo, library: Library) -> Answer:
    project = library.project_like(asked.name)
    if project is not None and project.name != asked.name:
        # Towards the verbatim name: the other way round than the new site has it. To JSON, whatever was asked for.
        return moved(f"{page_path(project.name, asked.version)}/json")
    releases = library.releases_of(asked.name)
    if not isinstance(asked, Document) and asked.version is None:
        releases = [release for release in releases if not release.hidden]
    chosen = _choose(releases, asked.version)
    if project is None or chosen is None:
        return missing("no releases" if asked.version is None else "invalid name/version")
    chosen = library.whole(chosen)
    match asked:
        case Document():
            return _document(asked, project, chosen, releases, library)
        case Doap():
            disposition = ("Content-Disposition", f"attachment; filename={doap_filename(chosen)}")
            return found(doap(chosen), 'text/xml; charset="UTF-8"', (disposition,))
        case PackageInfo():
            return found(package_info(chosen), PLAIN)
        case _:
            assert_never(asked)


def _document(
    asked: Document, project: Project, chosen: Release, releases: Sequence[Release], library: Library
) -> Answer:
    text = document(chosen, releases, library.store.files(project.normalized), library.site)
    headers = (*_JSON_HEADERS, _key("json", project.name), *_serial(library.store.last_serial(), library))
    return found(padded(text, asked.callback), 'application/json; charset="UTF-8"', headers)


def _browse(asked: Browse, library: Library) -> Steps[Reply]:
    if asked.is_robot:
        return found("This page intentionally blank.", "text/plain")
    return found((yield from browse_page_of(asked, library)), HTML)


def _search(terms: tuple[str, ...], library: Library) -> Steps[Reply]:
    matches = yield from lists.search(terms, library)
    if len(matches) == 1:
        return answers.passing(library.site.page(matches[0].project, matches[0].version))
    title = f"Index of Packages Matching '{' '.join(terms)}'"
    return found((yield from joined(matches_page(title, matches))), HTML)


def _choose(releases: Sequence[Release], version: str | None) -> Release | None:
    """The release of exactly this version, or the newest of those that are given oldest first."""
    if version is None:
        return releases[-1] if releases else None
    return next((release for release in releases if release.version == version), None)


def _key(kind: str, name: str) -> tuple[str, str]:
    return "Surrogate-Key", f"{kind} {pages_tag(name)}"


def _serial(serial: int, library: Library) -> answers.Headers:
    return (("X-PYPI-LAST-SERIAL", str(serial)),) if library.site.era.tells_serials else ()
