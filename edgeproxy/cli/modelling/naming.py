"""`edgeproxy model names`: a target's index is asked what there is, so that a session asks for files that a page names.

Laws of this module:
- GET only, one request after the other, no credential, no redirect followed; whoever wants a cold target asks before;
- what an index has more than `--most` projects of is not asked for.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import quote, urlsplit

from edgeproxy.cli.output import say
from edgeproxy.ruleset.filters import Filter, apply
from replay.model.catalogue import LARGEST, BadNames, Catalogue, Project, files_of, read_names, words_of
from replay.sending.target import BadTarget, Target

_TIMEOUT: Final = 30.0  # seconds
_ACCEPT: Final = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


class CannotName(Exception):
    """The message says why, and what to do."""


def name_things(args: Namespace) -> int:
    """Exit status: 0 done. Raises CannotName, BadNames, OSError."""
    catalogue = walked(args.index, args.at or _target_of(args.index), args)
    args.to.write_text(json.dumps(words_of(catalogue), indent=1) + "\n", encoding="utf-8")
    files = sum(len(project.files or ()) for project in catalogue.projects)
    say(f"{args.to}: {len(catalogue.projects):,} projects with {files:,} files")
    return 0


def names_of(args: Namespace) -> Catalogue:
    """As `play --names` says. Raises CannotName, BadNames, OSError."""
    if args.names.startswith(("http://", "https://")):
        return walked(args.names, args.to, args)
    return _read(Path(args.names))


def walked(index: str, target: Target, args: Namespace) -> Catalogue:
    asker = _Asker(target, urlsplit(index).netloc)
    try:
        names = _ordered(_normalised(read_names(asker.get(index)[0])), args)
        projects = list(_looked_at(names, index if index.endswith("/") else f"{index}/", asker))
    finally:
        asker.close()
    if not projects:
        raise CannotName(f"{index}: none of its projects has a page")
    return Catalogue(projects)


def _normalised(catalogue: Catalogue) -> list[Project]:
    """An index has names as their owners write them, and pages as installers ask for them (PEP 503)."""
    return [Project(name) for name in dict.fromkeys(apply(Filter.PEP503, each.name) for each in catalogue.projects)]


def _ordered(projects: Sequence[Project], args: Namespace) -> Sequence[Project]:
    """The most popular first, as far as anybody says; an index has them by their letters, which says nothing."""
    if args.order is not None:
        there = {project.name for project in projects}
        return [project for project in _normalised(_read(args.order)) if project.name in there][: args.most]
    return Random(args.seed).sample(projects, min(len(projects), args.most))


def _looked_at(projects: Sequence[Project], index: str, asker: _Asker) -> Iterator[Project]:
    for project in projects:
        url = f"{index}{quote(project.name)}/"
        try:
            content, etag = asker.get(url)
            yield replace(project, files=files_of(content, url), etag=etag)
        except (CannotName, BadNames) as error:
            print(f"left out: {error}", file=sys.stderr)


def _read(path: Path) -> Catalogue:
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise BadNames(f"{path}: more than {LARGEST:,} characters")
    try:
        return read_names(text)
    except BadNames as error:
        raise BadNames(f"{path}: {error}") from None


def _target_of(index: str) -> Target:
    parts = urlsplit(index)
    try:
        return Target.of(f"{parts.scheme}://{parts.netloc}")
    except BadTarget as error:
        raise CannotName(str(error)) from None


class _Asker:
    """By one connection to the target, opened again where it has been closed."""

    def __init__(self, target: Target, host: str) -> None:
        self._target = target
        self._host = host
        self._connection = self._open()

    def get(self, url: str) -> tuple[str, str | None]:
        """The content, and its ETag. Raises CannotName."""
        parts = urlsplit(url)
        headers = {"Host": self._host, "Accept": _ACCEPT, "User-Agent": "edgeproxy-model"}
        try:
            self._connection.request("GET", parts.path or "/", headers=headers)
            answer = self._connection.getresponse()
            content = answer.read(LARGEST + 1)
        except (OSError, HTTPException) as error:
            self.close()
            self._connection = self._open()
            raise CannotName(f"{url} at {self._target}: {str(error) or type(error).__name__}") from None
        if answer.status != 200:
            raise CannotName(f"{url} at {self._target}: {answer.status} {answer.reason}")
        if len(content) > LARGEST:
            raise CannotName(f"{url} at {self._target}: more than {LARGEST:,} octets")
        return content.decode("utf-8", "replace"), answer.getheader("ETag")

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> HTTPConnection:
        place = self._target.host, self._target.port
        if self._target.tls is None:
            return HTTPConnection(*place, timeout=_TIMEOUT)
        return HTTPSConnection(*place, timeout=_TIMEOUT, context=self._target.tls)
