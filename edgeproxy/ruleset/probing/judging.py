"""Whether an answer is what was declared.

Laws of this module:
- of a backend's declared redirects the first that takes a request counts, as everywhere;
- what only the backend knows is compared as a set of texts: any of them is what was declared;
- an answer that says nothing of redirects (none at all, 4xx, 5xx) neither confirms a declaration nor refutes it: the
  path may be of a project that the backend has not. Nor does a page where all spellings but one are redirected, until
  a second spelling of the project has a page, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edgeproxy.http.redirection import REDIRECTS, port_of, resolve
from edgeproxy.http.target import Target
from edgeproxy.ruleset.automata.captures import Captures
from edgeproxy.ruleset.automata.language import EMPTY_TEXT, Language, concatenation, text
from edgeproxy.ruleset.automata.paths import image
from edgeproxy.ruleset.automata.respelled import project_of, with_unknown
from edgeproxy.ruleset.leads import declared_captures
from edgeproxy.ruleset.origins import DeclaredRedirect
from edgeproxy.ruleset.probing.question import Answer, Question

_ORIGIN: Final = re.compile("https?://[^/?#]*")


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    OTHERWISE = "otherwise"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`said` is what the backend did, in words."""

    verdict: Verdict
    said: str


def declared_for(question: Question) -> DeclaredRedirect | None:
    """The declared redirect that takes a question."""
    for each in question.backend.declares.redirects:
        if declared_captures(each, question.method, question.path, question.query) is not None:
            return each
    return None


def judge(declared: DeclaredRedirect, question: Question, answer: Answer) -> Judgement:
    """For a question that the declaration takes."""
    said = told(answer)
    if answer.trouble is not None or answer.status >= 400:
        return Judgement(Verdict.NOT_REACHED, said)
    if answer.status < 300 and any(each.of is not None for each in declared.unknown):
        return Judgement(Verdict.NOT_REACHED, f"{said}, as for the spelling that its author chose")
    is_so = (
        answer.status == declared.status
        and answer.location is not None
        and leads_there(declared, question, answer.location)
    )
    return Judgement(Verdict.CONFIRMED if is_so else Verdict.OTHERWISE, said)


def asked_project(declared: DeclaredRedirect, question: Question) -> tuple[str, str] | None:
    """The project that is asked for where its author's spelling counts: by its normalised name, and as it was asked."""
    captures = declared_captures(declared, question.method, question.path, question.query)
    for each in declared.unknown:
        if each.of is not None and captures is not None:
            return project_of(captures[each.of]), captures[each.of]
    return None


def is_redirect(answer: Answer) -> bool:
    return answer.trouble is None and answer.status in REDIRECTS and answer.location is not None


def told(answer: Answer) -> str:
    if answer.trouble is not None:
        return answer.trouble
    return f"{answer.status}{'' if answer.location is None else f' to {answer.location}'}"


def leads_there(declared: DeclaredRedirect, question: Question, location: str) -> bool:
    """Whether a Location is one that the declaration may give. Raises Unsupported for a target with dot segments."""
    captures = declared_captures(declared, question.method, question.path, question.query)
    found = resolve(question.client, location)
    if captures is None or found is None or not _is_origin(declared, question.client, found):
        return False
    values = Captures({name: text(value) for name, value in captures.items()})
    made = image(declared.to, with_unknown(values, declared.unknown))
    if not made.paths.contains(found.path):
        return False
    return _joined(made.query).contains(found.query or "")


def _is_origin(declared: DeclaredRedirect, client: Target, found: Target) -> bool:
    """Whether it is the host that is written, or, where none is, the one that was asked."""
    written = _ORIGIN.match(declared.to.source)
    wanted = client if written is None else resolve(client, f"{written[0]}/")
    if wanted is None:
        return False
    return (found.scheme, found.host, port_of(found)) == (wanted.scheme, wanted.host, port_of(wanted))


def _joined(query: tuple[str | Language, ...] | None) -> Language:
    if not query:
        return EMPTY_TEXT
    return concatenation(*(text(each) if isinstance(each, str) else each for each in query))
