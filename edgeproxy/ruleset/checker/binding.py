"""Binding: a rewrite that is meant for one backend, in a rule that asks several.

The outage of 16 April 2018 began so: the name and signature of a storage were put on requests for its mirror, too
(rules/incidents/2018-04-16).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.getting import ways
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.origins import HttpBackend
from edgeproxy.ruleset.problems import Code, Problem, Related

_SECRETS: Final = ("authorization", "cookie", "signature", "token", "secret", "api-key", "x-amz-")


def binding(checking: Checking) -> Said:
    live = (each.rule for each in checking.ground.territories.values())
    return Said(tuple(problem for rule in live for problem in _rule(rule)))


def _rule(rule: Rule) -> Iterator[Problem]:
    asked = {way.backend.name: way.backend for way in ways(rule) if isinstance(way.backend, HttpBackend)}
    written = list(_written(rule, list(asked.values())))
    if len(asked) < 2 or not written:
        return
    others = [way for way in ways(rule) if way.place != rule.place]
    yield Problem(
        Code.UNBOUND_REWRITE,
        rule.place,
        f"the rule {rule.name!r} sends {' and '.join(written)} to {', '.join(asked)} alike",
        "a host name or a signature is one backend's; another takes the request for one that is not its own.",
        "say it of the backend (its `host`), or give each backend a rule of its own.",
        Related(others[0].place, f"{others[0].backend.name} is asked here, too") if others else None,
    )


def _written(rule: Rule, asked: Sequence[HttpBackend]) -> Iterator[str]:
    """What the rule writes into requests that is right for one backend alone."""
    rewrite = rule.modifiers.rewrite
    if rewrite.host is not None and any(backend.authority != rewrite.host for backend in asked):
        yield f"the host {rewrite.host}"
    for name, value in rewrite.headers:
        if value is not None and any(word in name.lower() for word in _SECRETS):
            yield f"the header {name}"
