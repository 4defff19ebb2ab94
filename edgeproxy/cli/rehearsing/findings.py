"""What is wrong with what live backends do: from walks to findings.

Laws of this module:
- what a client would meet as a failure is an error, whoever gives it: a loop, no answer, a 5xx, a redirect to where one
  of the edge's own backends is, another status, or another outcome of a call (a result, a fault, its code), on one arm
  than on the other;
- what is only unlike, or leads away, or nobody has walked, is a warning;
- a rule that says by itself that it fails (`respond: {status: 503}`) is no finding, nor is a page that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, assert_never

from edgeproxy.caching.variants import TEXT_HTML, V1_HTML
from edgeproxy.cli.rehearsing.courses import Walked
from edgeproxy.cli.rehearsing.found import Found, first_rule
from edgeproxy.cli.rehearsing.walk import (
    Answered,
    Failed,
    Leaves,
    Loop,
    NoFallback,
    Origin,
    Refused,
    TooManyHops,
    Undecided,
    Walk,
)
from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.migration.comparing.outcomes import Fault
from edgeproxy.ruleset.follow import MOST_HOPS
from edgeproxy.ruleset.modifiers import Trouble
from edgeproxy.ruleset.problems import Code
from edgeproxy.telemetry.counters import BackendFailure

FAILURES: Final = {
    BackendFailure.NO_ENDPOINT: "there is none of its places",
    BackendFailure.OVERLOADED: "it takes no more connections",
    BackendFailure.NAME: "its name has no address",
    BackendFailure.REFUSED: "it takes no connection",
    BackendFailure.TLS: "TLS with it does not come about",
    BackendFailure.CONNECT_TIMEOUT: "no connection comes about in time",
    BackendFailure.HEAD_TIMEOUT: "it hangs: no answer begins in time",
    BackendFailure.BODY_TIMEOUT: "its answer stops in the middle",
    BackendFailure.TOTAL_TIMEOUT: "its answer does not end in time",
    BackendFailure.STALE: "it closes the connection",
    BackendFailure.CLOSED: "it closes the connection before an answer",
    BackendFailure.TRUNCATED: "its answer breaks off in the middle",
    BackendFailure.BAD_ANSWER: "what it says is no HTTP that the edge passes on",
    BackendFailure.REDIRECT_LOOP: "its redirect leads back",
}
_LOGS: Final = "look at its log, and rehearse again."


def found_in(walked: Walked) -> Iterator[Found]:
    for walk in walked.walks:
        yield from _of_one(walk)
    yield from _captured(walked)
    yield from _between(walked.walks)


# -- one walk ---------------------------------------------------------------------------------------------------------


def _of_one(walk: Walk) -> Iterator[Found]:
    ending = walk.ending
    match ending:
        case Answered(status=status):
            if status >= 500 and walk.steps[-1].backend is not None:
                yield _broken(walk, status)
            elif status < 400:
                yield from _stood_in(walk)
        case Loop():
            yield _loop(walk, ending)
        case TooManyHops():
            why = f"it is redirected {MOST_HOPS} times and more, and clients give up."
            message = f"{walk.start} is redirected on and on"
            yield _found(Code.LIVE_HOPS, walk, "hops", message, why, "let the first redirect lead to the end.")
        case Failed():
            yield _failed(walk, ending)
        case NoFallback():
            yield _nobody(walk, ending)
        case Leaves():
            yield from _leaves(walk, ending)
        case Undecided(why=why, is_bound=False):
            message = f"{walk.start} was not walked to its end"
            yield _found(Code.NOT_WALKED, walk, why, message, f"{why}.", "walk it by hand, or name another request.")
        case Refused() | Undecided():
            pass  # counted
        case _:
            assert_never(ending)


def _found(code: Code, walk: Walk, what: object, message: str, why: str, remedy: str) -> Found:
    return Found(code, walk.last_rule, what, message, why, remedy, walk)


def _loop(walk: Walk, ending: Loop) -> Found:
    first, last = walk.steps[ending.hop - 1], walk.steps[-1]
    why = f"hop {len(walk.steps)} leads to hop {ending.hop} again, and so on until the client gives up."
    if ending.sets_cookie:
        why += " A cookie is set on the way: clients that keep none go on for ever."
    other = "or lead elsewhere" if first.by == last.by else f"or {first.by} lead elsewhere"
    remedy = f"let {last.by} answer by itself, {other}"
    if any(step.backend is not None for step in walk.steps):
        remedy += "; `edgeproxy check --probe` writes what backends redirect as declarations, which `check` then proves"
    circle = walk.steps[ending.hop - 1 :]
    rule, by = first_rule(circle, walk.start.rule), frozenset(step.by for step in circle)
    return Found(Code.LIVE_LOOP, rule, by, f"{walk.start} goes in a circle", why, f"{remedy}.", walk)


def _broken(walk: Walk, status: int) -> Found:
    last = walk.steps[-1]
    is_fallback = last.by.startswith("fallback")
    code = Code.FALLBACK_FAILS if is_fallback else Code.LIVE_FAILURE
    who = f"the fallback {last.backend}" if is_fallback else f"{last.backend}"
    message = f"{who} answers {status} to {walk.start}"
    return _found(code, walk, (last.backend, status), message, "its clients get that error.", _LOGS)


def _failed(walk: Walk, ending: Failed) -> Found:
    said = FAILURES[ending.failure]
    if ending.is_fallback:
        message = f"the fallback {ending.backend} does not answer {walk.start}"
        why = f"{said}: when the first backend fails, clients get an error all the same."
        return _found(Code.FALLBACK_FAILS, walk, (ending.backend, ending.failure), message, why, _start(ending.failure))
    message = f"{ending.backend} does not answer {walk.start}"
    why = f"{said}, and no fallback is declared: its clients get {ending.failure.status}."
    return _found(Code.LIVE_FAILURE, walk, (ending.backend, ending.failure), message, why, _start(ending.failure))


def _start(failure: BackendFailure) -> str:
    if failure in (BackendFailure.REFUSED, BackendFailure.CONNECT_TIMEOUT, BackendFailure.NAME):
        return "start it, or say where it is now: --backend NAME=PLACE."
    return _LOGS


def _nobody(walk: Walk, ending: NoFallback) -> Found:
    if ending.failure is None:
        message = f"{walk.start} has no answer while {ending.backend} fails"
        why = f"a rule on its way has a fallback, and {walk.last_rule.name!r} has none."
        remedy = f"give {walk.last_rule.name!r} a fallback, too."
        return _found(Code.NO_FALLBACK, walk, ending.backend, message, why, remedy)
    message = f"{ending.backend} does not answer {walk.start}, and the fallback does not stand in"
    why = f"{FAILURES[ending.failure]}, and `on` of the fallback does not name that."
    remedy = f"add to `on`: {', '.join(_words(ending.failure))}."
    return _found(Code.LIVE_FAILURE, walk, (ending.backend, ending.failure), message, why, remedy)


def _words(failure: BackendFailure) -> Iterator[str]:
    match failure:
        case BackendFailure.TLS:
            yield Trouble.TLS
        case BackendFailure.HEAD_TIMEOUT | BackendFailure.BODY_TIMEOUT:
            yield Trouble.TIMEOUT
        case BackendFailure.STALE | BackendFailure.CLOSED:
            yield Trouble.RESET
        case BackendFailure.BAD_ANSWER:
            yield Trouble.SERVER_ERROR
        case _:
            yield Trouble.CONNECT


def _stood_in(walk: Walk) -> Iterator[Found]:
    """Of what is not made up: that is found nowhere, mostly."""
    for step in walk.steps:
        forced = f"{walk.course.down} is taken to fail"
        if step.stood_in and step.stood_in != forced and walk.start.origin is not Origin.MADE_UP:
            message = f"{walk.start} needs its fallback: {step.stood_in}, and {step.backend} answered {step.status}"
            why = "what the first backend should answer, it does not: the fallback hides that."
            remedy = f"mend the first backend before {step.backend} goes."
            yield _found(Code.STOOD_IN, walk, step.stood_in, message, why, remedy)


def _leaves(walk: Walk, ending: Leaves) -> Iterator[Found]:
    """Where a rule leads away, it was meant."""
    last = walk.steps[-1]
    if ending.backend is not None:
        message = f"{last.by} redirects {walk.start} to the address of the backend {ending.backend}"
        why = f"{ending.location} is for the edge alone: clients cannot come there, or come past the edge."
        remedy = "let it make URLs of X-Forwarded-Host and X-Forwarded-Proto, or set its Location by a rule."
        yield _found(Code.LIVE_LEAK, walk, ending.backend, message, why, remedy)
    elif last.backend is not None:
        message = f"{last.by} leads {walk.start} away from this edge"
        why = f"{ending.location} is no URL that it answers for: what is there was not looked at."
        yield _found(
            Code.LIVE_LEAVES, walk, last.by, message, why, "declare the host, if this edge is to answer for it."
        )


# -- what was captured ------------------------------------------------------------------------------------------------


def _captured(walked: Walked) -> Iterator[Found]:
    walk, captured = walked.walks[0], walked.start.status
    ending = walk.ending
    if captured is None or captured >= 400 or not isinstance(ending, Answered) or not 400 <= ending.status < 500:
        return
    message = f"{walk.start} was {captured} when it was captured, and is {ending.status}"
    why = f"{walked.start.hits:,} captured requests are like it."
    remedy = "if it was taken away since, nothing is to be done; else look at the rule, and at who answered."
    yield _found(Code.CAPTURED_OTHERWISE, walk, (captured // 100, ending.status), message, why, remedy)


# -- several walks of one start ---------------------------------------------------------------------------------------


def _between(walks: Sequence[Walk]) -> Iterator[Found]:
    by_arms = {walk.course.arms: walk for walk in walks if walk.course.down is None}
    first = walks[0]
    for walk in walks[1:]:
        if walk.course.down is None:
            yield from _arms(first, walk)
        elif walk.course.arms in by_arms:
            yield from _in_its_place(by_arms[walk.course.arms], walk)


def _arms(one: Walk, other: Walk) -> Iterator[Found]:
    if not isinstance(one.ending, Answered) or not isinstance(other.ending, Answered):
        return  # what is no answer is a finding of its own
    if max(one.ending.status, other.ending.status) >= 500:
        return  # and so is that
    here, there = _arm(one, other), str(other.course)
    key = other.course.arms
    said = _differ(one.ending, other.ending)
    if said is not None:
        message = f"{one.start} is {said[0]} {here} and {said[1]} {there}"
        why = f"clients who are moved get another answer than before.{_faults(one.ending, other.ending)}"
        worse = one if _badness(one.ending) > _badness(other.ending) else other
        request = one.start.request
        remedy = "mend the arm that is wrong, or give the rule a fallback."
        if request.call is not None and request.body is None:
            said_by = f"a case of `expect` (`with xmlrpc {request.call} [...]`) or a --capture with bodies"
            remedy = f"mend the arm that is wrong; if the call needs parameters, say them by {said_by}."
        yield _found(Code.ARMS_DIFFER, worse, (key, worse is one), message, why, remedy)
        return
    unlike = list(_unlike(one, other))
    if unlike:
        message = f"{one.start} {unlike[0].replace('{here}', here).replace('{there}', there)}"
        why = "it ends alike, and clients who are moved see that it is another system."
        yield _found(Code.ARMS_UNLIKE, other, (key, unlike[0]), message, why, "nothing, if that is meant.")


def _differ(one: Answered, other: Answered) -> tuple[str, str] | None:
    """What each is, where these are not alike: another class of status; a result and a fault, or another one."""
    if one.status // 100 != other.status // 100:
        return str(one.status), str(other.status)
    if one.outcome is None or other.outcome is None or str(one.outcome) == str(other.outcome):
        return None
    return str(one.outcome), str(other.outcome)


def _badness(ending: Answered) -> tuple[int, bool]:
    return ending.status, not ending.is_success


def _faults(*endings: Answered) -> str:
    faults = (each.outcome for each in endings)
    return "".join(f" {fault.code}: {fault.text!r}." for fault in faults if isinstance(fault, Fault) and fault.text)


def _arm(one: Walk, other: Walk) -> str:
    """Where the first walk was at the fork that the other one took."""
    chosen = dict(other.course.arms)
    fork = next((each for each in one.forks if each.name in chosen), None)
    return "at first" if fork is None else f"on the arm {fork.taken} of {fork.name}"


def _unlike(one: Walk, other: Walk) -> Iterator[str]:
    """With the places of both."""
    answers = [next((step for step in walk.steps if step.backend is not None), None) for walk in (one, other)]
    redirects = [step is not None and step.status in REDIRECTS for step in answers]
    if redirects[0] != redirects[1]:
        yield "is redirected {here} and not {there}" if redirects[0] else "is redirected {there} and not {here}"
    kinds = [_kind(walk) for walk in (one, other)]
    if kinds[0] != kinds[1] and one.steps[-1].status < 300:
        yield f"is {kinds[0] or 'of no type'} {{here}} and {kinds[1] or 'of no type'} {{there}}"


def _kind(walk: Walk) -> str:
    """The media type of the answer; HTML by its plain name, under which the edge gives it."""
    kind = (walk.steps[-1].content_type or "").partition(";")[0].strip().lower()
    return TEXT_HTML if kind == V1_HTML else kind


def _in_its_place(one: Walk, other: Walk) -> Iterator[Found]:
    if not isinstance(one.ending, Answered) or not isinstance(other.ending, Answered):
        return
    said = _differ(one.ending, other.ending)
    if said is not None and max(one.ending.status, other.ending.status) < 500:
        message = f"{one.start} is {said[0]}, and {said[1]} {other.course}"
        why = f"{other.steps[-1].backend or 'who'} stands in, and has another answer."
        what = other.course.down, other.ending.status // 100, str(other.ending.outcome)
        yield _found(Code.FALLBACK_DIFFERS, other, what, message, why, "see that both have the same.")
