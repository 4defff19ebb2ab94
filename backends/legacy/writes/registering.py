"""`submit`, `submit_pkg_info` and `verify`: a release registered by what is said of it, or only looked at."""

from __future__ import annotations

from typing import Final

from backends.legacy import answers
from backends.legacy.answers import HTML
from backends.legacy.names import normalized_name
from backends.legacy.pages import notice_page, release_page
from backends.legacy.tags import written_tags
from backends.legacy.writes import metadata
from backends.legacy.writes.metadata import Unfit
from backends.legacy.writes.writing import Done, NotTaken, Writing, check_open, has_role, identified
from backends.store import Metadata, Project, Store
from backends.store.accounts import Account

# What people type by mistake, and what would then be installed: `pip install requirements.txt`.
PROHIBITED: Final = frozenset({"requirements-txt", "rrequirements-txt"})


def submit(writing: Writing) -> Done:
    account = identified(writing, "You must login to access this feature")
    return _registered(writing, account, metadata.of_form(writing.sent.fields))


def submit_pkg_info(writing: Writing) -> Done:
    account = identified(writing, "You must be identified to store package information")
    sent = writing.sent.bytes_of("pkginfo")
    if not sent:
        raise NotTaken(answers.malformed("You must supply the PKG-INFO file"))
    try:
        given = metadata.of_pkg_info(sent)
    except Unfit as error:
        raise NotTaken(answers.malformed(str(error))) from error
    return _registered(writing, account, given)


def verify(writing: Writing) -> Done:
    """For everybody: it changes nothing."""
    try:
        metadata.check(metadata.of_form(writing.sent.fields), writing.store)
    except Unfit as error:
        raise NotTaken(answers.refused(str(error), "Package verification")) from error
    return Done(answers.found(notice_page("Package verification", ("Validated OK",)), HTML))


def _registered(writing: Writing, account: Account, given: Metadata) -> Done:
    store = writing.store
    with store.exclusive():
        project = register(writing, account, given)
        hidden, version = writing.sent.one("_pypi_hidden"), str(given["version"])
        if hidden:
            store.set_hidden(project.normalized, version, hidden == "1", writing.now)
        release = store.release(project.normalized, version)
        files = store.files(project.normalized, version)
    assert release is not None  # it was just registered
    return Done(answers.found(release_page(release, files, writing.site), HTML), written_tags(store, project))


def register(writing: Writing, account: Account, given: Metadata) -> Project:
    """Within the caller's transaction. Who makes a project owns it. Raises NotTaken."""
    store = writing.store
    try:
        metadata.check(given, store)
    except Unfit as error:
        raise NotTaken(answers.malformed(str(error))) from error
    name = str(given["name"])
    check_prohibited(name)
    known = store.project(normalized_name(name))
    if known is None:
        store.store_release(given, writing.now)
        store.grant(normalized_name(name), "Owner", account.name, writing.now)
    else:
        _check_rights(store, known, name, account)
        store.store_release(given, writing.now)
    made = store.project(normalized_name(name))
    assert made is not None  # its release was just registered
    return made


def check_prohibited(name: str) -> None:
    if normalized_name(name) in PROHIBITED:
        raise NotTaken(answers.forbidden(f"Package name '{name}' invalid"))


def _check_rights(store: Store, known: Project, name: str, account: Account) -> None:
    if known.name != name:
        raise NotTaken(answers.forbidden(f"Package name conflicts with existing package '{known.name}'"))
    if not has_role(store, known, account):
        raise NotTaken(answers.forbidden(f"You are not allowed to store '{name}' package information"))
    check_open(known)
