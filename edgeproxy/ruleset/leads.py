"""Where a rule leads: the one place that makes a Location and the path that a backend is asked for, for the edge, the
checker and the tools.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeproxy.ruleset.conditions import fulfils, holds, parameter_name
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Redirect, RedirectMap, Rule
from edgeproxy.ruleset.modifiers import QueryPolicy
from edgeproxy.ruleset.origins import DeclaredRedirect


def location(
    action: Redirect | RedirectMap, path: str, captures: Mapping[str, str], query: str | None, policy: QueryPolicy
) -> str:
    """The Location for a request that the rule takes: an absolute URL or path, the kept query at its end."""
    if isinstance(action, Redirect):
        target = action.to.expand(captures)
    else:
        target = action.moves.target(path) or ""  # a rule takes no path that is not in its map
    return with_query(target, kept_query(query, policy))


def asked_path(rule: Rule, path: str, captures: Mapping[str, str]) -> str:
    """The path that a backend is asked for, and that is looked up below a directory."""
    rewritten = rule.modifiers.rewrite.path
    return path if rewritten is None else rewritten.expand(captures)


def kept_query(query: str | None, policy: QueryPolicy) -> str | None:
    """What of a query goes on (see QueryPolicy); None where nothing is left."""
    if policy.keep is None or query is None:
        return query
    pairs = [pair for pair in query.split("&") if parameter_name(pair) in policy.keep]
    return "&".join(sorted(pairs, key=parameter_name)) or None


def with_query(target: str, query: str | None) -> str:
    return target if query is None else f"{target}{'&' if '?' in target else '?'}{query}"


def declared_captures(
    declared: DeclaredRedirect, method: str, path: str, query: str | None
) -> Mapping[str, str] | None:
    """What a backend's declared redirect captures of what the backend is asked; None where it takes no part."""
    captures = declared.path.match(path)
    facts = Facts(query=query)
    if (
        captures is None
        or (declared.methods and method not in declared.methods)
        or not fulfils(declared.where, captures)
        or not all(holds(each, facts) for each in declared.query)
    ):
        return None
    return captures
