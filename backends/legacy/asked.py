"""All that can be asked of the old site, as values: a closed union."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a request that decides what is answered."""

    raw_path: str
    fields: tuple[tuple[str, str], ...] = ()  # of the query, then of the form
    content_type: str = ""
    call: bytes | None = b""  # the body, if its type is that of XML-RPC; None if it is too large to be read
    scheme: str = "http"
    if_none_match: str | None = None
    byte_range: str | None = None
    if_range: str | None = None
    user_agent: str = "-"


class Notice(Enum):
    """Pages that say one thing to everybody."""

    ABOUT = "about"
    FORGOTTEN = "forgotten"
    INDEX = "index"
    LOGIN = "login"
    MIRRORS = "mirrors"
    REGISTER = "register"
    SECURITY = "security"
    TERMS = "terms"


class Feed(Enum):
    RELEASES = "rss"
    PROJECTS = "packages_rss"
    LAST_HOUR = "lasthour"


@dataclass(frozen=True, slots=True)
class Moved:
    location: str
    status: int = 301


@dataclass(frozen=True, slots=True)
class SimpleIndex:
    pass


@dataclass(frozen=True, slots=True)
class SimpleProject:
    name: str  # as asked for


@dataclass(frozen=True, slots=True)
class FileAt:
    """A path below `/packages`, of either shape."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Serial:
    pass


@dataclass(frozen=True, slots=True)
class Daytime:
    pass


@dataclass(frozen=True, slots=True)
class Call:
    """XML-RPC; which method is in the body."""

    body: bytes | None


@dataclass(frozen=True, slots=True)
class Home:
    pass


@dataclass(frozen=True, slots=True)
class ProjectPage:
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON document of a project or release."""

    name: str
    version: str | None
    callback: str | None


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """A release as the text of PKG-INFO."""

    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Doap:
    """A release as a description of a project, in RDF."""

    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class FileList:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Browse:
    numbers: tuple[int, ...]  # of classifiers
    show_all: bool
    is_robot: bool


@dataclass(frozen=True, slots=True)
class Search:
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Classifiers:
    pass


@dataclass(frozen=True, slots=True)
class Digest:
    md5: str


@dataclass(frozen=True, slots=True)
class Purge:
    projects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StyleSheet:
    """Of the pages for people."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Of download counts: kept as a place (PEP 381), with nothing in it any more."""

    path: str


@dataclass(frozen=True, slots=True)
class Write:
    """To the index: gone for good since uploads moved to a host of their own."""

    action: str


@dataclass(frozen=True, slots=True)
class Registration:
    """Of an account, its confirmation and its changes."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Of a simple page, at the path below `/serversig`."""

    path: str


@dataclass(frozen=True, slots=True)
class SignatureKey:
    pass


@dataclass(frozen=True, slots=True)
class Gone:
    why: str


@dataclass(frozen=True, slots=True)
class Login:
    why: str


@dataclass(frozen=True, slots=True)
class Missing:
    why: str


@dataclass(frozen=True, slots=True)
class Malformed:
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Like what is malformed, but it was not the form that was wrong."""

    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """What the application accepted and could not do."""


Page: TypeAlias = (
    Moved
    | SimpleIndex
    | SimpleProject
    | FileAt
    | Serial
    | Daytime
    | Home
    | ProjectPage
    | Document
    | PackageInfo
    | Doap
    | FileList
    | Browse
    | Search
    | Classifiers
    | Digest
    | Purge
    | Directory
    | StyleSheet
    | Notice
    | Feed
    | Write
    | Registration
    | Signature
    | SignatureKey
    | Gone
    | Login
    | Missing
    | Malformed
    | Refused
    | Broken
)

Asked: TypeAlias = Page | Call  # a call is answered in steps
