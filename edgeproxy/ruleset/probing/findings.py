"""From questions and answers to problems, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.checker.getting import ways
from edgeproxy.ruleset.follow import url_of
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import DeclaredRedirect, HttpBackend
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.probing.asking import Asking
from edgeproxy.ruleset.probing.generalising import Generalised, Seen, generalise
from edgeproxy.ruleset.probing.judging import Judgement, Verdict, asked_project, declared_for, is_redirect, judge, told
from edgeproxy.ruleset.probing.question import Answer, Question
from edgeproxy.ruleset.problems import Code, Evidence, Hop, Problem

Answered = Sequence[tuple[Question, Answer]]
Judged = tuple[Question, Answer, Judgement]

_NAME_PATHS: Final = "name paths that the backend has: --probe-path PATH, or --probe-from FILE."
_START: Final = "start the backend, or say where it is now: --backend NAME=PLACE."


@dataclass(frozen=True, slots=True)
class Probed:
    problems: tuple[Problem, ...]
    verdict: str


def probed(ruleset: Ruleset, asking: Asking, answered: Answered) -> Probed:
    """What the answers of the backends say of what is declared."""
    by_declared: dict[int, list[tuple[Question, Answer]]] = {}
    undeclared: dict[str, list[Seen]] = {}
    for question, answer in answered:
        declared = declared_for(question)
        if declared is not None:
            by_declared.setdefault(id(declared), []).append((question, answer))
        elif is_redirect(answer):
            seen = Seen.of(question, answer)
            if seen is not None:
                undeclared.setdefault(question.backend.name, []).append(seen)
    asked = [way.backend for rule in ruleset.rules if rule.off is None for way in ways(rule)]
    problems: list[Problem] = []
    counts = dict.fromkeys(Verdict, 0)
    for backend in ruleset.backends:
        if isinstance(backend, HttpBackend):
            for declared in backend.declares.redirects:
                own = by_declared.get(id(declared), ())
                verdict, found = _declared(backend, declared, own, is_asked=backend in asked)
                counts[verdict] += 1
                problems += found
            if not backend.declares.redirects:
                problems += _silent(backend, [each for each in answered if each[0].backend is backend])
            problems += (_undeclared(backend, each) for each in generalise(undeclared.get(backend.name, ())))
    return Probed(tuple(problems), _verdict(answered, asking, counts, sum(map(len, undeclared.values()))))


def _verdict(answered: Answered, asking: Asking, counts: Mapping[Verdict, int], undeclared: int) -> str:
    """Says also what the proof above does not know of."""
    beyond = f", {asking.unasked} more were not asked" if asking.unasked else ""
    silent = sum(answer.trouble is not None for _, answer in answered)
    unanswered = f", {silent} of them not answered" if silent else ""
    unknown = f"; {undeclared} undeclared seen: no verdict above knows of them" if undeclared else ""
    total = sum(counts.values())
    requests = "1 request" if len(answered) == 1 else f"{len(answered)} requests"
    return (
        f"probe: {requests} sent{unanswered}{beyond}; of {total} declared redirects "
        f"{counts[Verdict.CONFIRMED]} are confirmed, {counts[Verdict.OTHERWISE]} are not so, "
        f"{counts[Verdict.NOT_REACHED]} could not be tried{unknown}"
    )


def _silent(backend: HttpBackend, answered: Answered) -> Iterator[Problem]:
    """A backend that declares nothing and answered nothing: that no redirect was seen says nothing of it."""
    question, answer = answered[0] if answered else (None, None)
    if question is None or answer is None or question.rule is None or any(each.trouble is None for _, each in answered):
        return
    yield Problem(
        Code.NOT_PROBED,
        question.rule.place,
        f"whether {backend.name} redirects anything could not be tried",
        f"{question.target}: {answer.trouble}.",
        _START,
    )


def _declared(
    backend: HttpBackend, declared: DeclaredRedirect, answered: Answered, *, is_asked: bool
) -> tuple[Verdict, Sequence[Problem]]:
    try:
        judged = [(question, answer, judge(declared, question, answer)) for question, answer in answered]
    except Unsupported as error:
        return Verdict.NOT_REACHED, (_not_probed(backend, declared, f"{error}."),)
    otherwise = [each for each in judged if each[2].verdict is Verdict.OTHERWISE] or _served_twice(declared, judged)
    if otherwise:
        return Verdict.OTHERWISE, (_not_so(backend, declared, otherwise),)
    if any(each[2].verdict is Verdict.CONFIRMED for each in judged):
        return Verdict.CONFIRMED, ()
    why = " ".join(_why_not(judged)) if is_asked else "no rule asks this backend."
    is_silent = bool(answered) and all(answer.trouble is not None for _, answer in answered)
    return Verdict.NOT_REACHED, (_not_probed(backend, declared, why, _START if is_silent else _NAME_PATHS),)


def _served_twice(declared: DeclaredRedirect, judged: Sequence[Judged]) -> list[Judged]:
    """Pages of two spellings of one project, where all but one are declared to be redirected."""
    pages: dict[str, dict[str, Judged]] = {}
    for each in judged:
        question, answer, _ = each
        asked = asked_project(declared, question)
        if asked is not None and answer.trouble is None and answer.status < 300:
            project, spelling = asked
            pages.setdefault(project, {})[spelling] = each
    return next((list(each.values()) for each in pages.values() if len(each) > 1), [])


def _why_not(judged: Sequence[Judged]) -> Iterator[str]:
    if not judged:
        yield "no path is known that it takes and that a GET or HEAD may ask for."
    for question, answer, _ in judged[:3]:
        yield f"{question.target}: {told(answer)}."


def _not_probed(backend: HttpBackend, declared: DeclaredRedirect, why: str, remedy: str = _NAME_PATHS) -> Problem:
    return Problem(
        Code.NOT_PROBED,
        declared.place,
        f"whether {backend.name} redirects {declared.path} could not be tried",
        why,
        remedy,
    )


def _not_so(backend: HttpBackend, declared: DeclaredRedirect, otherwise: Sequence[Judged]) -> Problem:
    question, answer, judgement = otherwise[0]
    more = f", and {len(otherwise) - 1} more answers are not either" if len(otherwise) > 1 else ""
    return Problem(
        Code.REDIRECT_NOT_SO,
        declared.place,
        f"{backend.name} does not redirect {question.target} as declared",
        f"it answered {judgement.said}; declared is {declared.status} to {declared.to}{more}.",
        "correct the declaration: what the checker proves, it proves of what is declared.",
        evidence=_evidence(question, answer, declared.place),
    )


def _undeclared(backend: HttpBackend, found: Generalised) -> Problem:
    first = found.seen[0]
    question = first.question
    number = len(found.seen)
    seen = f"{number} such redirects were seen" if number > 1 else "such a redirect was seen"
    known = "them" if number > 1 else "it"
    also = f" ({' and '.join(found.also)} would fit as well)" if found.also else ""
    # who asked without a rule asked because of a declaration
    place = backend.declares.redirects[0].place if question.rule is None else question.rule.place
    return Problem(
        Code.UNDECLARED_REDIRECT,
        place,
        f"{backend.name} redirects {question.target}, and no declaration says so",
        f"{seen}, and the checker does not know of {known}.",
        f"add to `redirects` of {backend.name}{also}: {found.line}",
        evidence=_evidence(question, first.answer, place),
    )


def _evidence(question: Question, answer: Answer, place: Place) -> Evidence:
    url = url_of(question.client)
    by = f"backend {question.backend.name}"
    hop = Hop(question.method, url, by, answer.status, answer.location or "", place)
    condition = f"the backend is asked for {question.target}"
    if question.rule is None:
        condition += ", which no rule does for this URL"
    return Evidence(f"{question.method} {url}", (hop,), condition)
