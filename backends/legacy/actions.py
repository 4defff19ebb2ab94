"""`:action`: what each of them asks for.

Laws of this module:
- what is in no table and no case was no action, and is not found;
- nobody is logged in, so what asked for a login asks for one and does nothing else, but for what wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backends.legacy.asked import (
    Asked,
    Broken,
    Browse,
    Classifiers,
    Digest,
    Doap,
    Document,
    Feed,
    FileList,
    Home,
    Login,
    Malformed,
    Missing,
    Notice,
    PackageInfo,
    ProjectPage,
    Purge,
    Refused,
    Registration,
    Search,
    Write,
)

_WRITES: Final = frozenset({"doc_upload", "file_upload", "submit", "submit_pkg_info", "verify"})

# A version of this name is not a version: it asks for that view of the latest release.
_VIEWS: Final = frozenset({"doap", "json"})

_EDIT: Final = Login("You must be identified to edit package information")
_ANY: Final = Login("You must login to access this feature")

_ALWAYS: Final[Mapping[str, Asked]] = {
    "about": Notice.ABOUT,
    "addkey": _ANY,
    "clear_auth": Home(),  # of nobody
    "delete_user": _ANY,
    "delkey": _ANY,
    "doc_destroy": Broken(),  # accepted to the end, when there was no such function any more
    "dropid": Refused("You are not logged in"),
    "exception": Broken(),  # what it was for
    "forgotten_password": Refused("email address unknown to me"),
    "forgotten_password_form": Notice.FORGOTTEN,
    "gae_file": Broken(),
    "home": Home(),
    "index": Notice.INDEX,
    "list_classifiers": Classifiers(),
    "login": _ANY,
    "login_form": Notice.LOGIN,
    "logout": Home(),
    "password_reset": Refused("email address unknown to me"),
    "pkg_edit": _EDIT,
    "pw_reset": Refused("invalid password reset token"),
    "pw_reset_change": Refused("invalid password reset token"),
    "register_form": Notice.REGISTER,
    "remove_pkg": _EDIT,
    "role": Broken(),
    "role_form": _ANY,
    "rss_regen": Broken(),
    "user": Registration(),
    "user_form": Login("You must authenticate"),
    **{action: Write(action) for action in _WRITES},
    **{feed.value: feed for feed in Feed},
}

MOST_CLASSIFIERS: Final = 8
MOST_TERMS: Final = 16  # each of them is searched for in six fields
_ROBOT: Final = re.compile(
    r"^$|brains|yeti|myie2|findlinks|ia_archiver|psycheclone|badass|crawler|slurp|spider|bot|scooter|infoseek"
    r"|looksmart|jeeves",
    re.IGNORECASE,
)
_STOPWORDS: Final = frozenset(
    [
        "a",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
    ]
)


@dataclass(frozen=True, slots=True)
class Form:
    fields: Mapping[str, str]  # the last value of each, without the empty ones
    all: Sequence[tuple[str, str]]
    user_agent: str

    def several(self, key: str) -> list[str]:
        return [value for given, value in self.all if given == key]


def act(action: str, form: Form) -> Asked:
    name, version = form.fields.get("name"), form.fields.get("version")
    if version in _VIEWS:
        action, version = version, None
    if action in _ALWAYS:
        return _ALWAYS[action]
    match action:
        case "display" if name is None:
            return Malformed("Which package is to be displayed? No name was given")
        case "display" if name is not None:
            return ProjectPage(name, version)
        case "json" | "doap" | "display_pkginfo":
            return _view(action, name, version, form)
        case "files":
            return FileList(name, version) if name and version else Refused("Name and version are required")
        case "show_md5":
            return Digest(form.fields["digest"]) if "digest" in form.fields else Missing("")
        case "purge":
            return Purge(tuple(form.several("project")))
        case "browse":
            return _browse(form)
        case "search":
            return _search(form)
        case _:
            return Missing("")


def _view(action: str, name: str | None, version: str | None, form: Form) -> Asked:
    if name is None:
        return Missing("no package name supplied")
    match action:
        case "json":
            return Document(name, version, form.fields.get("callback"))
        case "doap":
            return Doap(name, version)
        case _:
            return PackageInfo(name, version)


def _browse(form: Form) -> Asked:
    if _ROBOT.search(form.user_agent):
        return Browse((), False, True)
    numbers = [int(value) for value in form.several("c") if value.isascii() and value.isdigit() and len(value) < 10]
    if len(numbers) > MOST_CLASSIFIERS:
        return Refused("Too many classifiers")
    return Browse(tuple(sorted(numbers)), "all" in form.several("show"), False)


def _search(form: Form) -> Asked:
    typed = re.sub(r"[^\w\s.\-]", "", " ".join(form.several("term")).strip().lower())
    terms = tuple(term for term in typed.split() if term not in _STOPWORDS)
    if len(terms) > MOST_TERMS:
        return Malformed(f"You need to supply fewer search terms: {MOST_TERMS} at most")
    return Search(terms) if terms else Malformed("You need to supply a search term")
