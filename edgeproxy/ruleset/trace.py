"""Why a rule does not take a request: the first part of its match that the request fails, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from edgeproxy.http.target import Target
from edgeproxy.ruleset.conditions import holds, is_open, is_so
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
    Predicate,
    Presence,
    ValueMatch,
    Window,
)
from edgeproxy.ruleset.model import RedirectMap, Rule
from edgeproxy.ruleset.origins import Host
from edgeproxy.ruleset.quantities import written_duration
from edgeproxy.ruleset.read_during import written_moment


def why_not(rule: Rule, host: Host, method: str, target: Target, facts: Facts) -> str:
    """In the order off, host, scheme, path, captures, map, method, query and other conditions, time."""
    match = rule.match
    if rule.off is not None:
        return f"off: {rule.off}"
    if host not in match.hosts:
        return f"host: it is for {', '.join(each.name for each in match.hosts)}"
    if not rule.takes(target.scheme):
        return f"scheme: it is for {' and '.join(sorted(match.schemes))}"
    captures = match.path.match(target.path)
    if captures is None:
        return f"path: it is for {match.path}"
    for each in match.where:
        if not is_so(each.predicate, captures[each.capture]):
            return f"where: {each.capture} is {captures[each.capture]!r}, and it is for {_predicate(each.predicate)}"
    if isinstance(rule.action, RedirectMap) and rule.action.moves.target(target.path) is None:
        return f"map: the path is not in {rule.action.moves.file}"
    if match.methods and method not in match.methods:
        return f"method: it is for {', '.join(sorted(match.methods))}"
    for condition in match.conditions:
        if not holds(condition, facts):
            of, wanted = condition_words(condition)
            return f"{of}: it is for {wanted}"
    windows = window_words(match.during)
    is_now = any(is_open(each, facts.now) for each in match.during)
    return "" if is_now or not match.during else f"during: at {written_moment(facts.now)}; it is for {windows}"


def condition_words(condition: Condition) -> tuple[str, str]:
    """What it looks at, and what it wants of it."""
    match condition:
        case ParameterIs(name=name, value=value):
            return "query", f"{name} {_value(value)}"
        case HeaderIs(name=name, value=value):
            return "header", f"{name} {_value(value)}"
        case ClientIn(networks=networks):
            return "client", ", ".join(map(str, networks))
        case CallIs(methods=methods):
            return "xmlrpc", "any call" if methods is None else ", ".join(sorted(methods))
        case _:
            assert_never(condition)


def window_words(windows: Sequence[Window]) -> str:
    return ", or ".join(_window(each) for each in windows)


def _value(value: ValueMatch) -> str:
    match value:
        case OneOf(values=values):
            return " or ".join(repr(each) for each in sorted(values))
        case Begins(text=text):
            return f"that begins with {text!r}"
        case Matches(regex=regex):
            return f"that matches {regex}"
        case Presence(wanted=wanted):
            return "of any value" if wanted else "when there is none"
        case _:
            assert_never(value)


def _predicate(predicate: Predicate) -> str:
    match predicate:
        case InForm(form=form, wanted=wanted):
            return f"{'' if wanted else 'not '}normalized {form}"
        case Among(values=values, wanted=wanted):
            return f"{'' if wanted else 'none of '}{', '.join(sorted(values))}"
        case Fits(regex=regex, wanted=wanted):
            return f"what {'matches' if wanted else 'does not match'} {regex}"
        case _:
            assert_never(predicate)


def _window(window: Window) -> str:
    said = []
    if window.each is not None:
        said.append(f"the first {written_duration(window.first)} of each {written_duration(window.each)}")
        if window.after:
            said.append(f"after {written_duration(window.after)}")
    if window.start is not None:
        said.append(f"from {written_moment(window.start)}")
    if window.end is not None:
        said.append(f"until {written_moment(window.end)}")
    return " ".join(said) or "every moment"
