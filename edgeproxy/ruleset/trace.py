"""Why a rule does not take a request: the first part of its match that the request fails, in words."""

from __future__ import annotations

from typing import assert_never

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.conditions import fulfils, holds, is_open
from edgeproxy.ruleset.matching import (
    Among,
    Begins,
    CallIs,
    ClientIn,
    Condition,
    Facts,
    Fits,
    HeaderIs,
    InForm,
    Matches,
    OneOf,
    ParameterIs,
    Presence,
    ValueMatch,
    Where,
)
from edgeproxy.ruleset.model import RedirectMap, Rule
from edgeproxy.ruleset.origins import Host


def why_not(rule: Rule, host: Host, method: str, scheme: Scheme, path: str, facts: Facts) -> str | None:
    """In the order off, host, scheme, path, method, conditions, time; None: it takes the request."""
    match = rule.match
    if rule.off is not None:
        return f"off: {rule.off}"
    if host not in match.hosts:
        return f"host: it is for {', '.join(each.name for each in match.hosts)}"
    if not rule.takes(scheme):
        return f"scheme: it is for {' and '.join(sorted(match.schemes))}"
    of_path = _why_not_path(rule, path)
    if of_path is not None:
        return of_path
    if match.methods and method not in match.methods:
        return f"method: it is for {', '.join(sorted(match.methods))}"
    failed = next((each for each in match.conditions if not holds(each, facts)), None)
    if failed is not None:
        return said_of(failed)
    if match.during and not any(is_open(window, facts.now) for window in match.during):
        return "during: no window of it is open at this time"
    return None


def _why_not_path(rule: Rule, path: str) -> str | None:
    captures = rule.match.path.match(path)
    if captures is None:
        return f"path: it is for {rule.match.path}"
    failed = next((each for each in rule.match.where if not fulfils((each,), captures)), None)
    if failed is not None:
        return f"where: {failed.capture} = {captures[failed.capture]}, and it is for what is {_predicate(failed)}"
    if isinstance(rule.action, RedirectMap) and rule.action.moves.target(path) is None:
        return f"map: {rule.action.moves.file} has no such path"
    return None


def _predicate(where: Where) -> str:
    match where.predicate:
        case InForm(form=form, wanted=wanted):
            return f"{'normalized' if wanted else 'not_normalized'}: {form}"
        case Among(values=values, wanted=wanted):
            return f"{'in' if wanted else 'not_in'}: [{', '.join(sorted(values))}]"
        case Fits(regex=regex, wanted=wanted):
            return f"{'matching' if wanted else 'not matching'} {regex}"
        case other:
            assert_never(other)


def said_of(condition: Condition) -> str:
    """A condition in words, as in `header: user-agent begins with 'pip/'`."""
    match condition:
        case ParameterIs(name=name, value=value):
            return f"query: it is for {name} {_value(value)}"
        case HeaderIs(name=name, value=value):
            return f"header: it is for {name} {_value(value)}"
        case ClientIn(networks=networks):
            return f"client: it is for {', '.join(map(str, networks))}"
        case CallIs(methods=None):
            return "xmlrpc: it is for calls"
        case CallIs(methods=methods):
            return f"xmlrpc: it is for calls of {', '.join(sorted(methods or ()))}"
        case other:
            assert_never(other)


def _value(value: ValueMatch) -> str:
    match value:
        case OneOf(values=values):
            return f"that is {' or '.join(map(repr, sorted(values)))}"
        case Begins(text=text):
            return f"that begins with {text!r}"
        case Matches(regex=regex):
            return f"that matches {regex}"
        case Presence(wanted=True):
            return "that is there"
        case Presence():
            return "that is not there"
        case other:
            assert_never(other)
