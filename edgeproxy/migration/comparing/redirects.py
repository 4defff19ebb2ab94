"""Redirects, compared by where they lead.

Laws of this module:
- where somebody followed them, two answers are equal when a client ends with the same status and, of a success, the
  same octets; how many hops it took, and by which statuses, is nobody's concern. Where that is at no backend, the URL
  is compared;
- a new side that leads in a circle, or to a side that does not answer, differs, wherever the old one leads;
- where nobody did, statuses and targets are compared. A project's name is the same in every spelling that PEP 503
  makes one of, and a target without a host is on the host that was asked.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from edgeproxy.migration.comparing import answers
from edgeproxy.migration.comparing.answers import Answer, digest_of
from edgeproxy.migration.comparing.differences import (
    Added,
    At,
    Changed,
    Missing,
    StatusChanged,
    header_at,
    shown,
)
from edgeproxy.migration.comparing.found import Found
from edgeproxy.migration.specimen import Astray, Silence

_LOCATION: Final = header_at("location")
_END_STATUS: Final = At("final:status", "final:status")
_END_CONTENT: Final = At("final:content", "final:content")
_END_URL: Final = At("final:url", "final:url")
_FAILURES: Final = (*Silence, Astray.LOOP, Astray.TOO_MANY)
_BY_URL: Final = (Astray.ELSEWHERE, Astray.FILES)
_WITH_NAMES: Final = ("simple", "pypi", "project", "p")  # the segment after these is a project
_SEPARATORS: Final = re.compile("[-_.]+")
_ABOVE: Final = 300  # statuses below are successes
_WHOLE_SUCCESS: Final = 200


def compare_redirects(found: Found, old: Answer, new: Answer) -> None:
    before, after = _end(old), _end(new)
    if after is not None and (before is not None or after.why in _FAILURES):
        _compare_ends(found, before, after)
        return
    if old.status != new.status:
        found.add(StatusChanged(old.status, new.status))
        return
    _compare_targets(found, old.values("location"), new.values("location"))


def _compare_ends(found: Found, before: answers.Final | None, after: answers.Final) -> None:
    was, came = "unknown" if before is None else _word(before), _word(after)
    if was != came:
        found.add(Changed(_END_STATUS.path, f"{_END_STATUS.pattern}/{was}/{came}", _shown(before), _shown(after)))
    elif before is not None and after.why in _BY_URL and not _lead_to_one(before.url, after.url):
        found.add(Changed(*_END_URL, shown(before.url), shown(after.url)))
    elif before is not None and before.digest != after.digest and _WHOLE_SUCCESS <= before.status < _ABOVE:
        found.add(Changed(*_END_CONTENT, before.digest, after.digest))


def _word(end: answers.Final) -> str:
    return str(end.status) if end.why is None else end.why.replace(" ", "-")


def _shown(end: answers.Final | None) -> str:
    return "unknown" if end is None else shown(f"{_word(end)} {end.url}".rstrip())


def _end(answer: Answer) -> answers.Final | None:
    """Where a client ends; None: nobody went there, or what is there was not had as a whole."""
    if answer.final is not None or answer.is_redirect or (answer.flaw is not None and not answer.digest):
        return answer.final
    return answers.Final(answer.status, answer.digest or digest_of(answer.content))


def _compare_targets(found: Found, old: tuple[str, ...], new: tuple[str, ...]) -> None:
    before, after = ", ".join(old), ", ".join(new)
    if not before and not after:
        return
    if not after:
        found.add(Missing(*_LOCATION, shown(before)))
    elif not before:
        found.add(Added(*_LOCATION, shown(after)))
    elif not _lead_to_one(before, after):
        found.add(Changed(*_LOCATION, shown(before), shown(after)))


def _lead_to_one(old: str, new: str) -> bool:
    if old == new:
        return True
    try:
        before, after = urlsplit(old), urlsplit(new)
    except ValueError:  # a host that is none
        return False
    sites = [(each.scheme.lower(), each.netloc.lower()) for each in (before, after) if each.netloc]
    if len(set(sites)) > 1:
        return False
    return (_spelled(before.path), before.query, before.fragment) == (_spelled(after.path), after.query, after.fragment)


def _spelled(path: str) -> str:
    """The path with projects' names normalised."""
    parts = path.split("/")
    for at in range(1, len(parts)):
        if parts[at - 1] in _WITH_NAMES:
            name = unquote(parts[at], errors="surrogateescape")
            parts[at] = _SEPARATORS.sub("-", name).lower() if "/" not in name else parts[at]
            break
    return "/".join(parts)
