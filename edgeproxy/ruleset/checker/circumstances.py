"""When a walk happens, in words: what must hold beside its first request.

Law: what is said to be needed was tried: with another value of it, the walk does not come about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

from edgeproxy.http.redirection import method_after
from edgeproxy.ruleset.arms import Cutover, backends_of
from edgeproxy.ruleset.checker.asked import Asked
from edgeproxy.ruleset.checker.facets import Facets, Header
from edgeproxy.ruleset.checker.held import spell
from edgeproxy.ruleset.checker.hops import Declared, Lead
from edgeproxy.ruleset.checker.simulate import Simulator, Step
from edgeproxy.ruleset.matching import ClientIn
from edgeproxy.ruleset.model import Forward
from edgeproxy.ruleset.read_during import written_moment


class Circumstances:
    def __init__(self, simulator: Simulator, facets: Facets) -> None:
        self._simulator = simulator
        self._facets = facets

    def of(self, steps: Sequence[Step], *, is_loop: bool) -> str | None:
        """None: always."""
        said = [*_by_leads(steps), *self._by_facts(steps, is_loop=is_loop)]
        return ", and ".join(dict.fromkeys(said)) or None

    def _by_facts(self, steps: Sequence[Step], *, is_loop: bool) -> Iterator[str]:
        first, facets = steps[0].asked, self._facets
        for name, values in (
            (axis.name, each.values) for axis, each in facets.texts.items() if isinstance(axis, Header)
        ):
            told = dict(first.headers)
            others = [_with_header(first, name, value) for value in values if value != told.get(name)]
            if not all(self._holds(other, steps, is_loop=is_loop) for other in others):
                yield f"with the header {name}: {told[name]}" if name in told else f"without the header {name}"
        calls = [replace(first, call=each.call) for each in facets.verbs if each.method == first.method]
        if not all(self._holds(other, steps, is_loop=is_loop) for other in calls if other.call != first.call):
            yield _of_call(first.call)
        clients = [replace(first, client=each) for each in facets.clients if each != first.client]
        if not all(self._holds(other, steps, is_loop=is_loop) for other in clients):
            yield _of_client(first, steps)
        moments = [replace(first, now=each) for each in facets.moments if each != first.now]
        if not all(self._holds(other, steps, is_loop=is_loop) for other in moments):
            yield _of_moment(first, steps)

    def _holds(self, start: Asked, steps: Sequence[Step], *, is_loop: bool) -> bool:
        """Whether the same leads lead the same way from another request."""
        asked = start
        for step in steps:
            found = next((each for each in self._simulator.steps(asked) if _is_like(each, step)), None)
            if found is None or found.following is None:
                return False
            asked = found.following
        return asked == start or not is_loop


def _is_like(found: Step, step: Step) -> bool:
    if found.lead.identity != step.lead.identity or found.lead.is_held != step.lead.is_held:
        return False
    one, other = found.following, step.following
    return one is not None and other is not None and (one.method, one.url) == (other.method, other.url)


def _by_leads(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        lead, source = step.lead, step.lead.source
        if lead.is_held:
            yield holding(lead)
        elif isinstance(source, Declared):
            if source.is_fallback:
                yield f"when {_first_backends(step)} fails and the fallback {source.backend.name} answers"
            elif lead.is_bound_to_arm and source.arm is not None:
                kind = "cutover" if isinstance(source.arm, Cutover) else "split"
                yield f"when the arm of {kind} {source.arm.name} is {source.backend.name}"
            if lead.rule.modifiers.cache is not None:
                yield f"when rule {lead.rule.name} has no copy in its cache (a hit would answer)"
        following = step.following
        if following is not None and following.method != method_after(lead.status, step.asked.method):
            if following.method == step.asked.method:
                yield f"for clients that repeat a {following.method} after a {lead.status} (RFC 9110 §15.4 lets them)"
            else:
                yield f"for clients that make a {following.method} of a {step.asked.method} after a {lead.status}"


def holding(lead: Lead) -> str:
    """When a held lead answers."""
    holder = "a client or cache" if lead.age else "a client"
    return f"while {holder} holds the {lead.status} of {lead.place.file}:{lead.place.line} ({spell(lead.kept)})"


def _first_backends(step: Step) -> str:
    action = step.lead.rule.action
    assert isinstance(action, Forward)
    return " or ".join(dict.fromkeys(backend.name for backend in backends_of(action.to)))


def _of_call(call: str | None) -> str:
    if call is None:
        return "without an XML-RPC call"
    return f"in an XML-RPC call of {call!r}" if call else "in an XML-RPC call that cannot be read"


def _with_header(asked: Asked, name: str, value: str | None) -> Asked:
    headers = [pair for pair in asked.headers if pair[0] != name]
    if value is not None:
        headers.append((name, value))
    return replace(asked, headers=tuple(headers))


def _of_client(asked: Asked, steps: Sequence[Step]) -> str:
    networks = [
        network
        for step in steps
        for condition in step.lead.rule.match.conditions
        if isinstance(condition, ClientIn)
        for network in condition.networks
    ]
    if not asked.client:
        return "for clients of a Unix socket"
    address = ip_address(asked.client)
    own = [str(network) for network in dict.fromkeys(networks) if address in network]
    return f"for clients in {own[0]}" if own else f"for clients such as {asked.client}"


def _of_moment(asked: Asked, steps: Sequence[Step]) -> str:
    names = dict.fromkeys(
        step.lead.rule.name for step in steps if step.lead.rule.match.during and not step.lead.is_held
    )
    when = written_moment(asked.now)
    if not names:
        return f"at some times, such as {when}, that windows of `during` leave out"
    return f"while `during` of {' and '.join(names)} is open, as at {when}"
